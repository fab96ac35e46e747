# The same program with nested resume() and with symmetric transfer; the first overflows the stack.
quiet book/snippets/compile transfer "$SCRATCH"
cd "$SCRATCH"
ulimit -c 0
ulimit -s 8192
show "./transfer resume 1000"
show "sh -c './transfer resume 1000000; echo status \$?' 2>/dev/null"
show "./transfer transfer 1000000"
