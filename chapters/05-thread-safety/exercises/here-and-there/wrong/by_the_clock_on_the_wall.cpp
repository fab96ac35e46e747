// rejected by: Here: what ran in the turn after
// status: wrong
// says: The inbox is taken at the beginning of a turn
//
// Thinks that there is one queue, in order of who came first.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "visitor (there)",      "posted 2 taken back (there)",
    "host (here)",          "own 1 (here)",
    "posted 1 (here)",      "own 2 (here)",
    "host again (here)",    "own 2 too late (there)",
    "sleeper hears (here)", "visitor's child (here)",
    "timer (here)",         "job (there)",
    "job's child (here)",   "job has it (there)",
    "host has 8 (here)",
};
