// rejected by: Timers: the first minute
// status: wrong
// says: Line 8 differs: you predicted "60 stir"
//
// Thinks that equal deadlines go by the order of the tasks.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "0 wash",  "0 light", "20 stir",  "20 smoke",  "20 taste", "30 turn",  "40 stir",
    "60 stir", "60 turn", "70 carve", "95 carved", "95 sauce", "95 bread", "100 serve",
};
