# A coroutine frame made by hand and a compiled one, in one queue.
quiet book/snippets/compile by_hand "$SCRATCH"
cd "$SCRATCH"
show "./by_hand"
