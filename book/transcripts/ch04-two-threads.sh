# normalise: durations
quiet env STAGE=04-cancellation book/snippets/compile two_threads "$SCRATCH" -pthread
cd "$SCRATCH"
show "./two_threads"
