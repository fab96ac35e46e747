# What clang-query says of the first program of the appendix on compilers.
. book/snippets/hazard.sh
needs appendix-lint clang-query-19
book/snippets/compile g1 "$SCRATCH" -fsyntax-only -Wno-unused-command-line-argument
ln -s "$PWD/common" "$PWD/chapters" "$SCRATCH"
cd "$SCRATCH"
show "clang-query-19 -f common/tools/gcc12-hazards.query g1.cpp -- -std=c++20 -I chapters/01-event-loop/include 2>&1 | grep -o 'g1.cpp:.*root.* binds here' | sort -u"
show "sed -n 16p g1.cpp"
