# book/snippets/cost.cpp counts calls of operator new.
quiet book/snippets/compile cost "$SCRATCH"
cd "$SCRATCH"
show "./cost"
