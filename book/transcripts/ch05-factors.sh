# normalise: durations
show "(echo 40000014400001287; sleep 0.3; printf '42\nhello\n') | build/dev/chapters/05-thread-safety/examples/factors --tick 100ms | uniq"
