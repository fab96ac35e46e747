# A million awaits with g++ 12, with jumps and without.
. book/snippets/hazard.sh
needs appendix-many-awaits g++-12
mkdir "$SCRATCH/jumps" "$SCRATCH/calls"
CXX=g++-12 quiet book/snippets/compile many_awaits "$SCRATCH/jumps"
CXX=g++-12 quiet book/snippets/compile many_awaits "$SCRATCH/calls" -fno-optimize-sibling-calls
cd "$SCRATCH"
ulimit -c 0
ulimit -s 8192
dies 11 "Segmentation fault" calls/many_awaits
show jumps/many_awaits
