# normalise: durations
show "build/dev/chapters/06-metrics/examples/slow --warn-after 100ms"
