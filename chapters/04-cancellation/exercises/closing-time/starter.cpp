#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "20 waiter has asked",
    // TODO: go on, one line for each thing that is said
};
