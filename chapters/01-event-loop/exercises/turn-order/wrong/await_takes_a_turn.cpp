// rejected by: Turns: the second turn
// status: wrong
// says: Line 7 differs: you predicted "bell rings"
//
// Thinks that an await between Coros passes through the loop.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "morning",       "shop opens", "shop waits", "customer 1",  "baker comes",
    "dough is made", "bell rings", "customer 2", "oven on",     "customer 3",
    "oven off",      "customer 4", "loaves: 2",  "shop closes", "noon",
};
