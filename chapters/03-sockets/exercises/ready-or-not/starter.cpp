#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "reader asks",
    // TODO: go on, one line for each thing that is said
};
