# What g++ 12 makes of an aggregate with a co_await between its braces.
# normalise: ids
. book/snippets/hazard.sh
needs appendix-twice g++-12 clang++-19
mkdir "$SCRATCH/gcc" "$SCRATCH/clang"
CXX=g++-12 quiet book/snippets/compile twice "$SCRATCH/gcc"
CXX=clang++-19 quiet book/snippets/compile twice "$SCRATCH/clang"
cd "$SCRATCH"
show gcc/twice
show clang/twice
