# normalise: durations
show "build/dev/chapters/04-cancellation/examples/two_threads 2> /dev/null | head -n 1"
