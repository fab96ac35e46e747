// rejected by: Bill: the loop's
// status: wrong
// says: Line 14 differs: you predicted "the loop was idle for 17"
//
// Thinks that the loop is idle whenever somebody sleeps.
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
    "chief was ready for 7",
    "chief slept 4",
    "chief waited for others 3",
    "the loop was busy for 18",
    "the loop was idle for 17",
    "it was over after 22",
};
