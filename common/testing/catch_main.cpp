// Catch2 2's own main, in a file by itself: it takes ten seconds to compile, and once is enough.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
