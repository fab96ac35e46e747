"""The driver of the benchmarks: what to run, in which order, and what to make of the figures."""
