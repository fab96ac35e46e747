#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "0 wash",
    // Due at once, so it joined the queue when the turn began: behind `wash`.
    "0 light",
    // All due at 20, in the order of arming. The cancel of `smoke` comes after it has run.
    "20 stir",
    "20 smoke",
    "20 taste",
    "30 turn",
    "40 stir",
    // `turn` went to sleep at 30, `stir` at 40.
    "60 turn",
    "60 stir",
    "70 carve",
    "95 carved",
    // Both are late. By deadline, and not by order of arming.
    "95 sauce",
    "95 bread",
    // Five seconds from the moment the sleep began.
    "100 serve",
};
