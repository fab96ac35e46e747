quiet book/snippets/compile deadlock "$SCRATCH"
cd "$SCRATCH"
show "./deadlock"
