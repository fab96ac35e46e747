quiet env STAGE=06-metrics book/snippets/compile origin "$SCRATCH"
cd "$SCRATCH"
show "./origin"
