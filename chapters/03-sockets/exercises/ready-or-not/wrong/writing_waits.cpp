// rejected by: Ready: what the first turn says
// status: wrong
// says: Line 3 differs: you predicted "watch 1"
//
// Thinks that every socket operation gives the thread away.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "reader asks",          "writer begins",         "watch 1",
    "writer has written 6", "writer has written 8",  "watch 2",
    "reader gets abcd",     "reader asks",           "reader gets efgh",
    "reader asks",          "writer has written 10", "reader gets ij",
    "reader asks",          "writer shuts down",     "reader is done",
};
