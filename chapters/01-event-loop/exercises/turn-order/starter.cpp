#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    // Before the loop runs:
    "morning",
    // Turn 1:
    "shop opens",
    // TODO: go on, one line for each thing that is said
};
