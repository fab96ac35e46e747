. book/snippets/hazard.sh
hazard g3
