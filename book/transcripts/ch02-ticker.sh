# normalise: durations
show "cat chapters/02-sleep/examples/kitchen.schedule"
show "build/dev/chapters/02-sleep/examples/ticker --for 2s --schedule chapters/02-sleep/examples/kitchen.schedule"
show_failing "build/dev/chapters/02-sleep/examples/ticker every 2 say hello"
