#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "clerk ran 5",
    // TODO: go on, one line for each thing that the bills say
};
