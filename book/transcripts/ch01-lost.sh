quiet book/snippets/compile lost "$SCRATCH"
cd "$SCRATCH"
show "./lost"
