# normalise: ports durations times
serve build/dev/chapters/03-sockets/examples/book_server --port 0 book/figures
show "curl -sI http://127.0.0.1:$PORT/ch03-turn.svg"
show "curl -s --path-as-is http://127.0.0.1:$PORT/../WRITING.md"
show "curl -s -X DELETE http://127.0.0.1:$PORT/ch03-turn.svg"
show "printf 'GET / HTTP/9.9\r\n\r\n' | nc -N 127.0.0.1 $PORT | head -n 1"
stop
