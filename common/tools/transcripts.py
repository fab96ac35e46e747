#!/usr/bin/env python3
"""Record the runs that the book shows, and check that they still say the same.

    common/tools/transcripts.py --record ch03-echo        run book/transcripts/ch03-echo.sh, write ch03-echo.txt
    common/tools/transcripts.py --check                   run all of them again and compare

A script is shell with the words of book/transcripts/lib.sh: show, show_failing, quiet, serve, stop. It runs from the root of the tree and
writes build/dev for the folder of programs; --bin runs those of another. What differs from run to run is declared in its first lines,

    # normalise: ports durations

and becomes a number that stays: ports (of the range that the system hands out, in order 40001, 40002, …), times (of day, and dates), durations
(seconds to a tenth, milliseconds to a hundred or "a few", less to "a few"), ids (addresses in memory), pids (process numbers).
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from treadle_tools import build_folder, cli

ROOT = Path(__file__).resolve().parents[2]
_DECLARATION = re.compile(r"^#\s*normalise:\s*(.*?)\s*$")
_SECONDS = 300
_TRIES = 3  # for a run that differs


class TranscriptError(Exception):
    """A run that cannot be recorded; the message says why."""


# ---------------------------------------------------------------------------------------------------------------
# What differs from run to run


def _renumber(text: str, found: list[str], first: int, step: int = 1, form: str = "{}") -> str:
    """Each number of `found`, wherever it stands, becomes the next one from `first`."""
    names = {old: form.format(first + i * step) for i, old in enumerate(dict.fromkeys(found))}
    if not names:
        return text
    pattern = r"(?<![\w.])(?:" + "|".join(re.escape(old) for old in sorted(names, key=len, reverse=True)) + r")(?!\w)"
    return re.sub(pattern, lambda match: names[match[0]], text)


def ports(text: str) -> str:
    seen = re.findall(r"(?:\d+\.\d+\.\d+\.\d+|localhost|\]|\bport)[: ](\d{5})\b", text)
    return _renumber(text, [port for port in seen if int(port) >= 32768], 40001)


def pids(text: str) -> str:
    return _renumber(text, re.findall(r"(?:\b(?:pid|PID|process|thread)[ =:]+|^\[\d+\] )(\d+)\b", text, re.MULTILINE), 1001)


def ids(text: str) -> str:
    return _renumber(text, re.findall(r"\b0x[0-9a-f]{6,16}\b", text), 0x1000, 0x1000, "0x{:x}")


def times(text: str) -> str:
    text = re.sub(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "Thu, 01 Jan 2026 12:00:00 GMT", text)
    text = re.sub(r"\b20\d\d-\d\d-\d\d\b", "2026-01-01", text)
    return re.sub(r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b", "12:00:00", text)


def durations(text: str) -> str:
    return re.sub(r"(?<![\w.])(\d+(?:\.\d+)?)( ?)(s|seconds?|ms|milliseconds?|us|µs|microseconds?|ns|nanoseconds?)\b", _duration, text)


def _duration(match: re.Match[str]) -> str:
    value, space, unit = float(match[1]), match[2], match[3]
    if unit.startswith("s"):
        return f"{value:.1f}{space}{unit}" if "." in match[1] else match[0]
    if unit.startswith("m") and not unit.startswith("micro") and value >= 50:
        return f"{round(value / 100) * 100}{space}{unit}"
    return f"a few {unit}"


NORMALISERS: dict[str, Callable[[str], str]] = {"ports": ports, "times": times, "durations": durations, "ids": ids, "pids": pids}


def declared(script: str, name: str) -> list[str]:
    """The normalisers that a script's opening comment names."""
    found: list[str] = []
    for line in script.split("\n"):
        if line and not line.startswith("#"):
            break
        match = _DECLARATION.match(line)
        found += match[1].replace(",", " ").split() if match else []
    unknown = [each for each in found if each not in NORMALISERS]
    if unknown:
        raise TranscriptError(f"{name}.sh declares `normalise: {unknown[0]}`; there are: {', '.join(NORMALISERS)}")
    return found


# ---------------------------------------------------------------------------------------------------------------
# Running


