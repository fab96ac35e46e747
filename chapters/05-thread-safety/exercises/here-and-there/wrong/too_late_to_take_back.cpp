// rejected by: Here: the step in which the visitor comes
// status: wrong
// says: Line 2 differs: you predicted "posted 2 too late (there)"
//
// Thinks that what has been posted cannot be taken back.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "visitor (there)",
    "posted 2 too late (there)",
    "host (here)",
    "own 1 (here)",
    "own 2 (here)",
    "host again (here)",
    "own 2 too late (there)",
    "posted 1 (here)",
    "posted 2 (here)",
    "sleeper hears (here)",
    "visitor's child (here)",
    "timer (here)",
    "job (there)",
    "job's child (here)",
    "job has it (there)",
    "host has 8 (here)",
};
