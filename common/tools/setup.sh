#!/bin/sh
# setup.sh: say what is missing, and install it.
#
#   setup.sh GROUP...   make sure that the named groups are there: python build fast gcc sanitizers model book browser bench lint format ctags
#   setup.sh --all      every group
#   setup.sh --cxx      print the chosen compiler, nothing else
#
# On Debian and its children it installs with apt-get (with sudo where not root). On macOS it prints the command for
# brew, elsewhere the package names, and stops. NO_INSTALL=1 never installs. CXX= chooses the compiler.
#
# The probes are cheap (a look for a command or a header file), so every door calls this each time. The only dear one,
# whether the compiler really builds a coroutine, leaves a stamp under build/.setup.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
stamps=$(cd "$root" && echo "${BUILD:-build}/.setup")
system=${TREADLE_SYSTEM:-$(uname -s)}
headers=${TREADLE_HEADERS:-/usr/include:/usr/local/include:/opt/homebrew/include}
newest_wanted=clang++-19

have() { command -v "$1" >/dev/null 2>&1; }
have_header() (
  IFS=:
  for place in $headers; do
    [ ! -e "$place/$1" ] || exit 0
  done
  exit 1
)

# --- The compiler ---

# The first number of `$1 -dumpversion` (clang 19.1.7 -> 19), or 0.
major() {
  number=$("$1" -dumpversion 2>/dev/null) || number=0
  number=${number%%.*}
  case $number in '' | *[!0-9]*) number=0 ;; esac
  echo "$number"
}
is_clang() { "$1" --version 2>/dev/null | grep -qi clang; }

# The first of the programs that `CXX=ccache clang++-19 -m32` names and that is not here. A CXX that is itself the path of a
# program, with spaces perhaps, has no other part; see also treadle_tools/compiler.py.
missing_program() {
  ! have "$1" || return 0
  for word in $1; do
    case $word in -* | *=*) return 0 ;; esac
    have "$word" || { echo "$word"; return 0; }
  done
}
# Runs the chosen compiler, which may be a command of several words.
run_compiler() { if have "$cxx"; then "$cxx" "$@"; else $cxx "$@"; fi; }

# Sets cxx and why; cxx stays empty where there is no compiler that will do.
choose_compiler() {
  cxx='' why=''
  if [ -n "${CXX:-}" ]; then
    cxx=$CXX why='CXX= says so' absent=$(missing_program "$CXX")
    case $CXX in [!-]*) ;; *) absent=$CXX ;; esac
    [ -z "$absent" ] || { echo "CXX=$CXX: there is no such compiler here: $absent is no program. Write CXX=clang++-19, or leave CXX out and one is chosen." >&2; exit 2; }
    return
  fi
  if have "$newest_wanted"; then
    cxx=$newest_wanted why='g++ 12 silently miscompiles some coroutines, clang 19 none that we know'
    return
  fi
  best=0
  for candidate in clang++ clang++-22 clang++-21 clang++-20 clang++-18 clang++-17 clang++-16; do
    have "$candidate" && is_clang "$candidate" || continue
    number=$(major "$candidate")
    if [ "$number" -ge 16 ] && [ "$number" -gt "$best" ]; then best=$number cxx=$candidate; fi
  done
  [ -z "$cxx" ] || { why='the newest clang here'; return; }
  for candidate in g++ g++-15 g++-14 g++-13 g++-12; do
    have "$candidate" && ! is_clang "$candidate" || continue
    number=$(major "$candidate")
    if [ "$number" -ge 12 ] && [ "$number" -gt "$best" ]; then best=$number cxx=$candidate; fi
  done
  why='there is no clang; beware, g++ 12 miscompiles some coroutines: see the appendix on compilers'
}

