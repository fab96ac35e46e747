// rejected by: Closing: what was taken back, and who may stay
// status: wrong
// says: Line 8 differs: you predicted "20 talker hears out now, asked 2"
//
// Thinks that each request is delivered by itself.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "20 waiter has asked",
    "20 soup is served",
    "20 cake is served",
    "20 friend hears taxi, asked 1",
    "20 talker hears last round, asked 2",
    "20 a coat falls",
    "20 soup hears last round",
    "20 talker hears out now, asked 2",
    "25 cake is eaten",
    "30 waiter has asked again",
    "30 reader hears lights out",
    "35 reader pays",
    "35 friend hears lights out, asked 0",
    "60 cancelled",
    "60 finished",
    "60 finished",
    "60 cancelled",
    "60 finished",
};
