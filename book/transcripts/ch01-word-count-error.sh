show_failing "build/dev/chapters/01-event-loop/examples/word_count LICENSE no-such-file"
