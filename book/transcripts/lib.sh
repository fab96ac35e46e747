# The words of a transcript's script. common/tools/transcripts.py reads this file before each script, which then runs from
# the root of the tree with `set -eu`. What is printed is the transcript.

_real() { printf '%s' "${1//build\/dev/$BIN_DIR}"; }

# show "COMMAND": print it as it would be typed, run it, errors where its output goes. It must succeed.
show() {
  printf '$ %s\n' "$1"
  local status=0
  eval "$(_real "$1")" 2>&1 || status=$?
  [ "$status" -eq 0 ] || { printf 'transcript: this must succeed, and ended with status %s: %s\n' "$status" "$1" >&3; exit 1; }
}

# show_failing "COMMAND": the same for a command that must fail.
show_failing() {
  printf '$ %s\n' "$1"
  if eval "$(_real "$1")" 2>&1; then
    printf 'transcript: this must fail, and succeeded: %s\n' "$1" >&3
    exit 1
  fi
}

# quiet COMMAND...: run it unseen.
quiet() { "$@" >/dev/null 2>&1; }

# serve COMMAND...: print it, run it in the background, wait for `listening on ADDRESS:PORT`, and set PORT.
serve() {
  printf '$ %s &\n' "$*"
  _log="$SCRATCH/serve.log"
  : > "$_log"
  eval "exec $(_real "$*")" > "$_log" 2>&1 &
  _server=$!
  local waited=0
  until grep -q 'listening on .*:[0-9]' "$_log"; do
    kill -0 "$_server" 2>/dev/null || { printf 'transcript: the server ended before it listened: %s\n%s\n' "$*" "$(cat "$_log")" >&3; exit 1; }
    waited=$((waited + 1))
    [ "$waited" -le 200 ] || { printf 'transcript: no line `listening on ...:PORT` within 10 seconds: %s\n' "$*" >&3; exit 1; }
    sleep 0.05
  done
  PORT=$(sed -n 's/.*listening on .*:\([0-9][0-9]*\).*/\1/p' "$_log" | head -n 1)
  _said=$(grep -n -m 1 'listening on' "$_log" | cut -d: -f1)  # on a busy machine, more lines have come meanwhile
  head -n "$_said" "$_log"
}

# stop: end what serve began, and print what it said since.
stop() {
  sleep 0.05
  kill -TERM "$_server" 2>/dev/null || true
  wait "$_server" 2>/dev/null || true
  tail -n "+$((_said + 1))" "$_log"
}
