# normalise: ports durations
# The program is stage 03's deaf.cpp with the listen() that the page shows instead of its own.
{
  echo '#include <array>'
  echo '#include "treadle/socket.hpp"'
  sed '/^Coro<> listen() {$/,$d' chapters/03-sockets/examples/deaf.cpp
  awk '/^```/ { on = 0 } /^Coro<> listen\(\) \{$/ { on = 1 } on' book/pages/ch03.md
  sed -n '/^}  \/\/ namespace$/,$p' chapters/03-sockets/examples/deaf.cpp
} > "$SCRATCH/hears.cpp"
${CXX:-clang++-19} -std=c++20 -Ichapters/03-sockets/include "$SCRATCH/hears.cpp" "$BIN_DIR/chapters/03-sockets/libtreadle.a" -lfmt -o "$SCRATCH/hears"
PATH="$SCRATCH:$PATH"
serve hears
# The text comes after the fifth tick, however long everything takes on a busy machine.
sleep() { until grep -q 'tick 5' "$_log"; do command sleep 0.01; done; }
show "(sleep 1.1; echo hello) | nc -N 127.0.0.1 $PORT"
wait "$_server"
stop
