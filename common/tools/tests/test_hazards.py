"""What COMPILERS.md and the book's appendix say of compilers is so: each claim is a program, built and run.

A fault of a compiler is hearsay to whoever does not see it, and outlives itself in comments when it is mended. So the
programs are taken out of the appendix as a reader takes them, and must misbehave with g++ 12 where the page says so, and
nowhere else. Without g++ 12 there is nothing to say, and all is skipped.
"""

from __future__ import annotations

import re
import resource
import shutil
import signal
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lint
from treadle_tools import stages

PAGE = stages.ROOT / "book/pages/appendix-compilers.md"
STAGE = stages.find("01").path
SIX = ("g1", "g2", "g3", "g4", "g5", "g6")
JUMPS = "-foptimize-sibling-calls"


def gcc12() -> str | None:
    """The g++ 12 of this machine."""
    for name in ("g++-12", "g++"):
        if shutil.which(name):
            version = subprocess.run([name, "-dumpversion"], capture_output=True, text=True).stdout
            told = subprocess.run([name, "--version"], capture_output=True, text=True).stdout
            if version.split(".")[0].strip() == "12" and "clang" not in told:
                return name
    return None


def program_of(page: str, name: str) -> str:
    """The program whose block of the page begins with `// NAME.cpp`; the rule of book/snippets/compile."""
    found = re.findall(rf"^```cpp\n(// {name}\.cpp\n.*?)^```$", page, re.MULTILINE | re.DOTALL)
    if len(found) != 1:
        raise AssertionError(f"{PAGE.name} has {len(found)} programs that begin with `// {name}.cpp`")
    return found[0]


def limits() -> None:
    """No core file, the usual stack, and an end: a broken program may do anything."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
    soft = 8 << 20
    _, hard = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, timeout=60, preexec_fn=limits)


def jumps(compiler: str) -> list[str]:
    return [] if "clang" in compiler else [JUMPS]


class Workshop:
    """One folder with the programs, and stage 01's library once for each compiler."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.page = PAGE.read_text(encoding="utf-8")

    def build(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [*words, "-std=c++20", "-Wall", "-Wextra", "-Werror", f"-I{STAGE / 'include'}"]
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=self.folder,
                              stdin=subprocess.DEVNULL, timeout=120)

    def must_build(self, *words: str | Path) -> None:
        done = self.build(*words)
        if done.returncode:
            raise AssertionError(f"{' '.join(map(str, words))}:\n{done.stderr[:3000]}")

    def library(self, compiler: str) -> Path:
        """All of stage 01 in one object file; with g++, symmetric transfers are jumps, as the CMake target has it."""
        whole, made = self.folder / f"{compiler}.cpp", self.folder / f"{compiler}.o"
        whole.write_text("".join(f'#include "{source}"\n' for source in sorted((STAGE / "src").glob("*.cpp"))))
        self.must_build(compiler, *jumps(compiler), "-c", whole, "-o", made)
        return made

    def source(self, name: str) -> Path:
        path = self.folder / f"{name}.cpp"
        path.write_text(program_of(self.page, name), encoding="utf-8")
        return path

    def program(self, name: str, compiler: str, *options: str) -> Path:
        target = self.folder / "-".join([name, compiler, *options]).replace("=", "-")
        self.must_build(compiler, f"{name}.cpp", f"{compiler}.o", *options, "-o", target, "-lfmt")
        return target


GCC = gcc12()


