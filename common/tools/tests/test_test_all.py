"""`make test` itself: reports, crashes, hangs, the matrix, the last line."""

from __future__ import annotations

import contextlib
import io
import re
import signal
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import fake_catch
import test_all
from test_runner import build, catch_program, catch_report, matrix, memory, progress
from test_runner.catch_report import Case
from treadle_tools import stages
from treadle_tools.compiler import Compiler


def good(*names: str) -> list[Case]:
    return [Case(name, True) for name in names]


class Choosing(unittest.TestCase):
    """Which stages a call is about."""

    NAMES = ("01-loop", "02-sleep", "05-threads", "06-metrics")

    def options(self, *words: str, **variables: str) -> test_all.Options:
        found = [stages.Stage(name[:2], name, Path(name)) for name in self.NAMES]
        with mock.patch.object(stages, "stages", return_value=found), mock.patch.dict("os.environ", variables), \
                contextlib.redirect_stderr(io.StringIO()):
            return test_all.parse_options(words)

    def test_all_of_them_unless_it_says_otherwise(self) -> None:
        options = self.options()
        self.assertEqual((options.stages, options.with_exercises, options.with_tools), (list(self.NAMES), True, True))

    def test_one_stage_with_its_exercises(self) -> None:
        options = self.options(CH="02")
        self.assertEqual((options.stages, options.with_exercises, options.with_tools), (["02-sleep"], True, False))

    def test_those_from_one_on_and_nothing_else(self) -> None:
        for options in (self.options("--from", "05"), self.options(FROM="5")):
            self.assertEqual((options.stages, options.with_exercises), (["05-threads", "06-metrics"], False))

    def test_a_named_stage_comes_before_a_range(self) -> None:
        self.assertEqual(self.options("--from", "05", CH="01").stages, ["01-loop"])

    def test_the_newest_and_one_of_the_others_which_the_commit_chooses(self) -> None:
        chosen = [self.options("--newest-and-one", "--draw", str(commit)).stages for commit in range(30)]
        self.assertEqual({names[-1] for names in chosen}, {self.NAMES[-1]})
        self.assertEqual({names[0] for names in chosen}, set(self.NAMES[:-1]))
        self.assertEqual({len(names) for names in chosen}, {2})
        self.assertEqual(self.options("--newest-and-one", TREADLE_DRAW="").stages, list(self.NAMES))
        self.assertEqual(self.options("--newest-and-one", "--from", "05", "--draw", "1").stages, list(self.NAMES[2:]))

    def test_a_range_that_begins_nowhere_is_misuse(self) -> None:
        with self.assertRaises(SystemExit):
            self.options("--from", "07")


class Reports(unittest.TestCase):
    def test_a_subject_is_the_words_before_the_colon(self) -> None:
        self.assertEqual(Case("Event loop: runs: in turns", True).subject, "Event loop")
        self.assertEqual(Case("nameless", True).subject, "(no subject)")

    def test_a_failure_tells_place_expression_values_and_notes(self) -> None:
        xml = b"""<Catch><Group><TestCase name="A: b" filename="a.cpp" line="1"><Info>i is 3</Info>
          <Expression success="false" type="CHECK" filename="a.cpp" line="9"><Original>a == b</Original>
          <Expanded>1 == 2</Expanded></Expression><OverallResult success="false"/></TestCase></Group></Catch>"""
        (case,) = catch_report.parse(xml).cases
        self.assertEqual(case.messages, ["a.cpp:9: CHECK( a == b )\nwith expansion: 1 == 2\nwith: i is 3"])

    def test_a_cut_off_report_gives_what_ended_and_what_was_open(self) -> None:
        xml = b"""<Catch><Group><TestCase name="A: ends"><OverallResult success="true"/></TestCase>
          <TestCase name="A: &quot;dies&quot; &lt;here&gt;" filename="a.cpp"><Section na"""
        report = catch_report.parse(xml)
        self.assertEqual([case.name for case in report.cases], ["A: ends"])
        self.assertEqual(report.open_case, 'A: "dies" <here>')

    def test_a_skipped_case_is_neither_passed_nor_failed(self) -> None:
        xml = b"""<Catch2TestRun><TestCase name="A: b"><OverallResult success="true" skips="1"/></TestCase>"""
        self.assertEqual(catch_report.parse(xml).cases, [])

    def test_rubbish_gives_no_case(self) -> None:
        self.assertEqual(catch_report.parse(b"no xml at all"), catch_report.Report())


