// relacy_headers.hpp: what relacy_std.hpp includes from outside. It is the same for every mutant, and model_check.py compiles it
// once for all of them; so it has a guard with a name, which is good for copies of it in other folders as well.
#ifndef TREADLE_MODEL_RELACY_HEADERS
#define TREADLE_MODEL_RELACY_HEADERS

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// After all others: it redefines words of the language, and what it redefines is taken back below.
#include <relacy/relacy.hpp>

// Relacy redefines words of the language and of the library. Here they mean what they always do.
#undef $
#undef VAR
#undef assert
#undef calloc
#undef delete
#undef errno
#undef free
#undef futex
#undef malloc
#undef memory_order_acq_rel
#undef memory_order_acquire
#undef memory_order_consume
#undef memory_order_relaxed
#undef memory_order_release
#undef memory_order_seq_cst
#undef new
#undef realloc

#endif
