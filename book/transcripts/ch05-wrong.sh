# normalise: ports pids
quiet env STAGE=05-thread-safety book/snippets/compile wrong "$SCRATCH"
cd "$SCRATCH"
show "./wrong"
