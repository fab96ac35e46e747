// rejected by: Closing: the turn in which they hear it
// status: wrong
// says: Line 4 differs: you predicted "20 reader hears taxi"
//
// Thinks as in asyncio: to cancel who waits for a task cancels that task.
#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    "20 waiter has asked",
    "20 soup is served",
    "20 cake is served",
    "20 reader hears taxi",
    "20 talker hears last round, asked 2",
    "20 a coat falls",
    "20 soup hears last round",
    "25 cake is eaten",
    "30 waiter has asked again",
    "25 reader pays",
    "25 friend hears taxi, asked 1",
    "40 talker has said it all",
    "60 cancelled",
    "60 finished",
    "60 finished",
    "60 cancelled",
    "60 finished",
};
