// rejected by: Bill: the typist's
// status: wrong
// says: Line 6 differs: you predicted "typist was ready for 0"
//
// Thinks that a task that has not begun is not ready, and costs no time.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "clerk ran 5",
    "clerk was ready for 0",
    "clerk slept 13",
    "clerk waited for others 0",
    "typist ran 5",
    "typist was ready for 0",
    "typist slept 0",
    "typist waited for others 0",
    "chief ran 8",
    "chief was ready for 0",
    "chief slept 4",
    "chief waited for others 3",
    "the loop was busy for 18",
    "the loop was idle for 4",
    "it was over after 22",
};
