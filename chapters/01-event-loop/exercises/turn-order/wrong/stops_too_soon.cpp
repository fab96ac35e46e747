// rejected by: Turns: the whole morning
// status: wrong
// says: Line 14 is missing
//
// Thinks that the loop ends with the first task that was made.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "morning",       "shop opens", "shop waits",  "customer 1", "baker comes",
    "dough is made", "oven on",    "bell rings",  "customer 2", "oven off",
    "loaves: 2",     "customer 3", "shop closes",
};
