# normalise: ports durations times
case "$BIN_DIR" in /*) ;; *) BIN_DIR="$PWD/$BIN_DIR" ;; esac
cd "$SCRATCH"
mkdir site
show "echo '<h1>Hello</h1>' > site/index.html; echo 'not for you' > secret.txt"
serve build/dev/chapters/03-sockets/examples/book_server --port 0 site
show "curl -si http://127.0.0.1:$PORT/"
show "curl -s --path-as-is http://127.0.0.1:$PORT/../secret.txt"
show "curl -s -X DELETE http://127.0.0.1:$PORT/index.html"
show "printf 'GET / HTTP/9.9\r\n\r\n' | nc -N 127.0.0.1 $PORT | head -n 1"
stop
