// rejected by: Ready: what a read gives
// status: wrong
// says: Line 9 differs: you predicted "writer has written 10"
//
// Thinks that a read always waits, also where bytes are there.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "reader asks",           "writer begins",     "writer has written 6", "watch 1",
    "writer has written 8",  "watch 2",           "reader gets abcd",     "reader asks",
    "writer has written 10", "reader gets efgh",  "reader asks",          "reader gets ij",
    "reader asks",           "writer shuts down", "reader is done",
};
