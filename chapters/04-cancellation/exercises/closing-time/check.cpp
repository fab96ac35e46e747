// Runs the café, and compares it with the prediction.
#include "prediction.hpp"
#include "program.hpp"

#include ANSWER

TEST_CASE("Closing: the turn in which the waiter asks") {
  INFO(
      "To cancel a task runs none of it. And a task that was woken, and only has not run yet, has "
      "got what it waited for.");
  CHECK_PREDICTION_BEGINS(2, prediction, run_program());
}

TEST_CASE("Closing: the turn in which they hear it") {
  INFO(
      "A request makes a waiting task ready, at the end of the queue. It is delivered once, with "
      "the words of the first who asked; who does not wait gets it where he waits next; who has "
      "not begun never begins.");
  CHECK_PREDICTION_BEGINS(7, prediction, run_program());
}

TEST_CASE("Closing: what was taken back, and who may stay") {
  INFO(
      "A request that nobody has heard and that was taken back is gone. And to wait for a task is "
      "not to own it: who stops waiting stops nobody else.");
  CHECK_PREDICTION_BEGINS(10, prediction, run_program());
}

TEST_CASE("Closing: to go may take a while") {
  INFO(
      "A request is delivered once. After that the task may await again, be it to clean up or "
      "because it stays; and who waits for it waits until it has ended.");
  CHECK_PREDICTION_BEGINS(13, prediction, run_program());
}

TEST_CASE("Closing: how each of them ended") {
  INFO("How a task has ended is what came out of it, and not what it was asked for.");
  CHECK_PREDICTION(prediction, run_program());
}
