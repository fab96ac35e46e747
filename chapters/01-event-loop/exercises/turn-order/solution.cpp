#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "morning",
    // Turn 1: shop, customer.
    "shop opens",
    "shop waits",
    "customer 1",
    // Turn 2: baker, bell, customer. The await of bake() is a call, so the oven is on in this turn.
    "baker comes",
    "dough is made",
    "oven on",
    "bell rings",
    "customer 2",
    // Turn 3: baker (who stands in bake), customer. His end wakes the shop, for the next turn.
    "oven off",
    "loaves: 2",
    "customer 3",
    // Turn 4: shop, customer. In turn 5 the customer only ends.
    "shop closes",
    "customer 4",
    "noon",
};
