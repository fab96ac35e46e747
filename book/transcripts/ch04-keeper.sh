quiet env STAGE=03-sockets book/snippets/compile keeper "$SCRATCH"
cd "$SCRATCH"
show "timeout --preserve-status -s INT 0.3 ./keeper; echo status \$?"
show_failing "./keeper"
