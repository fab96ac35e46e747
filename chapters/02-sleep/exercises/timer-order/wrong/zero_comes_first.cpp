// rejected by: Timers: what needs no waiting
// status: wrong
// says: Line 1 differs: you predicted "0 light"
//
// Thinks that a delay of zero runs at once, before what is in the queue.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "0 light", "0 wash",  "20 stir",  "20 smoke",  "20 taste", "30 turn",  "40 stir",
    "60 turn", "60 stir", "70 carve", "95 carved", "95 sauce", "95 bread", "100 serve",
};
