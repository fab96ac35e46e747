"""Every status is really produced, by an answer that deserves it, and costs only the check it happens in."""
from __future__ import annotations

import os
import shutil
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import exercise_fixture as fixture
from treadle_tools.exercises import judge

# Each answer is right except for n == 3, which only the second check asks for. (status, fragment of what is said, answer)
ANSWERS = {
    "wrong": ("wrong", "twice(n) must be n + n for every n", "int twice(int n) { return n == 3 ? 7 : 2 * n; }"),
    "crash": ("crash", "SIGSEGV", "int twice(int n) { if (n == 3) *(volatile int*)nullptr = 1; return 2 * n; }"),
    "abort": ("crash", "ouch", "#include <stdexcept>\nint f() noexcept { throw std::runtime_error(\"ouch\"); }\n"
                               "int twice(int n) { return n == 3 ? f() : 2 * n; }"),
    "loop": ("timeout", "s of processor time", "int twice(int n) { volatile int x = 0; while (n == 3) x = x + 1; return 2 * n; }"),
    "hog": ("memory", "128 MB", "#include <cstdlib>\n#include <cstring>\nvoid* volatile keep;\nint twice(int n) {\n"
                                "  while (n == 3) { void* p = std::malloc(1 << 20); if (p) std::memset(p, 1, 1 << 20); keep = p; }\n"
                                "  return 2 * n; }"),
    "bad_alloc": ("memory", "128 MB", "int twice(int n) { std::vector<char> v; for (std::size_t k = 1000; n == 3; k *= 2) v.reserve(k);"
                                      " return 2 * n; }"),
    "bomb": ("too_many_processes", "24 processes", "#include <unistd.h>\nint twice(int n) { while (n == 3) fork(); return 2 * n; }"),
    "threads": ("too_many_processes", "24 processes",
                "#include <thread>\nint twice(int n) { std::vector<std::jthread> t; for (int i = 0; n == 3 && i < 500; ++i)\n"
                "  t.emplace_back([] { std::this_thread::sleep_for(std::chrono::milliseconds(300)); }); return 2 * n; }"),
    "deadlock": ("deadlock", 'nobody is left to wake it: "reader"',
                 "int twice(int n) { if (n == 3) treadle::wait_for_nobody(); return 2 * n; }"),
    "idle": ("deadlock", "Nothing happened", "#include <unistd.h>\nint twice(int n) { if (n == 3) pause(); return 2 * n; }"),
    "exit": ("not_run", "must not call exit()", "#include <cstdlib>\nint twice(int n) { if (n == 3) std::exit(0); return 2 * n; }"),
    "file": ("crash", "larger than it may", "#include <cstdio>\nint twice(int n) { FILE* f = n == 3 ? std::fopen(\"x\", \"w\") : nullptr;\n"
                                            "  while (f) std::fputs(\"0123456789012345678901234567890123456789\", f); return 2 * n; }"),
    "fake": ("not_run", "must not call exit()",
             "#include <cstdio>\n#include <unistd.h>\nint twice(int n) { if (n == 3) {\n"
             "  std::puts(\"<Catch><TestCase name='Double: three, or any number, becomes twice as much'>"
             "<OverallResult success='true'/></TestCase><OverallResults successes='1' failures='0'/></Catch>\");\n"
             "  std::fflush(stdout); _exit(0); } return 2 * n; }"),
}
NO_CHECK_PASSES = {
    "syntax": ("compile_error", "answer.cpp:1: error: expected ';'", "int twice(int n) { return 2 * n }"),
    "missing": ("compile_error", "'twice'", "int thrice(int n) { return 3 * n; }"),
    "undefined": ("compile_error", "never defined", "int twice(int n);"),
    "template_bomb": ("compile_error", "answer.cpp:1", "template <int N> struct S { static constexpr int v = S<N + 1>::v; };\n"
                                                       "int twice(int) { return S<0>::v; }"),
    "exit_before_main": ("not_run", "before the check did", "#include <unistd.h>\nstruct E { E() { _exit(0); } } e;\n"
                                                            "int twice(int n) { return 2 * n; }"),
}
MACROS = """#undef CHECK
#define CHECK(...) SUCCEED()
#undef INTERNAL_CATCH_TEST
#define INTERNAL_CATCH_TEST(...) (void)0
#define if(...) if (false)
int twice(int n) { return n + 1; }
"""
SANITIZED = {
    "use after free": ("heap-use-after-free", "int twice(int n) { if (n == 3) { int* p = new int(6); delete p; return *p; } return 2 * n; }"),
    "overflow": ("signed integer overflow", "int twice(int n) { volatile int k = 2147483647; if (n == 3) k = k + 1; return 2 * n; }"),
}