# A compiler without a C++20 library is as good as none. Tells which it is and tries it, once; then the stamp answers.
check_compiler() {
  version=$(run_compiler --version 2>/dev/null | head -n 1) || version='(it tells no version)'
  stamp="$stamps/compiler"
  mark="$cxx $(command -v "${cxx%% *}") $version"
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$mark" ]; then return 0; fi
  echo "Compiler: $cxx, $version, because $why."
  probe=$(mktemp -d)
  printf '#include <coroutine>\n#include <string>\nint main() { return std::coroutine_handle<>() ? 1 : int(std::string().size()); }\n' >"$probe/p.cpp"
  if ! run_compiler -std=c++20 -o "$probe/p" "$probe/p.cpp" 2>"$probe/err"; then
    echo "$cxx cannot build a C++20 coroutine:" >&2
    head -n 5 "$probe/err" >&2
    rm -rf "$probe"
    echo "Choose another compiler with CXX=, for example CXX=clang++-19." >&2
    exit 1
  fi
  rm -rf "$probe"
  # Where nothing can be written, the compiler is tried each time.
  mkdir -p "$stamps" 2>/dev/null && printf '%s\n' "$mark" 2>/dev/null >"$stamp" || true
}

# --- What is missing ---

deb='' brew='' words=''
# need DEBIAN-PACKAGE BREW-FORMULA WHAT: note one missing thing, once.
need() {
  case " $deb " in *" $1 "*) return 0 ;; esac
  deb="$deb $1"
  case " $brew " in *" $2 "*) ;; *) [ "$2" = - ] || brew="$brew $2" ;; esac
  words="$words  missing: $3 (Debian package $1)
"
}
is_debian() { [ "$system" = Linux ] && have apt-get; }

# A probe is `have COMMAND` or `have_header HEADER`. A comment behind it names what else the package installs: commands,
# headers, CMake packages (cmake), libraries (library). prerequisites.py, a part of `make lint`, reads both. It reports
# everything that the sources include, link or call and that no group installs.
probe_python() { have python3 || need python3 python3 'Python 3'; }
probe_build() {
  probe_python
  if [ -z "$cxx" ] || { [ -z "${CXX:-}" ] && is_debian && ! have "$newest_wanted"; }; then
    need clang-19 llvm 'the compiler clang 19'  # commands: clang++-19 ar ld nm
  fi
  have cmake || need cmake cmake CMake
  have ninja || need ninja-build ninja Ninja
  have_header catch2/catch.hpp || have_header catch2/catch_all.hpp || need catch2 catch2 'Catch2, for the tests'  # cmake: Catch2
  have_header fmt/core.h || need libfmt-dev fmt 'fmt, for output'  # cmake: fmt
  have_header CLI/CLI.hpp || need libcli11-dev cli11 "CLI11, for the examples' command lines"  # cmake: CLI11
  have nc || need netcat-openbsd - 'nc, a client for the echo server'
  have curl || need curl curl 'curl, a client for the book server'
  have pkg-config || need pkgconf pkgconf 'pkg-config, which finds fmt and Catch2 for the exercises'
  have ps || need procps - 'ps, for the exercises on a system without /proc'
  probe_ctags
}
# Nothing needs it; with it, exercises are checked faster.
probe_fast() {
  case $cxx in '' | *clang++-19) ;; *) return 0 ;; esac
  have ld.lld || have ld.lld-19 || need lld-19 lld "LLVM's linker"
}
probe_gcc() {
  have g++ || need g++ gcc 'g++'  # commands: g++-12 gcov-12 c++
}
probe_sanitizers() {
  case $cxx in '' | *clang++-19) ;; *) return 0 ;; esac
  [ -n "$(find /usr/lib/llvm-19/lib/clang -name 'libclang_rt.asan*' 2>/dev/null | head -n 1)" ] || need libclang-rt-19-dev - "clang 19's sanitizers"
  have llvm-symbolizer-19 || have llvm-symbolizer || need llvm-19 - 'llvm-symbolizer, which gives sanitizer reports their line numbers'
}
probe_model() { have_header relacy/relacy.hpp || need relacy-dev - "Relacy, which tries every order of threads' steps"; }
# It names what the sources define, for the book and for the choice of the tests that must run.
probe_ctags() {
  probe_python
  have ctags-universal || ctags --version 2>/dev/null | grep -q Universal ||
    need universal-ctags universal-ctags 'Universal Ctags'  # commands: ctags
}
probe_book() {
  probe_ctags
  have doxygen || need doxygen doxygen Doxygen
  have dot || need graphviz graphviz Graphviz
}
probe_browser() {
  have chromium || have chromium-browser || have google-chrome || need chromium - 'Chromium, for the test of the book'
  have node || need nodejs node 'Node, for the test of the book'
  have npm || need npm node 'npm, for the test of the book'
}
probe_bench() {
  have_header asio.hpp || need libasio-dev asio 'Asio, a peer to measure against'
  have_header uv.h || need libuv1-dev libuv 'libuv, a peer to measure against'  # library: uv
  probe_python
  [ -n "$(find /usr/lib/python3/dist-packages -maxdepth 1 -name uvloop 2>/dev/null)" ] ||
    python3 -c 'import uvloop' 2>/dev/null || need python3-uvloop - 'uvloop, a peer to measure against'
  have nginx || [ -x /usr/sbin/nginx ] || need nginx-light nginx 'nginx, a peer to measure against'
  have valgrind || need valgrind - 'valgrind, which counts instructions'
}
probe_format() { have clang-format-14 || need clang-format-14 clang-format 'clang-format 14'; }
probe_lint() {
  probe_python
  have clang-tidy-19 || need clang-tidy-19 llvm 'clang-tidy 19'
  have clang-query-19 || need clang-tools-19 llvm 'clang-query 19'  # commands: clang-include-cleaner-19
  have shfmt || need shfmt shfmt 'shfmt, which reads the shell scripts for prerequisites.py'
}

