. book/snippets/hazard.sh
hazard g6
