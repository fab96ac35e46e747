// rejected by: Ready: what a read gives
// status: wrong
// says: A stream keeps bytes in order and nothing else
//
// Thinks that a read ends where a write ended.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "reader asks",           "writer begins",  "writer has written 6", "watch 1",
    "writer has written 8",  "watch 2",        "reader gets abcd",     "reader asks",
    "reader gets ef",        "reader asks",    "reader gets gh",       "reader asks",
    "writer has written 10", "reader gets ij", "reader asks",          "writer shuts down",
    "reader is done",
};
