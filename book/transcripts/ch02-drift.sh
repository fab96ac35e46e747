quiet env STAGE=02-sleep book/snippets/compile drift "$SCRATCH" -Icommon
cd "$SCRATCH"
show "./drift"
