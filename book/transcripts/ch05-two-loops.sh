quiet env STAGE=05-thread-safety book/snippets/compile two_loops "$SCRATCH"
cd "$SCRATCH"
show "./two_loops"
