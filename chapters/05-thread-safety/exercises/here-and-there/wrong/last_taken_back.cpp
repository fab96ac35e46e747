// rejected by: Here: what ran in the turn after
// status: wrong
// says: Line 5 differs: you predicted "host again (here)"
//
// Thinks that own 2 can be taken back still when the host runs again.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "visitor (there)",
    "posted 2 taken back (there)",
    "host (here)",
    "own 1 (here)",
    "host again (here)",
    "own 2 taken back (there)",
    "posted 1 (here)",
    "sleeper hears (here)",
    "visitor's child (here)",
    "timer (here)",
    "job (there)",
    "job's child (here)",
    "job has it (there)",
    "host has 8 (here)",
};
