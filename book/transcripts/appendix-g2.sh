. book/snippets/hazard.sh
hazard g2
