// rejected by: Closing: how each of them ended
// status: wrong
// says: A prediction is a list of strings and nothing else
//
// Lets the program predict itself.
#include <string>
#include <vector>

const std::vector<std::string> prediction = run_program();
