# Three files: 21 lines, more than 200, between 100 and 200.
show "build/dev/chapters/01-event-loop/examples/word_count LICENSE chapters/01-event-loop/include/treadle/{task,result}.hpp"
