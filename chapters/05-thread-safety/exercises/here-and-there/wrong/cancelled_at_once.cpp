// rejected by: Here: the step in which the visitor comes
// status: wrong
// says: Line 2 differs: you predicted "sleeper hears (there)"
//
// Thinks that cancel() from another thread runs the task there.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "visitor (there)",
    "sleeper hears (there)",
    "posted 2 taken back (there)",
    "host (here)",
    "own 1 (here)",
    "own 2 (here)",
    "host again (here)",
    "own 2 too late (there)",
    "posted 1 (here)",
    "visitor's child (here)",
    "timer (here)",
    "job (there)",
    "job's child (here)",
    "job has it (there)",
    "host has 8 (here)",
};
