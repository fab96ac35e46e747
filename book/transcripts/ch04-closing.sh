quiet env STAGE=04-cancellation book/snippets/compile closing "$SCRATCH"
cd "$SCRATCH"
show "./closing"
