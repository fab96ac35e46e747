# The loop of the chapter's first section, cut out of the page, compiled and run.
quiet book/snippets/compile tiny_loop "$SCRATCH"
cd "$SCRATCH"
show "./tiny_loop"
