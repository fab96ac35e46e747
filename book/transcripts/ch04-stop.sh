# normalise: ports durations
# Who is started in the background was told to ignore Ctrl-C, and so would be all that he starts.
_real() { printf 'env --default-signal=INT %s' "${1//build\/dev/$BIN_DIR}"; }
serve build/dev/chapters/04-cancellation/examples/echo_server --port 0 --grace 1s
# Somebody who is connected and says nothing, and somebody who says something a little later.
printf '$ nc -d 127.0.0.1 %s &\n$ (sleep 0.5; echo goodbye) | nc -N 127.0.0.1 %s &\n' "$PORT" "$PORT"
nc -d 127.0.0.1 "$PORT" > /dev/null &
_silent=$!
sleep 0.2  # he is first
(sleep 0.5; echo goodbye) | nc -N 127.0.0.1 "$PORT" > "$SCRATCH/late.txt" &
_late=$!
sleep 0.2
printf '$ kill -INT %%1\n'
kill -INT "$_server"
status=0
wait "$_server" || status=$?
wait "$_late" "$_silent"
stop | head -n 2
cat "$SCRATCH/late.txt"
stop | tail -n +3
printf '$ echo $?\n%s\n' "$status"
