. book/snippets/hazard.sh
hazard g1
