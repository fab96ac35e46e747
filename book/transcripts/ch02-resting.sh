# normalise: durations
quiet env STAGE=02-sleep book/snippets/compile resting "$SCRATCH"
cd "$SCRATCH"
show "./resting"
