#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "morning", "shop opens", "shop waits",
    // TODO: go on, one line for each thing that is said
};
