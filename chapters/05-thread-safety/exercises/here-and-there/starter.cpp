#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "visitor (there)",
    // TODO: go on, one line for each thing that is said
};
