// Runs the office, and compares its bills with the prediction.
#include "prediction.hpp"
#include "program.hpp"

#include ANSWER

TEST_CASE("Bill: the clerk's") {
  INFO("A task sleeps until the loop wakes it. The loop can do so when it has the thread again.");
  CHECK_PREDICTION_BEGINS(4, prediction, run_program());
}

TEST_CASE("Bill: the typist's") {
  INFO("A task that could run while somebody else does is ready, from its creation on.");
  CHECK_PREDICTION_BEGINS(8, prediction, run_program());
}

TEST_CASE("Bill: the chief's") {
  INFO(
      "A task waits for another from the await to its end. What that other does meanwhile is on "
      "its "
      "own bill, and what happened before the await is none of it.");
  CHECK_PREDICTION_BEGINS(12, prediction, run_program());
}

TEST_CASE("Bill: the loop's") {
  INFO("The loop is busy while any task runs, and idle while it waits for something to run.");
  CHECK_PREDICTION(prediction, run_program());
}
