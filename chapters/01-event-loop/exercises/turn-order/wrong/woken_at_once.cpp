// rejected by: Turns: the third turn
// status: wrong
// says: To wake a task is to make it ready
//
// Thinks that the end of a task resumes those who wait for it, there and then.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "morning",       "shop opens",  "shop waits", "customer 1", "baker comes",
    "dough is made", "oven on",     "bell rings", "customer 2", "oven off",
    "loaves: 2",     "shop closes", "customer 3", "customer 4", "noon",
};
