quiet env STAGE=02-sleep book/snippets/compile equal "$SCRATCH"
cd "$SCRATCH"
show "./equal"