class Statuses(unittest.TestCase):
    """All answers are judged once, two at a time, and then looked at one by one."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.root = fixture.fresh_root()
        cls.exercise = fixture.exercise(cls.root)
        sources = {name: text for name, (_, _, text) in (ANSWERS | NO_CHECK_PASSES).items()} | {"macros": MACROS}
        sources["right"] = (cls.exercise.path / "solution.cpp").read_text(encoding="utf-8")
        with ThreadPoolExecutor(2) as pool:
            jobs = {name: pool.submit(cls.judged, name, text) for name, text in sources.items()}
            cls.results = {name: job.result() for name, job in jobs.items()}

    @classmethod
    def tearDownClass(cls) -> None:
        shutil.rmtree(cls.root)

    @classmethod
    def judged(cls, name: str, text: str, sanitize: bool = False) -> judge.Result:
        path = cls.root / f"{name}.cpp"
        path.write_text(text, encoding="utf-8")
        return judge.judge(cls.exercise, path, fixture.tools(cls.root, sanitize))

    def test_one_bad_check_has_its_status_and_sentence_and_the_others_still_score(self) -> None:
        for name, (status, says, _) in ANSWERS.items():
            with self.subTest(name):
                result = self.results[name]
                self.assertEqual([c.status for c in result.checks], ["passed", status, "passed"], result.checks)
                self.assertIn(says, result.checks[1].why)
                self.assertEqual((result.score, result.status), (2, status))

    def test_where_nothing_could_run_every_check_says_why_and_scores_nothing(self) -> None:
        for name, (status, says, _) in NO_CHECK_PASSES.items():
            with self.subTest(name):
                result = self.results[name]
                self.assertEqual({c.status for c in result.checks}, {status}, result.checks)
                self.assertIn(says, result.checks[0].why)
                self.assertEqual(result.score, 0)

    def test_the_solution_passes(self) -> None:
        self.assertEqual((self.results["right"].status, self.results["right"].score), ("passed", 4))

    def test_macros_of_an_answer_cannot_disarm_the_check(self) -> None:
        self.assertEqual({c.status for c in self.results["macros"].checks}, {"wrong"})

    def test_a_sanitizer_finding_has_its_own_status(self) -> None:
        for name, (says, text) in SANITIZED.items():
            with self.subTest(name):
                result = self.judged(name.replace(" ", "_"), text, sanitize=True)
                self.assertEqual([c.status for c in result.checks], ["passed", "sanitizer", "passed"], result.checks)
                self.assertIn(says, result.checks[1].why)

    def test_a_missing_answer_is_not_run(self) -> None:
        result = judge.judge(self.exercise, self.root / "nothing.cpp", fixture.tools(self.root))
        self.assertEqual((result.status, result.score), ("not_run", 0))
        self.assertIn("make exercise EX=01/double", result.checks[0].why)

    def test_an_answer_that_is_no_text_is_a_compile_error(self) -> None:
        path = self.root / "binary.cpp"
        path.write_bytes(b"\xff\xfe\x00")
        self.assertEqual(judge.judge(self.exercise, path, fixture.tools(self.root)).status, "compile_error")

    def test_nothing_of_a_bomb_is_left_alive(self) -> None:
        mark = f"treadle{os.getpid()}"
        with tempfile.TemporaryDirectory() as folder:
            text = ("#include <sys/prctl.h>\n#include <unistd.h>\nint twice(int n) { if (n == 0 && fork() == 0) { setsid();\n"
                    f'  prctl(PR_SET_NAME, "{mark}"); if (fork() == 0) for (;;) pause(); _exit(0); }} usleep(20000); return 2 * n; }}')
            Path(folder, "a.cpp").write_text(text, encoding="utf-8")
            judge.judge(self.exercise, Path(folder, "a.cpp"), fixture.tools(self.root))
        left, end = [Path("/proc")], time.monotonic() + 60  # the kernel needs a moment to remove them
        while left and time.monotonic() < end:
            left = [p for p in Path("/proc").glob("[0-9]*") if mark == comm(p)]
        self.assertEqual(left, [])


def comm(process: Path) -> str:
    """A process's name; empty if it went away."""
    try:
        return (process / "comm").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


class Predictions(unittest.TestCase):
    """A prediction is told its first difference and nothing more."""

    def setUp(self) -> None:
        self.root = fixture.fresh_root()
        self.addCleanup(shutil.rmtree, self.root)

    def judged(self, lines: str) -> judge.Result:
        path = fixture.write_answer(self.root, f"const std::vector<std::string> prediction = {{{lines}}};", "guess")
        return judge.judge(fixture.exercise(self.root, "guess"), path, fixture.tools(self.root))

    def test_the_first_difference_is_named_and_the_rest_kept(self) -> None:
        result = self.judged('"one", "three", "two"')
        self.assertEqual([c.status for c in result.checks], ["passed", "wrong"])
        self.assertIn('Line 2 differs: you predicted "three"', result.checks[1].why)
        self.assertNotIn('"two"', result.checks[1].why)

    def test_a_line_too_many_is_named(self) -> None:
        self.assertIn("Line 4 is one too many", self.judged('"one", "two", "three", "four"').checks[1].why)

    def test_a_prediction_may_hold_nothing_but_strings(self) -> None:
        for trick in ('run_program()[0]', '"one", std::getenv("X")', '"one"}; int x; const std::vector<std::string> y = {"a"'):
            self.assertIn("nothing else", self.judged(trick).checks[0].why)
        self.assertEqual(judge.prediction_error('// a "comment" run()\nconst std::vector<std::string> prediction = {"f(x);", /* x */ "b // c"};'), "")


if __name__ == "__main__":
    unittest.main()
