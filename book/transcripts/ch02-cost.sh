# book/snippets/timer_cost.cpp counts calls of operator new.
quiet env STAGE=02-sleep book/snippets/compile timer_cost "$SCRATCH"
cd "$SCRATCH"
show "./timer_cost"
