#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    // The host's step. What the visitor left behind lies in the inbox, but for what he took back.
    "visitor (there)",
    "posted 2 taken back (there)",
    "host (here)",
    // The next turn: what the loop's own thread made ready, whenever it did so; then the inbox.
    "own 1 (here)",
    "own 2 (here)",
    "host again (here)",
    "own 2 too late (there)",
    "posted 1 (here)",
    // The turn after. In the one before, the timer was armed, the sleeper cancelled, the child made a
    // task, in this order.
    "sleeper hears (here)",
    "visitor's child (here)",
    "timer (here)",
    // The job may block for a task of the loop, for it is not on the loop's thread.
    "job (there)",
    "job's child (here)",
    "job has it (there)",
    "host has 8 (here)",
};
