"""Checks one answer: compiles it with the repository's own check, runs each named check in a cage, says how it went.

Every check runs in a process of its own, so that one that crashes or never ends costs only its own points. The
result of a check is what Catch2 wrote into a file whose name the answer is not told; how the program ended decides the rest.
"""
from __future__ import annotations

import hashlib
import re
import secrets
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from ..compiler import Compiler
from . import diagnostics, report, sandbox
from .model import Check, Exercise, Places
from .sandbox import Outcome
from .toolchain import Toolchain

SENTENCES = {
    "passed": "Right.",
    "wrong": "It ran to the end, but a law does not hold.",
    "compile_error": "The answer does not compile, so nothing ran.",
    "crash": "The program was ended by {signal}.",
    "sanitizer": "A sanitizer found undefined behaviour or a memory fault.",
    "deadlock": "Tasks are left waiting and nothing is left that could wake them.",
    "timeout": "It used its {cpu:g} s of processor time without coming to an end; look for a loop that never stops or never "
               "suspends.",
    "memory": "It needed more than {memory:g} MB; look for something that grows without bound, or recursion that allocates.",
    "too_many_processes": "It had more than {processes} processes or threads; an answer needs few or none.",
    "not_run": "The check did not run to its end, so it scores nothing.",
}
SIGNALS = {
    "SIGSEGV": "memory was touched that is not there: a null or dangling reference, or a stack that overflowed",
    "SIGABRT": "the program gave up on itself: an exception nobody caught, or a check of the library that failed",
    "SIGFPE": "a division by zero",
    "SIGILL": "the end of a function that must return a value, or a trap set by the compiler",
    "SIGBUS": "memory was touched that is not there",
    "SIGPIPE": "it wrote to a connection the other side had closed",
    "SIGXFSZ": "it wrote a file larger than it may",
}
SANITIZER = re.compile(r"^.*(?:ERROR: (?:Address|Leak|Thread|Memory)Sanitizer|runtime error):? .*$", re.MULTILINE)
KEYWORDS = """alignas alignof and auto bool break case catch char class co_await co_return co_yield const constexpr continue
decltype default delete do double else enum explicit extern false float for friend if inline int long namespace new noexcept
not nullptr operator or private protected public return short signed sizeof static static_cast struct switch template this
throw true try typedef typename union unsigned using virtual void volatile while""".split()
MAX_ANSWER = 256 * 1024
NOT_BEGUN = "It has not been begun, so there is nothing to check."


@dataclass(frozen=True)
class CheckResult:
    """How one check went."""

    name: str
    status: str
    points: float
    max: float
    message: str
    detail: str = ""
    seconds: float = 0.0
    signal: str = ""
    visibility: str = "visible"

    @property
    def why(self) -> str:
        """All that is said about it."""
        return "\n".join(part for part in (self.message, self.detail) if part)


@dataclass(frozen=True)
class Result:
    """How one exercise went."""

    exercise: Exercise
    status: str
    checks: tuple[CheckResult, ...]
    toolchain: str = ""
    sanitize: bool = False
    answer_sha256: str = ""
    check_sha256: str = ""
    output: str = ""
    warnings: str = ""

    @property
    def score(self) -> float:
        """The points of the checks that passed."""
        return sum(check.points for check in self.checks)

    @property
    def passed(self) -> bool:
        """Whether everything passed."""
        return self.status == "passed"


@dataclass(frozen=True)
class Built:
    """A compiled check, or why there is none."""

    program: Path | None
    error: str = ""
    warnings: str = ""


def uniform(exercise: Exercise, status: str, detail: str, said: str = "") -> Result:
    """The result where no check could run, all for the same reason."""
    said = said or _sentence(status, exercise)
    checks = tuple(CheckResult(c.name, status, 0, c.points, said, detail, visibility=c.visibility) for c in exercise.checks)
    return Result(exercise, status, checks)


def _sentence(status: str, exercise: Exercise, signal: str = "", scale: float = 1.0) -> str:
    limits = exercise.limits
    return SENTENCES[status].format(signal=signal, cpu=round(limits.cpu_seconds * scale, 1), memory=limits.memory_mb,
                                    processes=limits.processes)


# --- compiling ----------------------------------------------------------------------------------------------------


def guard(answer: Path, check_source: str, catch_names: list[str]) -> str:
    """A header that includes the answer and then restores every macro the check could be cheated with."""
    used = set(re.findall(r"[A-Za-z_]\w*", check_source)) | set(catch_names) | set(KEYWORDS)
    names = sorted(n for n in used if not n.startswith("__") and n not in ("defined", "ANSWER", "_Pragma"))
    push = [f'#pragma push_macro("{name}")' for name in names]
    pop = [f'#pragma pop_macro("{name}")' for name in names]
    return "\n".join(["#pragma once", '#include "exercise_guard.hpp"', *push, f'#include "{answer}"', *pop, ""])


