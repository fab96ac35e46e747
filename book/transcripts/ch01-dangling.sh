quiet book/snippets/compile dangling "$SCRATCH" -fsanitize=address
cd "$SCRATCH"
show "./dangling 2>&1 | grep -om1 'AddressSanitizer: [a-z-]*'"
