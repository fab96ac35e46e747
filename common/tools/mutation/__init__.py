"""The parts of `make mutants`: the list of deliberate breaks, and the workshop that builds and tries them."""
