// Runs the program and compares.
#include "prediction.hpp"
#include "program.hpp"

#include ANSWER

TEST_CASE("Guess: the first line") { CHECK_PREDICTION_BEGINS(1, prediction, run_program()); }

TEST_CASE("Guess: the whole trace") { CHECK_PREDICTION(prediction, run_program()); }