@dataclass(frozen=True)
class Place:
    """Where scripts and programs are."""

    root: Path
    binaries: Path

    @property
    def folder(self) -> Path:
        return self.root / "book" / "transcripts"

    def names(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.sh") if path.name != "lib.sh")


def run(name: str, place: Place) -> str:
    """The transcript that script `name` makes now."""
    path = place.folder / f"{name}.sh"
    script = path.read_text(encoding="utf-8")
    chosen = declared(script, name)
    text = _bare(_output(path, name, place), place)
    for each in chosen:
        text = NORMALISERS[each](text)
    return "\n".join(line.rstrip() for line in text.rstrip().split("\n")) + "\n"


def _bare(text: str, place: Place) -> str:
    """Without what belongs to this machine: colours, and where the tree lies."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r\n", "\n")
    return text.replace(str(place.binaries), "build/dev").replace(str(place.root) + "/", "")


def _output(path: Path, name: str, place: Place) -> str:
    with tempfile.TemporaryDirectory(prefix="transcript-") as scratch:
        program = f'exec 3>"{scratch}/complaint"; set -eu; . "{place.folder}/lib.sh"; . "{path}"'
        shown = os.path.relpath(place.binaries, place.root)
        environment = os.environ | {
            "BIN_DIR": str(place.binaries) if shown.startswith("..") else shown, "SCRATCH": scratch,
            "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "80",
        }
        child = subprocess.Popen(["bash", "-c", program], cwd=place.root, env=environment, text=True, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            output, _ = child.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            raise TranscriptError(f"{name}.sh did not end within {_SECONDS} seconds") from None
        finally:
            _end_group(child)
        complaint = Path(scratch, "complaint").read_text(encoding="utf-8").strip()
    if child.returncode:
        raise TranscriptError(f"{name}.sh failed with status {child.returncode}: {complaint or output.strip()[-400:]}")
    return output


def _end_group(child: subprocess.Popen[str]) -> None:
    """Whatever the script left running ends with it."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()


# ---------------------------------------------------------------------------------------------------------------
# Record and check


def record(name: str, place: Place) -> str | None:
    target = place.folder / f"{name}.txt"
    text = run(name, place)
    if target.is_file() and target.read_text(encoding="utf-8") == text:
        print(f"{name}: as before")
    else:
        target.write_text(text, encoding="utf-8")
        print(f"{name}: recorded, {text.count(chr(10))} lines")
    return None


def check(name: str, place: Place) -> str | None:
    """None, or what differs."""
    target = place.folder / f"{name}.txt"
    if not target.is_file():
        return f"{name} was never recorded: common/tools/transcripts.py --record {name}"
    before, now = target.read_text(encoding="utf-8"), run(name, place)
    if before == now:
        return None
    rows = difflib.unified_diff(before.splitlines(), now.splitlines(), f"book/transcripts/{name}.txt", "this run", lineterm="")
    return f"{name} says something else now:\n" + "\n".join(rows)


def again(name: str, fault: str | None, one: Callable[[str], str | None]) -> str | None:
    """Run it once more if it differs. What a program does in real time can come a tick late on a busy machine; what is wrong
    with a transcript is wrong each time."""
    for _ in range(_TRIES - 1):
        if fault:
            print(f"{name}: runs once more, because it differed", flush=True)
            fault = one(name)
    return fault


def _orphans(place: Place) -> list[str]:
    scripts = set(place.names())
    return [f"book/transcripts/{path.name} has no script that makes it" for path in sorted(place.folder.glob("*.txt")) if path.stem not in scripts]


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--record", action="store_true", help="run and write the transcripts")
    action.add_argument("--check", action="store_true", help="run again and compare")
    action.add_argument("--list", action="store_true", help="print the names")
    parser.add_argument("names", nargs="*", help="which ones (default: all)")
    parser.add_argument("--bin", type=Path, metavar="DIR", help="the folder of programs (default: build/dev)")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def _misuse(sentence: str) -> int:
    print(f"transcripts: {sentence}", file=sys.stderr)
    return 2


def main(argv: list[str] | None = None) -> int:
    options = _arguments(argv)
    root = options.root.resolve()
    place = Place(root, (options.bin or build_folder.of(root) / "dev").resolve())
    known = place.names()
    if options.list:
        print("\n".join(known))
        return 0
    wrong = [name for name in options.names if name not in known]
    if wrong:
        return _misuse(f"there is no script book/transcripts/{wrong[0]}.sh; there are: {', '.join(known) or 'none yet'}")
    if not place.binaries.is_dir():
        return _misuse(f"there are no programs in {place.binaries}; build them first: make build")
    with build_folder.locked("dev", root):
        return _all(options.names or known, place, record if options.record else check, bool(options.check and not options.names))


def _all(names: list[str], place: Place, action: Callable[[str, Place], str | None], whole: bool) -> int:
    def one(name: str) -> str | None:
        try:
            return action(name, place)
        except TranscriptError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        faults = [again(name, fault, one) if fault and action is check else fault for name, fault in zip(names, pool.map(one, names))]
    faults = [fault for fault in faults if fault]
    faults += _orphans(place) if whole else []
    for fault in faults:
        print(fault, file=sys.stderr)
    if action is check:
        print(f"transcripts: {len(names)} runs, {len(faults)} {'differs' if len(faults) == 1 else 'differ'}")
    return 1 if faults else 0


if __name__ == "__main__":
    cli.run(main)
