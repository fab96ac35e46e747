#include "bell.hpp"

BENCH(hop) { raw::ping_pong<EpollBell>(run); }