@unittest.skipUnless(GCC, "g++ 12 is not installed, and this is about what it does")
class Compilers(unittest.TestCase):
    """The claims that need nothing but compilers."""

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle-hazards-")
        cls.addClassCleanup(folder.cleanup)
        shop = cls.shop = Workshop(Path(folder.name).resolve())
        cls.clang = "clang++-19" if shutil.which("clang++-19") else ""
        for name in (*SIX, "many_awaits"):
            shop.source(name)
        pool = ThreadPoolExecutor(2)
        cls.addClassCleanup(pool.shutdown)
        compilers = [name for name in (GCC, cls.clang) if name]
        list(pool.map(shop.library, compilers))
        # All at once, and each test waits for its own.
        cls.programs = {(name, compiler): pool.submit(shop.program, name, compiler, *jumps(compiler))
                        for name in SIX for compiler in compilers}
        if shutil.which("clang-query-19"):
            cls.flagged = {name: pool.submit(lint.hazards, lint.Unit(shop.folder / f"{name}.cpp", (STAGE / "include",)))
                           for name in SIX}

    def right_answer(self, name: str) -> str:
        done = run(self.programs[name, GCC].result(), "repaired")
        self.assertEqual((done.returncode, done.stderr), (0, ""), f"{name} repaired, with g++ 12")
        self.assertRegex(done.stdout, r"^(length|value) [1-9]\d*\n$")
        return done.stdout

    def needs_clang(self) -> None:
        if not self.clang:
            self.skipTest("clang++-19 is not installed")

    def gcc_breaks(self, name: str) -> None:
        right = self.right_answer(name)
        done = run(self.programs[name, GCC].result())
        self.assertFalse(done.returncode == 0 and done.stdout == right,
                         f"g++ 12 gives the right answer to {name}; has it been mended? Then the appendix is out of date")

    def clang_is_right(self, name: str) -> None:
        self.needs_clang()
        right = self.right_answer(name)
        for words in ((), ("repaired",)):
            done = run(self.programs[name, self.clang].result(), *words)
            self.assertEqual((done.returncode, done.stdout), (0, right), f"{name} {words}: {done.stderr}")

    def lint_finds_the_broken_line_alone(self, name: str) -> None:
        if not shutil.which("clang-query-19"):
            self.skipTest("clang-query-19 is not installed")
        lines = self.flagged[name].result()
        self.assertEqual(len(lines), 1, f"it names the lines {lines}")
        text = (self.shop.folder / f"{name}.cpp").read_text().splitlines()
        above = next(row for row in reversed(text[:lines[0]]) if re.match(r"Coro<.*\{$", row))
        self.assertIn(" broken(", above)

    def test_a_million_awaits_overflow_the_stack_of_g12_unless_transfers_are_jumps(self) -> None:
        done = run(self.shop.program("many_awaits", GCC, "-O0"))
        self.assertEqual(done.returncode, -signal.SIGSEGV, done.stdout)
        done = run(self.shop.program("many_awaits", GCC, "-O0", JUMPS))
        self.assertEqual((done.returncode, done.stdout), (0, "1000000 awaits\n"), done.stderr)

    def test_with_the_address_sanitizer_of_g12_they_overflow_all_the_same(self) -> None:
        try:
            program = self.shop.program("many_awaits", GCC, "-O0", JUMPS, "-fsanitize=address")
        except AssertionError as error:
            self.skipTest(f"g++ 12 has no address sanitizer here: {error}")
        done = run(program)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("stack-overflow", done.stderr)

    def test_a_million_awaits_with_clang_need_no_option(self) -> None:
        self.needs_clang()
        done = run(self.shop.program("many_awaits", self.clang, "-O0"))
        self.assertEqual((done.returncode, done.stdout), (0, "1000000 awaits\n"), done.stderr)

    def test_gcov_does_not_see_the_body_of_a_coroutine(self) -> None:
        if not shutil.which("gcov-12"):
            self.skipTest("gcov-12 is not installed")
        run(self.shop.program("g6", GCC, "-O0", "--coverage"), "repaired")
        (notes,) = self.shop.folder.glob("g6-*--coverage-g6.gcno")
        report = subprocess.run(["gcov-12", "--stdout", notes.name], cwd=self.shop.folder, capture_output=True, text=True)
        rows = re.findall(r"^ *([^:]+): *\d+:(.*)$", report.stdout, re.MULTILINE)
        counts = {text.strip(): count for count, text in rows}
        self.assertEqual(counts["bool is_ready = co_await ready();"], "-", "it ran, and is not even code to gcov")
        self.assertEqual(counts["EventLoop loop;"], "1")

    def test_coverage_with_jumps_and_no_optimisation_breaks_the_compiler_itself(self) -> None:
        done = self.shop.build(GCC, "-O0", "--coverage", JUMPS, "-c", "many_awaits.cpp", "-o", "never.o")
        self.assertIn("internal compiler error", done.stderr)


def _each_of_the_six() -> None:
    """A test for each program and claim, so that a report names the one that failed."""
    for name in SIX:
        for claim, words in ((Compilers.gcc_breaks, "g12_breaks"), (Compilers.clang_is_right, "clang_is_right_about"),
                             (Compilers.lint_finds_the_broken_line_alone, "the_lint_finds_the_broken_line_of")):
            setattr(Compilers, f"test_{words}_{name}", _test(claim, name))


def _test(claim, name: str):  # type: ignore[no-untyped-def]
    return lambda self: claim(self, name)


_each_of_the_six()


class Page(unittest.TestCase):
    def test_each_of_the_six_has_a_section_with_its_program_and_its_run(self) -> None:
        page = PAGE.read_text(encoding="utf-8")
        sections = re.split(r"^### ", page, flags=re.MULTILINE)[1:]
        for name in SIX:
            (section,) = [text for text in sections if text.startswith(f"{name.upper()}: ")]
            self.assertIn(f"// {name}.cpp\n", section)
            self.assertIn(f"@transcript{{appendix-{name}}}", section)

    def test_a_program_that_is_not_there_is_told(self) -> None:
        with self.assertRaisesRegex(AssertionError, "0 programs"):
            program_of("```cpp\n// g1.cpp\n```\n", "g7")


if __name__ == "__main__":
    unittest.main()
