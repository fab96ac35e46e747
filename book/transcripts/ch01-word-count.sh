# Three files: 21 lines, 270, and 110. The last two are made here, so that no change of a source changes the run.
show "seq 270 > build/long.txt"
show "seq 110 > build/middle.txt"
show "build/dev/chapters/01-event-loop/examples/word_count LICENSE build/long.txt build/middle.txt"
