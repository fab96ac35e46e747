. book/snippets/hazard.sh
hazard g5
