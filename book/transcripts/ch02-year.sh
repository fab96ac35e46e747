quiet env STAGE=02-sleep book/snippets/compile year "$SCRATCH"
cd "$SCRATCH"
show "./year"
