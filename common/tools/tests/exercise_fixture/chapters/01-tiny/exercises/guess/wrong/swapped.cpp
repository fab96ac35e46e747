// rejected by: Guess: the whole trace
// status: wrong
// says: Line 2 differs: you predicted "three"
const std::vector<std::string> prediction = {"one", "three", "two"};
