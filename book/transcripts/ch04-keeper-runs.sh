# The page's keeper.cpp with the main() that the page shows later.
{
  awk '/^\/\/ keeper.cpp$/ { on = 1 } /^int main\(\) \{$/ { on = 0 } on' book/pages/ch04.md | sed 's|^#include "treadle/sleep.hpp"|#include "treadle/run.hpp"\n&|'
  awk '/^int main\(\) \{$/ { text = ""; on = 1 } on { text = text $0 "\n" } on && /^}$/ { on = 0; if (text ~ /run\(keep_shop\(\)\)/) printf "%s", text }' book/pages/ch04.md
} > "$SCRATCH/keeper.cpp"
${CXX:-clang++-19} -std=c++20 -Ichapters/04-cancellation/include "$SCRATCH/keeper.cpp" "$BIN_DIR/chapters/04-cancellation/libtreadle.a" -lfmt -o "$SCRATCH/keeper"
cd "$SCRATCH"
# Who is started in the background was told to ignore Ctrl-C, and so would be all that he starts.
_real() { printf 'env --default-signal=INT %s' "$1"; }
show "timeout --preserve-status -s INT 0.3 ./keeper; echo status \$?"
show "timeout --preserve-status -s INT 0.3 ./keeper; echo status \$?"
