quiet env STAGE=04-cancellation book/snippets/compile named "$SCRATCH"
cd "$SCRATCH"
show "./named"
