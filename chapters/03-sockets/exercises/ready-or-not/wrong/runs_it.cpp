// rejected by: Ready: to the end of the stream
// status: wrong
// says: A prediction is a list of strings and nothing else
//
// Lets the program predict itself.
#include <string>
#include <vector>

const std::vector<std::string> prediction = run_program();
