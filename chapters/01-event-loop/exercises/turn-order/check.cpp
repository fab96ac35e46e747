// Runs the morning and compares it with the prediction, turn by turn.
#include "prediction.hpp"
#include "program.hpp"

#include ANSWER

TEST_CASE("Turns: what is said before the loop runs, and in the first turn") {
  INFO(
      "The loop runs nothing before it is told to run; create_task() and call_soon() run nothing "
      "either.");
  CHECK_PREDICTION_BEGINS(4, prediction, run_program());
}

TEST_CASE("Turns: the second turn") {
  INFO(
      "A turn runs what was ready when it began, first come, first served. A Coro is lazy, and "
      "awaiting one is a call that does not pass through the loop.");
  CHECK_PREDICTION_BEGINS(9, prediction, run_program());
}

TEST_CASE("Turns: the third turn") {
  INFO(
      "A coroutine that ends hands the thread back to the one that awaits it. To wake a task is to "
      "make it ready, and what becomes ready in a turn runs in the next one.");
  CHECK_PREDICTION_BEGINS(12, prediction, run_program());
}

TEST_CASE("Turns: the whole morning") {
  INFO("run_forever() returns when all tasks are done and nothing is left to run.");
  CHECK_PREDICTION(prediction, run_program());
}
