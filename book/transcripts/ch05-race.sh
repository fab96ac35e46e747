quiet env STAGE=04-cancellation book/snippets/compile race "$SCRATCH" -O1 -fsanitize=thread -gline-tables-only
cd "$SCRATCH"
show "./race 2>&1 | grep SUMMARY | sed -E 's#/[^ ]+/##'"
