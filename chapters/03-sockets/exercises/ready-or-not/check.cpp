// Runs reader, writer and watch, and compares them with the prediction.
#include "prediction.hpp"
#include "program.hpp"

#include ANSWER

TEST_CASE("Ready: what the first turn says") {
  INFO(
      "An operation on a socket tries first, and gives the thread away only where the kernel says "
      "\"not now\".");
  CHECK_PREDICTION_BEGINS(4, prediction, run_program());
}

TEST_CASE("Ready: who goes on in the second turn") {
  INFO(
      "The poller is asked at the beginning of a turn. Whoever it wakes joins the queue behind "
      "those that are in it already.");
  CHECK_PREDICTION_BEGINS(7, prediction, run_program());
}

TEST_CASE("Ready: what a read gives") {
  INFO(
      "A stream keeps bytes in order and nothing else: a read gives what is there, as far as there "
      "is room for it, and waits only where nothing is.");
  CHECK_PREDICTION_BEGINS(10, prediction, run_program());
}

TEST_CASE("Ready: to the end of the stream") {
  INFO(
      "In a turn, those that wait for a descriptor come first, then those whose time has come. The "
      "end of a stream is learned by a read.");
  CHECK_PREDICTION(prediction, run_program());
}
