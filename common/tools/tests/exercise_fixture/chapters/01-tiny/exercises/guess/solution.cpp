const std::vector<std::string> prediction = {
    "one",
    "two",
    "three",
};
