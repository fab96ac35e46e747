// rejected by: Timers: to the end, with a thread that was busy
// status: wrong
// says: Line 11 differs: you predicted "80 sauce"
//
// Thinks that timers fire while a task holds the thread.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "0 wash",  "0 light", "20 stir",  "20 smoke", "20 taste", "30 turn",   "40 stir",
    "60 turn", "60 stir", "70 carve", "80 sauce", "90 bread", "95 carved", "100 serve",
};
