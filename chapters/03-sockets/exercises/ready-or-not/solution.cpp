#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    // Turn 1. Nothing is there to read yet; there is room for what is written.
    "reader asks",
    "writer begins",
    "writer has written 6",
    "watch 1",
    // Turn 2. The reader became able to go on only at its beginning, behind the other two.
    "writer has written 8",
    "watch 2",
    "reader gets abcd",
    // The rest of both writes is there, so this read does not wait.
    "reader asks",
    "reader gets efgh",
    "reader asks",
    // At 10ms.
    "writer has written 10",
    // In the next turn the descriptor comes before the timer.
    "reader gets ij",
    "reader asks",
    "writer shuts down",
    "reader is done",
};
