// rejected by: Bill: the clerk's
// status: wrong
// says: Line 2 differs: you predicted "clerk was ready for 3"
//
// Thinks that who is due is ready, also while nobody has looked at the clock.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "clerk ran 5",
    "clerk was ready for 3",
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
