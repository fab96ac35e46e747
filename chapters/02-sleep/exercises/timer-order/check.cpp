// Runs the kitchen and compares it with the prediction, rule by rule.
#include "prediction.hpp"
#include "program.hpp"

#include ANSWER

TEST_CASE("Timers: what needs no waiting") {
  INFO(
      "call_soon() puts a callback into the ready queue there and then. A timer that is due joins "
      "the queue at the beginning of a turn, behind whatever is in it already.");
  CHECK_PREDICTION_BEGINS(2, prediction, run_program());
}

TEST_CASE("Timers: the same deadline") {
  INFO(
      "Timers with the same deadline fire in the order in which they were armed, and a cancel can "
      "come too late.");
  CHECK_PREDICTION_BEGINS(5, prediction, run_program());
}

TEST_CASE("Timers: the first minute") {
  INFO(
      "A sleep is armed when its await begins. So for equal deadlines the question is who went to "
      "sleep first.");
  CHECK_PREDICTION_BEGINS(9, prediction, run_program());
}

TEST_CASE("Timers: to the end, with a thread that was busy") {
  INFO(
      "While a task holds the thread, no timer fires. Those that are late then fire by deadline, "
      "and a sleep counts from the moment in which it begins.");
  CHECK_PREDICTION(prediction, run_program());
}
