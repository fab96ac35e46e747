// rejected by: Guess: the whole trace
// status: wrong
// says: Line 3 is missing
const std::vector<std::string> prediction = {"one", "two"};
