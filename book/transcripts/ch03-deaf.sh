# normalise: durations
show "(sleep 1.5; echo hello) | build/dev/chapters/02-sleep/examples/deaf"
