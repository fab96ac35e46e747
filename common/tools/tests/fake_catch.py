"""A stand-in for a Catch2 program, written as a script: it speaks just enough of Catch2's command line.

`write(path, cases)` makes one. A case is (name, deed); the deeds are pass, fail, exit (leaves at once), kill (a signal
that nobody catches), signal (one that Catch2 catches), hang, and late (passes, but the program then exits with 66).
"""

from __future__ import annotations

import sys
from pathlib import Path

PROGRAM = '''#!{python}
import os, re, sys, time
from xml.sax.saxutils import quoteattr
CASES = {cases!r}
VERSION = {version!r}
args = sys.argv[1:]
if "--list-test-names-only" in args and VERSION == 3:
    sys.exit("Error(s) in input:\\n  Unrecognised token: --list-test-names-only")
listing = "--list-test-names-only" in args or "--list-tests" in args
chosen = [name for name, deed in CASES]
words = [a for a in args if not a.startswith("-")]
if "-f" in args:
    chosen = [re.sub(r"\\\\(.)", r"\\1", line) for line in open(args[args.index("-f") + 1]).read().splitlines()]
elif listing and words and words[-1] != "quiet":
    chosen = [n for n in chosen if n.startswith(words[-1].rstrip("*"))]
elif len(words) > 2:
    chosen = [n for n in chosen if n.startswith(words[-1].rstrip("*"))]
if listing:
    print("\\n".join(chosen))
    sys.exit(len(chosen) if VERSION == 2 else 0)
out = open(args[args.index("-o") + 1], "w")
def say(text):
    out.write(text)
    out.flush()
outer = ("<Catch name='t'><Group name='t'>", "</Group></Catch>") if VERSION == 2 else ("<Catch2TestRun>", "</Catch2TestRun>")
say("<?xml version='1.0'?>" + outer[0])
code = 0
for name, deed in CASES:
    if name not in chosen:
        continue
    say("<TestCase name=%s filename={file!r} line='7'>" % quoteattr(name))
    if deed == "exit":
        print("last words", flush=True)
        os._exit(3)
    if deed == "kill":
        os.kill(os.getpid(), 9)
    if deed == "hang":
        while True:
            time.sleep(1)
    if deed == "signal":
        say("<FatalErrorCondition filename='t.cpp' line='8'>SIGSEGV</FatalErrorCondition>")
    if deed == "fail":
        code = 1
        say("<Info>i is 3</Info><Expression success='false' type='CHECK' filename='t.cpp' line='9'>"
            "<Original>a == b</Original><Expanded>1 == 2</Expanded></Expression>")
    if deed == "late":
        code = 66
    say("<OverallResult success='%s'/></TestCase>" % ("false" if deed in ("fail", "signal") else "true"))
    if deed == "signal":
        code = 11
        break
say(outer[1])
sys.exit(code)
'''


def write(path: Path, cases: list[tuple[str, str]], version: int = 2, file: str = "t.cpp") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PROGRAM.format(python=sys.executable, cases=cases, version=version, file=file))
    path.chmod(0o755)
    return path
