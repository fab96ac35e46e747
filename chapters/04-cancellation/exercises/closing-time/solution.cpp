#include <string>
#include <vector>

const std::vector<std::string> prediction = {
    // Turn at 20: the waiter and both dishes were woken together. The soup keeps what it was woken
    // with; of the cake's request nothing is left.
    "20 waiter has asked",
    "20 soup is served",
    "20 cake is served",
    // The next turn: those who were waiting, then the one that was new, then the soup, which got
    // its request as it wanted to wait again.
    "20 friend hears taxi, asked 1",
    "20 talker hears last round, asked 2",
    "20 a coat falls",
    "20 soup hears last round",
    "25 cake is eaten",
    // Nobody has asked the reader before: not even the friend, who was asked to wait no more for
    // him.
    "30 waiter has asked again",
    "30 reader hears lights out",
    // Who was told once may await again.
    "35 reader pays",
    "35 friend hears lights out, asked 0",
    "40 talker has said it all",
    // Cancelled is who ended with CancelledError: not who was asked.
    "60 cancelled",
    "60 finished",
    "60 finished",
    "60 cancelled",
    "60 finished",
};