def build(exercise: Exercise, answer: str, tools: Toolchain, job: Path) -> Built:
    """Compiles check and answer in one translation unit, under limits: templates can loop for ever too."""
    source, shield, home = job / "answer.cpp", job / "answer_guard.hpp", job / "compile"
    home.mkdir()
    source.write_text(answer, encoding="utf-8")
    tools.prepare(exercise.stage)
    check = exercise.file("check.cpp")
    check_source = check.read_text(encoding="utf-8")
    shield.write_text(guard(source, check_source, tools.guard_names()), encoding="utf-8")
    argv = [shutil.which(tools.cxx.program) or tools.cxx.program, *tools.cxx.options, *tools.flags, "-Wall", "-Wextra", "-Wno-unused-parameter",
            *tools.check_headers(exercise.stage, check), *tools.include_flags(exercise.stage), f"-I{exercise.path}", f'-DANSWER="{shield}"', str(check),
            "-o", str(job / "program"), *tools.link_inputs(exercise.stage)]
    limits = sandbox.COMPILER_LIMITS.scaled(sandbox.slowness(), sandbox.crowding())
    outcome = sandbox.run(argv, home, sandbox.clean_environment(home), limits, address_space=False, drop=False)
    complaints = outcome.stderr + outcome.stdout
    if outcome.ended != "exit" or outcome.signal:
        return Built(None, "The compiler was stopped: it used too much time or memory on this answer (a template or "
                           "constexpr function that never ends?).")
    if outcome.exit != 0:
        return Built(None, diagnostics.first_error(complaints, str(source), answer))
    (job / "program").chmod(0o755)
    return Built(job / "program", "", diagnostics.warnings(complaints, str(source), answer))


