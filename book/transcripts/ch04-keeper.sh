quiet env STAGE=03-sockets book/snippets/compile keeper "$SCRATCH"
cd "$SCRATCH"
# Who is started in the background was told to ignore Ctrl-C, and so would be all that he starts.
_real() { printf 'env --default-signal=INT %s' "$1"; }
show "timeout --preserve-status -s INT 0.3 ./keeper; echo status \$?"
show_failing "./keeper"
