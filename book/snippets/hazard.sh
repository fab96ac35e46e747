# For the transcripts of the appendix on compilers. They need the very compilers that the appendix is about; where one
# is missing, nothing can be said about it, and the recording is printed again.

# needs NAME PROGRAM...: this script, NAME.sh, can only run where the programs are.
needs() {
  local name=$1 program
  shift
  for program in "$@"; do
    command -v "$program" > /dev/null && continue
    cat "book/transcripts/$name.txt" || echo "$name: there is no $program, and no recording to print instead" >&3
    exit
  done
}

# dies SIGNAL-NUMBER WORDS "COMMAND": show a command that ends by a signal, with the words that a shell has for it. The
# pipe keeps the shell from saying them itself, with a line number.
dies() {
  printf '$ %s\n' "$3"
  $3 2>&1 | cat
  local status=${PIPESTATUS[0]}
  [ "$status" -eq $((128 + $1)) ] || { echo "this must die of signal $1, and ended with status $status: $3" >&3; exit 1; }
  printf '%s\n' "$2"
}

# hazard NAME: a program of the appendix, built with both compilers. The form that g++ 12 miscompiles, then the others.
hazard() {
  needs "appendix-$1" g++-12 clang++-19
  mkdir "$SCRATCH/gcc" "$SCRATCH/clang"
  CXX=g++-12 quiet book/snippets/compile "$1" "$SCRATCH/gcc"
  CXX=clang++-19 quiet book/snippets/compile "$1" "$SCRATCH/clang"
  cd "$SCRATCH"
  ulimit -c 0
  dies 6 Aborted "gcc/$1"
  show "gcc/$1 repaired"
  show "clang/$1"
}
