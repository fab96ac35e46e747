// rejected by: Here: what ran in the turn after
// status: wrong
// says: Line 5 differs: you predicted "host again (here)"
//
// Thinks that a yield goes before a callback that was queued earlier.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "visitor (there)",      "posted 2 taken back (there)", "host (here)",       "own 1 (here)",
    "host again (here)",    "own 2 too late (there)",      "own 2 (here)",      "posted 1 (here)",
    "sleeper hears (here)", "visitor's child (here)",      "timer (here)",      "job (there)",
    "job's child (here)",   "job has it (there)",          "host has 8 (here)",
};
