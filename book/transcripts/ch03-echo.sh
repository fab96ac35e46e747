# normalise: ports durations
serve build/dev/chapters/03-sockets/examples/echo_server --port 0
show "printf 'hello\n' | nc -N 127.0.0.1 $PORT"
show "build/dev/chapters/03-sockets/examples/echo_client --port $PORT hello from a socket"
show "build/dev/chapters/03-sockets/examples/echo_client --port $PORT --connections 1000 --bytes 20000 | cut -d, -f1-3"
show_failing "build/dev/chapters/03-sockets/examples/echo_server --port $PORT"
stop
show_failing "build/dev/chapters/03-sockets/examples/echo_client --port $PORT hello"
