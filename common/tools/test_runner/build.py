"""Configure a preset and build targets with Ninja, telling the board what is being compiled for which stage.

Ninja runs under a pseudo-terminal: only there does it say what it *begins*, not merely what it has ended.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from treadle_tools import build_folder, compiler
from treadle_tools.compiler import Compiler

STAGE = re.compile(r"(?<![\w-])(?:chapters/|(?:lib)?(?:tests-|treadle-|example-))(\d\d-[a-z0-9-]+?)(?=[./ ]|$)")
STEP = re.compile(r"^\[(\d+)/(\d+)\] (.*)$")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
OnStep = Callable[[str, str, int, int], None]  # stage, what, done, total


class BuildError(Exception):
    """Configuring failed; the message holds CMake's words."""


@dataclass
class BuildResult:
    """How the build ended, and the compilers' words."""

    code: int
    complaints: list[str] = field(default_factory=list)


def tree(root: Path, preset: str) -> Path:
    return build_folder.of(root) / preset


def chosen_compiler() -> Compiler:
    """The compiler that setup.sh picks (CXX= decides, else clang 19, ...)."""
    try:
        return compiler.chosen()
    except compiler.NoCompiler as error:
        raise BuildError(str(error)) from None


def _cached(build: Path, name: str) -> str:
    try:
        cache = (build / "CMakeCache.txt").read_text()
    except OSError:
        return ""
    match = re.search(rf"^{name}:\w+=(.*)$", cache, re.MULTILINE)
    return match.group(1) if match else ""


def _same_file(one: str, other: str) -> bool:
    real = [shutil.which(path) for path in (one, other)]
    return None not in real and os.path.realpath(str(real[0])) == os.path.realpath(str(real[1]))


def _must_start_afresh(root: Path, build: Path, cxx: Compiler) -> bool:
    """A tree that was configured elsewhere, or for another compiler, is of no use to CMake."""
    home = _cached(build, "CMAKE_HOME_DIRECTORY")
    if not home:
        return False
    mark = build / ".treadle-cxx"
    asked = mark.read_text().strip() if mark.exists() else _cached(build, "CMAKE_CXX_COMPILER")
    return os.path.realpath(home) != os.path.realpath(root) or not (asked == str(cxx) or _same_file(asked, str(cxx)))


def configure(root: Path, preset: str, cxx: Compiler) -> Path:
    """Make build/PRESET ready for Ninja; does nothing where it is."""
    build = tree(root, preset)
    mark = build / ".treadle-cxx"
    if _must_start_afresh(root, build, cxx):
        (build / "CMakeCache.txt").unlink()
        shutil.rmtree(build / "CMakeFiles", ignore_errors=True)
    elif (build / "build.ninja").exists() and mark.exists():
        # Let CMake look for new files now, so that plan() knows them.
        _configuring([*ninja(build), "build.ninja"], root, cxx)
        return build
    warnings = ["-DCMAKE_COMPILE_WARNING_AS_ERROR=ON"] if os.environ.get("TREADLE_WARNINGS") == "error" else []
    _configuring(["cmake", "--preset", preset, "-B", str(build), *warnings], root, cxx)
    mark.write_text(f"{cxx}\n")
    return build


def _configuring(command: list[str], root: Path, cxx: Compiler) -> None:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, env={**_environment(), **cxx.environment})
    if done.returncode != 0:
        raise BuildError(f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}")


def stage_of(step: str) -> str:
    """The stage that a line of Ninja's speaks of, or '' for what all share."""
    match = STAGE.search(step)
    return match.group(1) if match else ""


def short(step: str) -> str:
    """`Building CXX object a/b/unity_0_cxx.cxx.o` -> `compiling unity_0_cxx.cxx`."""
    words = step.split()
    name = Path(words[-1]).name if words else step
    if step.startswith("Building"):
        return "compiling " + name.removesuffix(".o")
    return ("linking " if "Linking" in step else "") + name


def ninja(build: Path) -> list[str]:
    return [_cached(build, "CMAKE_MAKE_PROGRAM") or "ninja", "-C", str(build)]


def _dry_run(build: Path, targets: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """What Ninja would do. From a copy of its file: in the original it would only want to look for new files first."""
    copy = build / "plan.ninja"
    shutil.copy(build / "build.ninja", copy)
    return subprocess.run([*ninja(build), "-f", copy.name, "-n", *targets], capture_output=True, text=True,
                          env={**os.environ, "NINJA_STATUS": "[%f/%t] "})


def plan(build: Path, targets: Sequence[str]) -> dict[str, int]:
    """How many steps each stage has before it ('' for what all share)."""
    dry = _dry_run(build, targets)
    steps: dict[str, int] = {}
    for line in dry.stdout.splitlines():
        match = STEP.match(line)
        if match:
            stage = stage_of(match.group(3))
            steps[stage] = steps.get(stage, 0) + 1
    return steps


def is_up_to_date(build: Path, target: str) -> bool:
    dry = _dry_run(build, [target])
    return dry.returncode == 0 and "no work to do" in dry.stdout


def _environment() -> dict[str, str]:
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return {**env, "NINJA_STATUS": "[%f/%t] ", "TERM": "xterm"}


def _lines(descriptor: int) -> Iterator[str]:
    """The lines of a pseudo-terminal; a carriage return ends one too."""
    rest = ""
    while True:
        try:
            data = os.read(descriptor, 65536)
        except OSError:  # Linux: EIO when the other side has gone
            data = b""
        if not data:
            break
        *whole, rest = re.split(r"[\r\n]+", rest + data.decode(errors="replace"))
        yield from whole
    if rest:
        yield rest


def _terminal_or_pipe() -> tuple[int, int]:
    """Where ninja writes, and where we read it. To a terminal it also tells what begins; some containers have none."""
    try:
        return pty.openpty()
    except OSError:
        return os.pipe()


def run(build: Path, targets: Sequence[str], on_step: OnStep) -> BuildResult:
    """Build the targets, going on after a failure, and tell each step's begin and end."""
    totals = plan(build, targets)
    ours, theirs = _terminal_or_pipe()
    command = [*ninja(build), "-k", "0", *_jobs(), *targets]
    child = subprocess.Popen(["sh", "-c", 'stty cols 1000 2>/dev/null; exec "$@"', "sh", *command],
                             stdin=theirs, stdout=theirs, stderr=theirs, env=_environment())
    os.close(theirs)
    complaints = list(_follow(_lines(ours), totals, on_step))
    os.close(ours)
    return BuildResult(child.wait(), complaints)


def _jobs() -> list[str]:
    jobs = os.environ.get("JOBS", "")
    return ["-j", jobs] if jobs.isdecimal() and int(jobs) > 0 else []


def _follow(lines: Iterator[str], totals: dict[str, int], on_step: OnStep) -> Iterator[str]:
    """Report the steps; yield every line that is none (the compilers' words)."""
    begun: set[str] = set()
    done: dict[str, int] = {}
    for line in lines:
        match = STEP.match(ESCAPES.sub("", line))
        if not match:
            if line.strip() and not line.startswith(("ninja: Entering", "ninja: no work", "ninja: build stopped")):
                yield line
            continue
        step = match.group(3)
        stage = stage_of(step)
        if step in begun:
            done[stage] = done.get(stage, 0) + 1
        begun.add(step)
        on_step(stage, short(step), done.get(stage, 0), totals.get(stage, 0))


def print_complaints(result: BuildResult) -> None:
    for line in result.complaints:
        print(line, file=sys.stderr)
