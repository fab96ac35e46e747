// rejected by: Turns: what is said before the loop runs, and in the first turn
// status: wrong
// says: Line 3 differs: you predicted "baker comes"
//
// Thinks that create_task() begins to run the task, as a function call would.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "morning",    "shop opens",  "baker comes", "dough is made", "oven on",
    "bell rings", "shop waits",  "customer 1",  "oven off",      "loaves: 2",
    "customer 2", "shop closes", "customer 3",  "customer 4",    "noon",
};
