quiet env STAGE=04-cancellation book/snippets/compile orders "$SCRATCH"
cd "$SCRATCH"
show "./orders"
