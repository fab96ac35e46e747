// rejected by: Bill: the clerk's
// status: wrong
// says: Line 3 differs: you predicted "clerk slept 10"
//
// Thinks that a sleep takes as long as was asked for, and that all that follows is earlier.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "clerk ran 5",
    "clerk was ready for 0",
    "clerk slept 10",
    "clerk waited for others 0",
    "typist ran 5",
    "typist was ready for 3",
    "typist slept 0",
    "typist waited for others 0",
    "chief ran 8",
    "chief was ready for 7",
    "chief slept 4",
    "chief waited for others 3",
    "the loop was busy for 18",
    "the loop was idle for 4",
    "it was over after 22",
};
