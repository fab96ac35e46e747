// rejected by: Timers: to the end, with a thread that was busy
// status: wrong
// says: Line 12 differs: you predicted "95 serve"
//
// Thinks that a sleep counts from the deadline before it: 70 and 5 are 75, so it is due at once.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "0 wash",  "0 light", "20 stir",  "20 smoke",  "20 taste", "30 turn",  "40 stir",
    "60 turn", "60 stir", "70 carve", "95 carved", "95 serve", "95 sauce", "95 bread",
};
