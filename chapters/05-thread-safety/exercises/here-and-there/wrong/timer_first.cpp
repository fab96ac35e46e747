// rejected by: Here: what the errands brought about
// status: wrong
// says: Line 9 differs: you predicted "timer (here)"
//
// Thinks that the timer is armed by the visitor himself, and so is due a turn earlier.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "visitor (there)",
    "posted 2 taken back (there)",
    "host (here)",
    "own 1 (here)",
    "own 2 (here)",
    "host again (here)",
    "own 2 too late (there)",
    "posted 1 (here)",
    "timer (here)",
    "sleeper hears (here)",
    "visitor's child (here)",
    "job (there)",
    "job's child (here)",
    "job has it (there)",
    "host has 8 (here)",
};
