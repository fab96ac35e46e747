// The same round trip: the kernel does not know what it is for.
#include "bell.hpp"

BENCH(hopco) { raw::ping_pong<EpollBell>(run); }
