#!/bin/sh
# door.sh: the way from the Makefile into the tools.
#
#   door.sh help           print the doors, one line each, from the "##" comments of the Makefile
#   door.sh DOOR           refuse a wrong or missing variable (door.py), before anything is installed or built
#   door.sh --unknown WORD say that there is no such door
#
# It is a shell script because on a bare machine there is no Python yet; then setup.sh brings it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
makefile=$here/../../Makefile

print_help() {
  printf 'Usage: make DOOR [VARIABLE=value ...]      first: make run\n'
  awk '
    /^# --- / { sub(/^# --- /, ""); sub(/ ---$/, ""); printf "\n%s\n", $0 }
    /^## /    { sub(/^## /, ""); at = index($0, ": "); head = substr($0, 1, at - 1)
                while (match(head, /=[^] ]+\]/)) head = substr(head, 1, RSTART) substr(head, RSTART + RLENGTH - 1)
                printf "  %-32s %s\n", head, substr($0, at + 2) }
  ' "$makefile"
  printf '\nEverywhere: CXX=g++ chooses the compiler, NO_INSTALL=1 never installs anything, NO_COLOR=1 prints plainly,\nBUILD=dir builds in another folder.\n'
}

if [ "$1" = help ]; then
  print_help
  exit 0
fi
command -v python3 >/dev/null 2>&1 || sh "$here/setup.sh" python
exec python3 -B "$here/door.py" "$@"
