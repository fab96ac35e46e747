// rejected by: Here: the step in which the visitor comes
// status: wrong
// says: Line 2 differs: you predicted "posted 1 (there)"
//
// Thinks that what another thread posts runs on that thread.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "visitor (there)",
    "posted 1 (there)",
    "posted 2 taken back (there)",
    "visitor's child (there)",
    "host (here)",
    "own 1 (here)",
    "own 2 (here)",
    "host again (here)",
    "own 2 too late (there)",
    "sleeper hears (there)",
    "timer (here)",
    "job (there)",
    "job's child (here)",
    "job has it (there)",
    "host has 8 (here)",
};
