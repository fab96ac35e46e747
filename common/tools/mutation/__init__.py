"""The parts of `make mutants`: the list of deliberate breaks, the stages in which each runs, and how it is built and run."""
