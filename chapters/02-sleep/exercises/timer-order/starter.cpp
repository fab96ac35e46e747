#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "0 wash",
    // TODO: go on, one line for each thing that is said, with its second
};
