"""Which commands the scripts of the tree call: shell, Makefile and Python, each read from its syntax tree."""
