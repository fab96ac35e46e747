// rejected by: Closing: to go may take a while
// status: wrong
// says: Line 11 differs: you predicted "30 friend hears lights out, asked 0"
//
// Thinks that after CancelledError every await throws it again.
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
    "25 cake is eaten",
    "30 waiter has asked again",
    "30 reader hears lights out",
    "30 friend hears lights out, asked 0",
    "40 talker has said it all",
    "60 cancelled",
    "60 finished",
    "60 finished",
    "60 cancelled",
    "60 finished",
};
