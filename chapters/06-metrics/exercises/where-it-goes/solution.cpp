#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    // Runs 0-3 and 16-18. His time had come at 13, but the chief held the thread until 16, and only
    // then does the loop look at the clock.
    "clerk ran 5",
    "clerk was ready for 0",
    "clerk slept 13",
    "clerk waited for others 0",
    // Ready from the beginning, while the clerk ran. He yielded twice, and nobody else was ready.
    "typist ran 5",
    "typist was ready for 3",
    "typist slept 0",
    "typist waited for others 0",
    // Ready until 7, for a task that has not begun waits for nobody yet; then he waited for the
    // typist for 1 and for the clerk for 2.
    "chief ran 8",
    "chief was ready for 7",
    "chief slept 4",
    "chief waited for others 3",
    // Somebody ran all the time until 18. Somebody slept all the time, and that is not idle.
    "the loop was busy for 18",
    "the loop was idle for 4",
    "it was over after 22",
};
