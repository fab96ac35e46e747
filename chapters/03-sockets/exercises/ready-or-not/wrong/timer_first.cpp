// rejected by: Ready: to the end of the stream
// status: wrong
// says: Line 12 differs: you predicted "writer shuts down"
//
// Thinks that a timer that is due goes before a descriptor that is ready.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "reader asks",          "writer begins", "writer has written 6",  "watch 1",
    "writer has written 8", "watch 2",       "reader gets abcd",      "reader asks",
    "reader gets efgh",     "reader asks",   "writer has written 10", "writer shuts down",
    "reader gets ij",       "reader asks",   "reader is done",
};
