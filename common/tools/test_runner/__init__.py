"""The parts of `make test`: building with progress, running Catch2 programs, reading their reports, the matrix."""
