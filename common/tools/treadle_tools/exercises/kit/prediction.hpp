// prediction.hpp: compares what a learner predicts with what the program did, without telling the rest of the answer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

namespace exercise {

using Lines = std::vector<std::string>;

// How many lines from the beginning are right.
inline std::size_t lines_right(const Lines& predicted, const Lines& actual) {
  const auto at =
      std::mismatch(predicted.begin(), predicted.end(), actual.begin(), actual.end()).first;
  return static_cast<std::size_t>(at - predicted.begin());
}

inline std::string so_far(std::size_t right) {
  if (right == 0) return "";
  return right == 1 ? " Line 1 is right." : " Lines 1 to " + std::to_string(right) + " are right.";
}

// What to say about a prediction; empty if it is right. Names the first position that differs and nothing after it.
inline std::string judge(const Lines& predicted, const Lines& actual) {
  const std::size_t right = lines_right(predicted, actual);
  const std::string line = std::to_string(right + 1);
  if (predicted == actual) return "";
  if (right == predicted.size())
    return "Line " + line + " is missing: your prediction ends, but the program goes on." +
           so_far(right);
  if (right == actual.size())
    return "Line " + line + " is one too many: the program ends before it." + so_far(right);
  return "Line " + line + " differs: you predicted \"" + predicted[right] +
         "\", but something else happens there." + so_far(right);
}

}  // namespace exercise

// Passes if the whole prediction is right.
#define CHECK_PREDICTION(predicted, actual)                         \
  do {                                                              \
    const std::string verdict = exercise::judge(predicted, actual); \
    if (verdict.empty()) {                                          \
      SUCCEED();                                                    \
    } else {                                                        \
      FAIL(verdict);                                                \
    }                                                               \
  } while (false)

// Passes if the first `count` lines are right: part of the points for part of the insight.
#define CHECK_PREDICTION_BEGINS(count, predicted, actual)                              \
  do {                                                                                 \
    if (exercise::lines_right(predicted, actual) >= static_cast<std::size_t>(count)) { \
      SUCCEED();                                                                       \
    } else {                                                                           \
      FAIL(exercise::judge(predicted, actual));                                        \
    }                                                                                  \
  } while (false)
