// Runs the house, and compares it with the prediction.
#include "prediction.hpp"
#include "program.hpp"

#include ANSWER

TEST_CASE("Here: the step in which the visitor comes") {
  INFO(
      "A visitor runs on his own thread. What he asks of the loop, the loop does later; what he "
      "takes back before it was run is gone at once.");
  CHECK_PREDICTION_BEGINS(3, prediction, run_program());
}

TEST_CASE("Here: what ran in the turn after") {
  INFO(
      "The inbox is taken at the beginning of a turn, and joins the queue behind what the loop's "
      "own thread has put there. Whoever posted it, it runs on the loop's thread.");
  CHECK_PREDICTION_BEGINS(8, prediction, run_program());
}

TEST_CASE("Here: what the errands brought about") {
  INFO(
      "To arm a timer, to cancel a task and to take a new one in are errands: each is done in one "
      "turn, in order of posting, and what it makes ready runs in the next.");
  CHECK_PREDICTION_BEGINS(11, prediction, run_program());
}

TEST_CASE("Here: a job, and a child of the job") {
  INFO(
      "A coroutine belongs to the loop that made a task of it, whichever thread asked for it; a "
      "job is a plain function, and runs in a thread of the pool.");
  CHECK_PREDICTION(prediction, run_program());
}
