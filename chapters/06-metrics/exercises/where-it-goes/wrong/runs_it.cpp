// rejected by: Bill: the loop's
// status: wrong
// says: A prediction is a list of strings and nothing else
//
// Lets the program predict itself.
#include <string>
#include <vector>

const std::vector<std::string> prediction = run_program();
