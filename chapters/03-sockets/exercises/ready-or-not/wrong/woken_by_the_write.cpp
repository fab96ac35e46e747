// rejected by: Ready: what the first turn says
// status: wrong
// says: Line 3 differs: you predicted "reader gets abcd"
//
// Thinks that the write resumes the reader there and then.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "reader asks",
    "writer begins",
    "reader gets abcd",
    "writer has written 6",
    "watch 1",
    "writer has written 8",
    "watch 2",
    "reader asks",
    "reader gets efgh",
    "reader asks",
    "writer has written 10",
    "reader gets ij",
    "reader asks",
    "writer shuts down",
    "reader is done",
};