# --- Installing ---

stop_with() {
  printf '%s' "$words"
  echo "$1"
  exit 1
}

# bookworm has clang 19; where a distribution has none, a g++ or clang that is there will do.
drop_unknown_packages() {
  known=''
  for package in $deb; do
    if [ "$package" = clang-19 ] && [ -n "$cxx" ] && ! apt-cache show clang-19 >/dev/null 2>&1; then continue; fi
    known="$known $package"
  done
  deb=$known
}

install_missing() {
  if [ "${NO_INSTALL:-0}" = 1 ] && [ -n "$cxx" ] && [ "$deb" = ' clang-19' ]; then return 0; fi
  case $system in
    Darwin) stop_with "Install them with:  brew install$brew" ;;
    Linux) have apt-get || stop_with "Install them with your package manager; their names in Debian are:$deb" ;;
    *) stop_with "Install them with your package manager; their names in Debian are:$deb" ;;
  esac
  as=''
  [ "$(id -u)" = 0 ] || as='sudo '
  [ "${NO_INSTALL:-0}" != 1 ] || stop_with "NO_INSTALL=1, so nothing is installed. Type:  ${as}apt-get install --no-install-recommends$deb"
  printf '%s' "$words"
  [ -z "$as" ] || have sudo || { echo "Installing needs root, and there is no sudo. As root type:  apt-get install --no-install-recommends$deb" >&2; exit 1; }
  echo "Installing:$deb"
  export DEBIAN_FRONTEND=noninteractive
  ${as}apt-get update -qq || echo "apt-get update failed; going on with the package lists that are there." >&2
  drop_unknown_packages
  [ -z "$deb" ] || ${as}apt-get install -y -qq --no-install-recommends $deb || {
    echo "apt-get could not install:$deb. Its message is above; then run the same command again." >&2
    exit 1
  }
}

groups='python build fast gcc sanitizers model book browser bench lint format ctags'
probe_all() {
  deb='' brew='' words=''
  for group in "$@"; do "probe_$group"; done
}

case ${1:-} in
  --all) set -- $groups ;;
  --cxx) choose_compiler; echo "${cxx:-none}"; [ -n "$cxx" ]; exit ;;
  '' | -*) echo "Usage: setup.sh GROUP... | --all | --cxx; the groups are $groups." >&2; exit 2 ;;
esac
for group in "$@"; do
  case " $groups " in *" $group "*) ;; *) echo "setup.sh: there is no group $group; the groups are $groups." >&2; exit 2 ;; esac
done

choose_compiler
probe_all "$@"
# Installing clang 19 can change the chosen compiler, and then its sanitizers and its linker are needed: a second round.
for round in first second; do
  [ -n "$deb" ] || break
  install_missing
  choose_compiler
  probe_all "$@"
done
case $deb in '' | ' clang-19') ;; *) stop_with "These are still missing, although they were installed; is PATH complete?" ;; esac
case " $* " in
  *' build '*)
    [ -n "$cxx" ] || stop_with "There is no C++20 compiler: install clang 16 or later, or g++ 12 or later."
    check_compiler
    ;;
esac
