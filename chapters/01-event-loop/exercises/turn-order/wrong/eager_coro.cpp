// rejected by: Turns: the second turn
// status: wrong
// says: Line 6 differs: you predicted "oven on"
//
// Thinks that calling bake() runs it to its first pause.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "morning",   "shop opens",    "shop waits",  "customer 1", "baker comes",
    "oven on",   "dough is made", "bell rings",  "customer 2", "oven off",
    "loaves: 2", "customer 3",    "shop closes", "customer 4", "noon",
};
