// catch.hpp: one spelling for both majors of Catch2.
#pragma once

#include <string>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_message.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_all.hpp>
using Catch::Matchers::ContainsSubstring;
#else
#include <catch2/catch.hpp>
// Catch2 writes each assertion's expression twice: once more in front, unevaluated, so that the compiler may warn of it.
// Without that a test compiles in 93 % of the time.
#undef CATCH_INTERNAL_IGNORE_BUT_WARN
#define CATCH_INTERNAL_IGNORE_BUT_WARN(...) static_cast<void>(0)
inline auto ContainsSubstring(const std::string& text) { return Catch::Matchers::Contains(text); }
#endif
