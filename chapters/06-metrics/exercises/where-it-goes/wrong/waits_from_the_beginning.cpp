// rejected by: Bill: the chief's
// status: wrong
// says: Line 10 differs: you predicted "chief was ready for 0"
//
// Thinks that the chief waits for the typist from the moment in which he was made.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "clerk ran 5",
    "clerk was ready for 0",
    "clerk slept 13",
    "clerk waited for others 0",
    "typist ran 5",
    "typist was ready for 3",
    "typist slept 0",
    "typist waited for others 0",
    "chief ran 8",
    "chief was ready for 0",
    "chief slept 4",
    "chief waited for others 10",
    "the loop was busy for 18",
    "the loop was idle for 4",
    "it was over after 22",
};
