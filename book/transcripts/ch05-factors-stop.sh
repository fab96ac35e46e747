# normalise: durations
# Who is started in the background was told to ignore Ctrl-C, and so would be all that he starts.
_real() {
  local command=${1//build\/dev/$BIN_DIR}
  printf '%s' "${command/timeout/env --default-signal=INT timeout}"
}
show "(echo 40000014400001287; echo 42; sleep 1) | timeout -s INT 0.5 build/dev/chapters/05-thread-safety/examples/factors --tick 100ms | uniq"
