// rejected by: Here: a job, and a child of the job
// status: wrong
// says: Line 13 differs: you predicted "job's child (there)"
//
// Thinks that a coroutine runs on the thread that asks for it.
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
    "sleeper hears (here)",
    "visitor's child (here)",
    "timer (here)",
    "job (there)",
    "job's child (there)",
    "job has it (there)",
    "host has 8 (here)",
};
