// rejected by: Timers: the same deadline
// status: wrong
// says: Line 3 differs: you predicted "20 smoke"
//
// Thinks that callbacks come before tasks.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "0 wash",  "0 light", "20 smoke", "20 stir",   "20 taste", "30 turn",  "40 stir",
    "60 turn", "60 stir", "70 carve", "95 carved", "95 sauce", "95 bread", "100 serve",
};
