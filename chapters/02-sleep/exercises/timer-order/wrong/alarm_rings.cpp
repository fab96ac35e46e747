// rejected by: Timers: the first minute
// status: wrong
// says: Line 6 differs: you predicted "25 alarm"
//
// Thinks that a cancelled timer fires all the same.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "0 wash",  "0 light", "20 stir",  "20 smoke",  "20 taste", "25 alarm", "30 turn",   "40 stir",
    "60 turn", "60 stir", "70 carve", "95 carved", "95 sauce", "95 bread", "100 serve",
};
