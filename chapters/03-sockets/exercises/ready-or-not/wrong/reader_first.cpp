// rejected by: Ready: who goes on in the second turn
// status: wrong
// says: Line 5 differs: you predicted "reader gets abcd"
//
// Thinks that a descriptor that is ready goes before those in the queue.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "reader asks", "writer begins",         "writer has written 6",
    "watch 1",     "reader gets abcd",      "writer has written 8",
    "watch 2",     "reader asks",           "reader gets efgh",
    "reader asks", "writer has written 10", "reader gets ij",
    "reader asks", "writer shuts down",     "reader is done",
};
