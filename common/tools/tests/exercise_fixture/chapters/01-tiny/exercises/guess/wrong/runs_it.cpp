// rejected by: Guess: the first line
// status: wrong
// says: A prediction is a list of strings and nothing else
const std::vector<std::string> prediction = run_program();