class Programs(unittest.TestCase):
    """Programs that misbehave; each is a script."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle tests ")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_cases(self, *cases: tuple[str, str], version: int = 2, chosen: str = "",
                  backstop: float = 30.0) -> dict[str, Case]:
        program = fake_catch.write(self.folder / "tests", list(cases), version)
        found = catch_program.run_program(program, self.folder / "r.xml", chosen, backstop)
        self.assertEqual(len({case.name for case in found}), len(found), "a case counted twice")
        return {case.name: case for case in found}

    def passed(self, cases: dict[str, Case]) -> dict[str, bool]:
        return {name: case.passed for name, case in cases.items()}

    def test_both_versions_of_catch_are_understood(self) -> None:
        for version in (2, 3):
            cases = self.run_cases(("A: one", "pass"), ("A: two", "fail"), version=version)
            self.assertEqual(self.passed(cases), {"A: one": True, "A: two": False})

    def test_a_crash_costs_only_the_case_it_happened_in(self) -> None:
        for deed, words in (("exit", "exit status 3"), ("kill", "killed by SIGKILL")):
            cases = self.run_cases(("A: one", "pass"), ("A: dies", deed), ("A: three", "pass"))
            self.assertEqual(self.passed(cases), {"A: one": True, "A: dies": False, "A: three": True})
            self.assertIn(words, cases["A: dies"].messages[0])

    def test_the_last_words_of_a_dead_program_are_shown(self) -> None:
        self.assertIn("last words", self.run_cases(("A: dies", "exit"))["A: dies"].messages)

    def test_a_race_costs_its_own_case_and_is_shown(self) -> None:
        with mock.patch.dict("os.environ", clear=True):
            self.assertIn("halt_on_error=1", catch_program.sanitizer_environment()["TSAN_OPTIONS"])

    def test_a_kernel_that_the_thread_sanitizer_cannot_follow_is_told_with_what_to_do(self) -> None:
        said = catch_program._tail("FATAL: ThreadSanitizer: unexpected memory mapping 0x5e\n")
        self.assertIn("vm.mmap_rnd_bits=28", said[1])
        self.assertEqual(len(catch_program._tail("something else\n")), 1)

    def test_a_signal_that_catch_reports_does_not_end_the_stage(self) -> None:
        cases = self.run_cases(("A: dies", "signal"), ('A: two, "three"', "pass"))
        self.assertEqual(self.passed(cases), {"A: dies": False, 'A: two, "three"': True})
        self.assertIn("SIGSEGV", cases["A: dies"].messages[0])

    def test_a_hang_is_stopped_and_named(self) -> None:
        cases = self.run_cases(("A: one", "pass"), ("A: hangs", "hang"), ("A: three", "pass"), backstop=1.0)
        self.assertEqual(self.passed(cases), {"A: one": True, "A: hangs": False, "A: three": True})
        self.assertIn("did not end within 1 s", cases["A: hangs"].messages[0])

    def test_after_too_many_deaths_the_rest_counts_as_not_run(self) -> None:
        deaths = [(f"A: {i}", "kill") for i in range(catch_program.MOST_DEATHS)]
        cases = self.run_cases(*deaths, ("A: last", "pass"))
        self.assertIn("not run", cases["A: last"].messages[0])
        self.assertFalse(any(case.passed for case in cases.values()))

    def test_a_bad_exit_after_good_cases_is_a_failure(self) -> None:
        cases = self.run_cases(("A: one", "pass"), ("A: two", "late"))
        self.assertFalse(cases["Program: ends cleanly"].passed)
        self.assertIn("exit status 66", cases["Program: ends cleanly"].messages[0])

    def test_a_filter_picks(self) -> None:
        cases = self.run_cases(("A: one", "pass"), ("B: two", "fail"), chosen="A*")
        self.assertEqual(self.passed(cases), {"A: one": True})

    def test_a_missing_program_is_a_failure(self) -> None:
        (case,) = catch_program.run_program(self.folder / "none", self.folder / "r.xml")
        self.assertFalse(case.passed)


class Matrix(unittest.TestCase):
    RUNS = {"01-loop": good("Loop: a", "Loop: b"),
            "02-sleep": [*good("Loop: a"), Case("Loop: b", False), *good("Sleep: c")]}

    def test_stages_across_subjects_down(self) -> None:
        rows = [line.split() for line in matrix.render(self.RUNS).splitlines() if not line.startswith("-")]
        self.assertEqual(rows, [["01", "02"], ["Loop", "2", "1!1"], ["Sleep", ".", "1"], ["ran", "2", "2!1"]])

    def test_a_failure_is_told_once_with_all_its_stages(self) -> None:
        runs = {stage: [Case("Loop: b", False, messages=["why"])] for stage in ("01-loop", "02-sleep")}
        self.assertEqual(matrix.failures(runs), "FAILED Loop: b\n  in 01-loop, 02-sleep\n  why")

    def test_the_sum_is_exact(self) -> None:
        self.assertEqual(matrix.sum_line([*self.RUNS.values(), good("Tools: x")]), "5 passed, 1 failed")


class LastPage(unittest.TestCase):
    def report(self, runs: dict[str, list[Case]], rest: dict[str, list[Case]] | None = None) -> tuple[int, str]:
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            code = test_all.report(test_all.Options(test_filter="nix"), test_all.Results(runs, rest or {}, seconds=1.0))
        return code, out.getvalue()

    def test_the_last_line_is_the_sum_alone_and_the_only_one_of_its_kind(self) -> None:
        code, out = self.report({"01-loop": good("A: b")}, {"tools": good("Tools: x")})
        self.assertEqual((code, out.splitlines()[-1]), (0, "2 passed, 0 failed"))
        self.assertEqual(len(re.findall(r"\d+ passed, \d+ failed", out)), 1)

    def test_tests_of_examples_that_were_left_out_are_missed(self) -> None:
        for built in (True, False):
            with mock.patch.object(test_all, "examples_are_built", return_value=built):
                _, out = self.report({}, {"tools": good("Tools: x")})
            self.assertEqual("examples were left out" in out, not built)

    def test_any_failure_makes_the_status_1(self) -> None:
        self.assertEqual(self.report({"01-loop": [*good("A: b"), Case("A: c", False)]})[0], 1)

    def test_no_test_at_all_is_a_failure(self) -> None:
        code, out = self.report({"01-loop": []})
        self.assertEqual((code, out.splitlines()[-1]), (1, "0 passed, 0 failed"))

    def test_exercise_checks_count(self) -> None:
        said = "ok  01/a  starter\nFAIL  01/b  solution\n      it fails\nok  01/b  wrong/one\n2 exercises, 1 problem\n"
        cases = test_all.exercise_cases(said, 1)
        self.assertEqual(matrix.count(cases), (2, 1))
        self.assertEqual([(c.name, c.messages) for c in cases if not c.passed],
                         [("Exercises: 01/b  solution", ["it fails"])])

    def test_exercise_checks_that_die_count_as_failed(self) -> None:
        self.assertEqual(matrix.count(test_all.exercise_cases("Traceback ...", 1)), (0, 1))
        self.assertEqual(matrix.count(test_all.exercise_cases("ok  01/a  starter\n", 9)), (1, 1))


class Remembering(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle memory ")
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        (self.root / "common").mkdir()
        (self.root / "common/a").write_text("a")
        self.runs = 0

    def recall(self, *cases: Case) -> memory.Memory:
        def run() -> list[Case]:
            self.runs += 1
            return list(cases)

        kept = memory.Memory(self.root / "build/.results", memory.key(self.root))
        self.assertEqual([c.name for c in kept.recall("tools", run)], [c.name for c in cases])
        return kept

    def test_a_good_result_is_said_again_while_nothing_changes(self) -> None:
        self.recall(*good("A: b"))
        self.assertEqual((self.recall(*good("A: b")).reused, self.runs), ({"tools"}, 1))

    def test_any_change_in_the_tree_makes_it_run_again(self) -> None:
        self.recall(*good("A: b"))
        (self.root / "common/a").write_text("b")
        self.recall(*good("A: b"))
        (self.root / "common/new").touch()
        self.recall(*good("A: b"))
        self.assertEqual(self.runs, 3)

    def test_what_is_built_does_not_count_as_a_change(self) -> None:
        self.recall(*good("A: b"))
        (self.root / "build/x").touch()
        self.recall(*good("A: b"))
        self.assertEqual(self.runs, 1)

    def test_a_bad_result_is_never_kept(self) -> None:
        for _ in range(2):
            self.recall(Case("A: b", False))
        self.assertEqual(self.runs, 2)

    def test_fresh_runs_all_anew(self) -> None:
        self.recall(*good("A: b"))
        with mock.patch.dict("os.environ", {"FRESH": "1"}):
            self.recall(*good("A: b"))
        self.assertEqual(self.runs, 2)


class UnitFiles(unittest.TestCase):
    def cases(self, text: str) -> dict[str, bool]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "test_x.py"
            path.write_text(text)
            return {case.name: case.passed for case in test_all.run_tool_file(path)}

    def test_each_test_of_a_python_file_counts(self) -> None:
        self.assertEqual(self.cases("import unittest\nclass T(unittest.TestCase):\n"
                                    " def test_a(self): pass\n def test_b(self): self.fail()\n"),
                         {"Tools: test_x.T.test_a": True, "Tools: test_x.T.test_b": False})

    def test_a_run_in_the_background_does_not_deafen_what_the_tests_start(self) -> None:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        self.assertEqual(list(self.cases(
            "import subprocess, unittest\nclass T(unittest.TestCase):\n"
            " def test_a(self): self.assertEqual(subprocess.run(['sh', '-c', 'kill -INT $$']).returncode, -2)\n").values()),
            [True])

    def test_a_file_that_cannot_be_loaded_is_a_failure(self) -> None:
        self.assertEqual(self.cases("import no_such_module\n"), {"Tools: test_x: loads": False})

    def test_a_file_that_kills_its_process_is_a_failure(self) -> None:
        self.assertEqual(list(self.cases("import os\nos._exit(0)\n").values()), [False])


class Building(unittest.TestCase):
    def test_a_step_belongs_to_the_stage_in_its_path(self) -> None:
        for step, stage in (
                ("Building CXX object tests/CMakeFiles/tests-03-sockets.dir/Unity/unity_0_cxx.cxx.o", "03-sockets"),
                ("Building CXX object chapters/01-event-loop/CMakeFiles/t.dir/a.cpp.o", "01-event-loop"),
                ("Linking CXX static library chapters/02-sleep/libtreadle-02-sleep.a", "02-sleep"),
                ("Linking CXX executable tests/tests-02-sleep", "02-sleep"),
                ("Building CXX object tests/CMakeFiles/catch_main.dir/main.cpp.o", "")):
            self.assertEqual(build.stage_of(step), stage, step)

    def test_steps_are_told_as_they_begin_and_end_and_complaints_are_kept(self) -> None:
        told: list[tuple[str, str, int, int]] = []
        step = "Building CXX object chapters/01-a/x.cpp.o"
        lines = ["ninja: Entering directory `b'", f"[0/1] {step}", f"[1/1] {step}", "x.cpp:1: error: no"]
        words = list(build._follow(iter(lines), {"01-a": 1}, lambda *step: told.append(step)))
        self.assertEqual(told, [("01-a", "compiling x.cpp", 0, 1), ("01-a", "compiling x.cpp", 1, 1)])
        self.assertEqual(words, ["x.cpp:1: error: no"])

    def test_a_tree_that_was_configured_elsewhere_or_otherwise_is_not_reused(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root, tree = Path(folder), Path(folder) / "build/dev"
            tree.mkdir(parents=True)
            cache = f"CMAKE_HOME_DIRECTORY:INTERNAL={root}\nCMAKE_CXX_COMPILER:STRING=/usr/bin/c++\n"
            self.assertFalse(build._must_start_afresh(root, tree, Compiler("g++")))
            (tree / "CMakeCache.txt").write_text(cache)
            (tree / ".treadle-cxx").write_text("g++\n")
            self.assertFalse(build._must_start_afresh(root, tree, Compiler("g++")))
            self.assertTrue(build._must_start_afresh(root, tree, Compiler("clang++-19")))
            (tree / "CMakeCache.txt").write_text(cache.replace(str(root), "/elsewhere"))
            self.assertTrue(build._must_start_afresh(root, tree, Compiler("g++")))


class RealBuild(unittest.TestCase):
    """CMake and Ninja on a tree of two stages that find their sources by glob, as the true one does."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle build ")
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        preset = '{"name": "dev", "generator": "Ninja", "binaryDir": "${sourceDir}/build/${presetName}"}'
        (self.root / "CMakePresets.json").write_text(f'{{"version": 3, "configurePresets": [{preset}]}}')
        (self.root / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.20)\nproject(t LANGUAGES CXX)\nforeach(s 01-one 02-two)\n"
            "file(GLOB files CONFIGURE_DEPENDS chapters/${s}/*.cpp)\nadd_library(tests-${s} ${files})\nendforeach()\n")
        for stage in ("01-one", "02-two"):
            (self.root / "chapters" / stage).mkdir(parents=True)
            (self.root / "chapters" / stage / "a.cpp").write_text("int a() { return 1; }\n")

    def build(self) -> tuple[Path, build.BuildResult]:
        tree = build.configure(self.root, "dev", build.chosen_compiler())
        return tree, build.run(tree, ["tests-01-one", "tests-02-two"], lambda *step: None)

    def test_the_plan_knows_the_steps_of_each_stage_and_new_files_too(self) -> None:
        tree, result = self.build()
        self.assertEqual((result.code, build.plan(tree, ["tests-01-one", "tests-02-two"])), (0, {}))
        (self.root / "chapters/02-two/b.cpp").write_text("int b() { return 2; }\n")
        tree = build.configure(self.root, "dev", build.chosen_compiler())
        self.assertEqual(build.plan(tree, ["tests-01-one", "tests-02-two"]), {"02-two": 2})

    def test_a_stage_that_does_not_compile_does_not_spoil_the_other(self) -> None:
        (self.root / "chapters/01-one/a.cpp").write_text("this is no C++\n")
        tree, result = self.build()
        self.assertNotEqual(result.code, 0)
        self.assertTrue(any("error" in line for line in result.complaints))
        self.assertFalse(build.is_up_to_date(tree, "tests-01-one"))
        self.assertTrue(build.is_up_to_date(tree, "tests-02-two"))

    def test_a_container_without_terminals_builds_too(self) -> None:
        with mock.patch("pty.openpty", side_effect=OSError("out of pty devices")):
            tree, result = self.build()
        self.assertEqual(result.code, 0)
        self.assertTrue(build.is_up_to_date(tree, "tests-01-one"))

    def test_a_tree_that_cmake_refuses_is_told_in_cmakes_words(self) -> None:
        (self.root / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.20)\nproject(t LANGUAGES NONE)\nno_such_command()\n")
        with self.assertRaisesRegex(build.BuildError, "no_such_command"):
            self.build()