def prediction_error(answer: str) -> str:
    """A prediction is a list of strings and nothing else; anything more could be the program itself."""
    bare = re.sub(r'"(?:\\.|[^"\\\n])*"', " ", re.sub(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/', r"\1", answer, flags=re.S))
    bare = re.sub(r"#include\s*<(?:string|vector)>|#pragma once", " ", bare)
    strange = [w for w in re.findall(r"\w+|[^\w\s]", bare)
               if w not in {"const", "inline", "std", ":", "vector", "<", "string", ">", "prediction", "=", "{", "}", ",", ";"}]
    return f"A prediction is a list of strings and nothing else, but there is {strange[0]!r}." if strange else ""


# --- running ------------------------------------------------------------------------------------------------------


def spec(name: str) -> str:
    """A test's name as a Catch2 filter that matches it alone."""
    return re.sub(r'([\\,\[\]"])', r"\\\1", name)


def environment(home: Path) -> dict[str, str]:
    """What a check may know of the world, and how sanitizers are to report."""
    return sandbox.clean_environment(home, {
        "ASAN_OPTIONS": "exitcode=99:handle_segv=2:handle_abort=0:detect_stack_use_after_return=1:symbolize=1",
        "UBSAN_OPTIONS": "exitcode=99:print_stacktrace=0:halt_on_error=1",
    })


def run_check(exercise: Exercise, check: Check, program: Path, sanitize: bool) -> CheckResult:
    """Runs one check in a box of its own and judges how it ended."""
    box = Path(tempfile.mkdtemp(prefix="box-", dir=program.parent))
    written = box / f"{secrets.token_hex(12)}.xml"
    scale = sandbox.slowness() * (3 if sanitize else 1)
    limits = exercise.limits.scaled(scale, sandbox.crowding())
    if sanitize:
        limits = replace(limits, memory_mb=limits.memory_mb * 3)
    outcome = sandbox.run([str(program), "-r", "xml", "-o", str(written), "--warn", "NoAssertions", spec(check.name)], box,
                          environment(box), limits, address_space=not sanitize)
    told = report.read(written, check.name)
    status = classify(outcome, told, limits)
    message = _sentence(status, exercise, outcome.signal_name or f"exit code {outcome.exit}", scale)
    points = check.points if status == "passed" else 0
    return CheckResult(check.name, status, points, check.points, message, _detail(status, outcome, told),
                       round(outcome.wall, 3), outcome.signal_name, check.visibility)


def classify(outcome: Outcome, told: report.Report, limits: sandbox.Limits) -> str:
    """One status from how the program ended and what Catch2 wrote; what the cage saw comes before what the program says."""
    by_limit = {"cpu": "timeout", "wall": "timeout", "idle": "deadlock", "memory": "memory",
                "processes": "too_many_processes", "abandoned": "not_run"}
    if outcome.ended in by_limit:
        return by_limit[outcome.ended]
    thrown = " ".join(told.exceptions) + (outcome.stderr if outcome.signal else "")
    if SANITIZER.search(outcome.stderr):
        return "sanitizer"
    if "std::bad_alloc" in thrown or (outcome.signal_name == "SIGKILL" and outcome.peak_mb > limits.memory_mb / 2):
        return "memory"
    if "Resource temporarily unavailable" in thrown and outcome.peak_processes > 1:
        return "too_many_processes"
    if outcome.signal is not None:
        return "timeout" if outcome.signal_name == "SIGXCPU" else "crash"
    return _by_report(outcome, told)


def _by_report(outcome: Outcome, told: report.Report) -> str:
    if not told.complete or told.assertions == 0:
        return "not_run"
    if told.success:
        return "passed" if outcome.exit == 0 else "crash"
    return "deadlock" if any(text.startswith("[deadlock]") for text in told.exceptions) else "wrong"


def _detail(status: str, outcome: Outcome, told: report.Report) -> str:
    """The particulars that help: the law that broke, the sanitizer's line, the last words of a crash."""
    if status == "sanitizer":
        return sanitizer_words(outcome.stderr)
    if status == "crash":
        meaning = SIGNALS.get(outcome.signal_name, "")
        return "\n".join(part for part in (f"That means: {meaning}." if meaning else "", last_words(outcome.stderr)) if part)
    if status == "timeout" and outcome.ended == "wall":
        return "The processor limit was not reached, but the backstop on the clock was; on a busy machine, try again."
    if status == "deadlock" and outcome.ended == "idle":
        return "Nothing happened for a while: the whole program waits for something that never comes."
    if status == "not_run" and outcome.ended == "exit":
        return f"The program ended by itself (exit code {outcome.exit}) before the check did; an answer must not call exit()."
    return told.why.replace("It threw: [deadlock] ", "") if status in ("wrong", "deadlock", "memory") else ""


def last_words(stderr: str) -> str:
    """What a program that gave up on itself said, from the line that says so."""
    said = re.search(r"^.*(?:broken precondition|terminate called|terminating due to|Assertion|Check failed)[^\0]*", stderr,
                     re.MULTILINE)
    return said.group(0)[:500].strip() if said else ""


def sanitizer_words(stderr: str) -> str:
    """The sanitizer's finding and the first line of the answer in its stack."""
    found = SANITIZER.search(stderr)
    said = re.sub(r"^=*\d+=*|^\S*?([\w.]+:\d+):\d+: ", lambda m: f"{m.group(1)}: " if m.group(1) else "", found.group(0)).strip()
    said = re.sub(r" on (?:unknown )?address 0x.*", "", said)
    where = re.search(r"answer\.cpp:(\d+)", stderr)
    return said[:400] + (f"\nFirst seen at answer.cpp:{where.group(1)}." if where and "answer.cpp" not in said else "")


def run_checks(exercise: Exercise, program: Path, sanitize: bool, only: str = "") -> list[CheckResult]:
    """All checks in order. After two that used up their time the rest is not run: it would only be waiting."""
    results: list[CheckResult] = []
    for check in exercise.checks:
        if only and check.name != only:
            continue
        if sum(r.status == "timeout" for r in results) >= 2:
            results.append(CheckResult(check.name, "not_run", 0, check.points, _sentence("not_run", exercise),
                                       "Two checks before it used up their time.", visibility=check.visibility))
        else:
            results.append(run_check(exercise, check, program, sanitize))
    return results


# --- one answer ---------------------------------------------------------------------------------------------------


def toolchain(places: Places, cxx: Compiler, sanitize: bool) -> Toolchain:
    """The compiler with its cache of shared parts."""
    return Toolchain(places.cache, places.root, cxx, sanitize)


def judge(exercise: Exercise, answer: Path, tools: Toolchain, only: str = "") -> Result:
    """Compiles and runs the answer; whatever it does, there is a result."""
    try:
        text = answer.read_bytes()[:MAX_ANSWER + 1].decode("utf-8")
    except FileNotFoundError:
        return uniform(exercise, "not_run", f"Begin with: make exercise EX={exercise.id}", NOT_BEGUN)
    except (OSError, UnicodeDecodeError) as error:
        return uniform(exercise, "compile_error", f"The answer cannot be read as UTF-8 text: {error}")
    if len(text) > MAX_ANSWER:
        return uniform(exercise, "compile_error", f"The answer is larger than {MAX_ANSWER // 1024} KB.")
    stray = prediction_error(text) if exercise.kind == "predict" else ""
    result = uniform(exercise, "wrong", stray) if stray else _judge_text(exercise, text, tools, only)
    digest = hashlib.sha256(text.encode()).hexdigest()
    checks = hashlib.sha256(exercise.file("check.cpp").read_bytes()).hexdigest()
    return replace(result, toolchain=tools.version, sanitize=tools.sanitize, answer_sha256=digest, check_sha256=checks)


def _judge_text(exercise: Exercise, text: str, tools: Toolchain, only: str) -> Result:
    job = Path(tempfile.mkdtemp(prefix="treadle-exercise-"))
    job.chmod(0o711)
    try:
        built = build(exercise, text, tools, job)
        if built.program is None:
            return uniform(exercise, "compile_error", built.error)
        checks = run_checks(exercise, built.program, tools.sanitize, only)
        status = next((c.status for c in checks if c.status != "passed"), "passed")
        return Result(exercise, status, tuple(checks), warnings=built.warnings)
    finally:
        shutil.rmtree(job, ignore_errors=True)
