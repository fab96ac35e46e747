# normalise: ports durations
show "build/dev/chapters/06-metrics/examples/stuck"