class Boards(unittest.TestCase):
    def test_a_log_gets_plain_lines_and_only_when_something_changes(self) -> None:
        out = io.StringIO()
        board = progress.Board(["01-loop", "02-sleep"], out)
        for done in range(5):
            board.update("01-loop", "building", now="compiling a.cpp", done=done, total=5)
        board.update("01-loop", "3 passed", now="", done=5)
        board.close()
        self.assertEqual(out.getvalue(), "01-loop   building 0/5: compiling a.cpp\n01-loop   3 passed\n")

    def test_a_terminal_gets_rows_redrawn_in_place(self) -> None:
        out = io.StringIO()
        with mock.patch.object(out, "isatty", return_value=True), \
                mock.patch.dict("os.environ", {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "60", "LINES": "40"}):
            board = progress.Board(["01-loop", "02-sleep"], out)
            board.update("01-loop", "running", now="Loop: " + "x" * 200, done=1, total=2)
            board.close()
        self.assertIn("\x1b[2A", out.getvalue())
        lines = [line.replace("\x1b[2K", "") for line in out.getvalue().split("\n")]
        self.assertLessEqual(max(map(len, lines)), 60 + len("\x1b[2A"))
        self.assertIn("████████░░░░░░░░  running: Loop:", lines[0])


if __name__ == "__main__":
    unittest.main()
