. book/snippets/hazard.sh
hazard g4
