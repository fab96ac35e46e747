// rejected by: Here: what the errands brought about
// status: wrong
// says: Line 9 differs: you predicted "visitor's child (here)"
//
// Thinks that a task that a visitor makes runs in the turn in which the inbox is taken.
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
    "visitor's child (here)",
    "sleeper hears (here)",
    "timer (here)",
    "job (there)",
    "job's child (here)",
    "job has it (there)",
    "host has 8 (here)",
};
