"""Which tests run: keys hold all that a test can see, `=` counts only beside its origin, and a wrong `=` is found."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

import fake_catch
import test_all
from treadle_tools import build_folder
from test_runner import junit, matrix, reach, selection
from test_runner.build import BuildResult
from test_runner.catch_report import Case
from test_runner.progress import Board
from test_runner.selection import Selection

ONE, TWO, THREE = "01-one", "02-two", "03-three"
HEADERS = {
    "queue.hpp": "class Queue {\n public:\n  void push(int value);\n};\n",
    "words.hpp": "int words();\n",
    "loop.hpp": '#include "treadle/queue.hpp"\n#include "treadle/words.hpp"\nvoid run_loop();\n',
}
SOURCES = {
    "adapters.cpp": '#include "treadle/queue.hpp"\n#include "detail.hpp"\nvoid Queue::push(int value) { (void)value; }\n',
    "words.cpp": '#include "treadle/words.hpp"\nint words() { return 1; }\n',
    "loop.cpp": '#include "treadle/loop.hpp"\nvoid run_loop() { words(); }\n',
}


class Tree(unittest.TestCase):
    """Three stages that are the same, with a library, a kit and two tests."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle selection ")
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for stage in (ONE, TWO, THREE):
            for name, text in HEADERS.items():
                self.write(f"chapters/{stage}/include/treadle/{name}", text)
            for name, text in SOURCES.items():
                self.write(f"chapters/{stage}/src/{name}", text)
            self.write(f"chapters/{stage}/src/detail.hpp", "inline int detail() { return 1; }\n")
            self.write(f"chapters/{stage}/CMakeLists.txt", "project(x)\n")
        self.write("common/testing/kit/kit.cpp", '#include "testing/kit.hpp"\nint kit() { return 1; }\n')
        self.write("common/testing/kit.hpp", 'int kit();\n#if __has_include("treadle/clock.hpp")\n#define HAS_CLOCK\n#endif\n')
        self.write("tests/stages.txt", "# first file about\n01 test_queue.cpp Queue\n01 test_loop.cpp Loop\n02 test_late.cpp Late\n")
        self.write("tests/test_queue.cpp", '#include "testing/kit.hpp"\n#include "treadle/queue.hpp"\n')
        self.write("tests/test_loop.cpp", '#include <vector>\n#include <treadle/loop.hpp>\n')
        self.write("tests/test_late.cpp", '#include "treadle/words.hpp"\n')

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def chosen(self, *stages: str, **options: object) -> Selection:
        return selection.of_stages(self.root, stages or (ONE, TWO, THREE), **options)

    def runs(self, stage: str) -> list[str]:
        return self.chosen().runs(stage)

    def change(self, name: str, stage: str = TWO) -> None:
        """At this stage and the later ones, as a carried change is."""
        for each in (TWO, THREE) if stage == TWO else (stage,):
            path = self.root / "chapters" / each / name
            path.write_text((path.read_text() if path.exists() else "") + "\n// changed\n")


class Keys(Tree):
    def test_a_stage_that_changes_nothing_runs_nothing(self) -> None:
        self.assertEqual(self.runs(ONE), ["test_queue.cpp", "test_loop.cpp"])
        self.assertEqual((self.runs(TWO), self.runs(THREE)), (["test_late.cpp"], []))
        self.assertEqual(self.chosen().origins[THREE, "test_queue.cpp"], ONE)

    def test_a_change_of_a_header_counts_for_the_tests_that_include_it_through_others_too(self) -> None:
        self.change("include/treadle/words.hpp")
        self.assertEqual(self.runs(TWO), ["test_loop.cpp", "test_late.cpp"])
        self.assertEqual(self.runs(THREE), [])

    def test_a_definition_counts_although_its_file_is_not_named_like_the_header(self) -> None:
        self.change("src/adapters.cpp")
        self.assertEqual(self.runs(TWO), ["test_queue.cpp", "test_loop.cpp", "test_late.cpp"])

    def test_what_a_linked_source_includes_counts(self) -> None:
        self.change("src/detail.hpp")
        self.assertEqual(self.runs(TWO), ["test_queue.cpp", "test_loop.cpp", "test_late.cpp"])

    def test_a_source_that_the_linker_does_not_take_does_not_count(self) -> None:
        self.change("src/loop.cpp")
        self.assertEqual(self.runs(TWO), ["test_loop.cpp", "test_late.cpp"])

    def test_a_header_that_the_kit_asks_for_counts_when_it_appears(self) -> None:
        self.change("include/treadle/clock.hpp")
        self.assertEqual(self.runs(TWO), ["test_queue.cpp", "test_late.cpp"])

    def test_flags_count(self) -> None:
        self.change("CMakeLists.txt")
        self.assertEqual(self.runs(TWO), ["test_queue.cpp", "test_loop.cpp", "test_late.cpp"])

    def test_a_definition_that_no_header_declares_counts_for_all_that_its_source_includes(self) -> None:
        for stage in (ONE, TWO, THREE):
            self.write(f"chapters/{stage}/src/hidden.cpp", '#include "treadle/words.hpp"\nint hidden() { return 1; }\n')
        self.change("src/hidden.cpp")
        self.assertEqual(self.runs(TWO), ["test_loop.cpp", "test_late.cpp"])

    def test_a_file_that_hides_another_counts(self) -> None:
        self.write("common/treadle/extra.hpp", "int extra();\n")
        self.write("tests/test_loop.cpp", '#include "treadle/loop.hpp"\n#include "treadle/extra.hpp"\n')
        self.assertEqual(self.runs(TWO), ["test_late.cpp"])
        for stage in (TWO, THREE):
            self.write(f"chapters/{stage}/include/treadle/extra.hpp", "int extra();\n")
        self.assertEqual(self.runs(TWO), ["test_loop.cpp", "test_late.cpp"])

    def test_an_include_behind_a_macro_is_refused(self) -> None:
        self.write("tests/test_loop.cpp", "#include WHAT\n")
        with self.assertRaisesRegex(reach.CannotTell, "#include WHAT"):
            self.chosen()

    def test_the_first_stage_of_a_run_runs_everything(self) -> None:
        self.assertEqual(self.chosen(TWO, THREE).runs(TWO), ["test_queue.cpp", "test_loop.cpp", "test_late.cpp"])
        self.assertEqual(self.chosen(THREE).runs(THREE), ["test_queue.cpp", "test_loop.cpp", "test_late.cpp"])

    def test_all_runs_everything(self) -> None:
        self.assertEqual(self.chosen(everything=True).equal(), {})

    def test_a_text_that_returns_to_an_earlier_one_runs_again(self) -> None:
        self.change("include/treadle/words.hpp", stage=TWO)
        (self.root / "chapters" / THREE / "include/treadle/words.hpp").write_text(HEADERS["words.hpp"])
        self.assertEqual(self.runs(THREE), ["test_loop.cpp", "test_late.cpp"])


class Draws(unittest.TestCase):
    FILES = {stage: [f"test_{n}.cpp" for n in range(500)] for stage in (ONE, TWO)}

    def drawn(self, draw: str) -> set[selection.Cell]:
        return selection.plan(self.FILES, lambda stage, name: "same", draw=draw).drawn

    def test_a_commit_draws_about_a_tenth_always_the_same_and_another_commit_others(self) -> None:
        self.assertTrue(25 < len(self.drawn("abc")) < 75)
        self.assertEqual(self.drawn("abc"), self.drawn("abc"))
        self.assertNotEqual(self.drawn("abc"), self.drawn("abd"))
        self.assertEqual(self.drawn(""), set())


class Examples(Tree):
    def test_an_example_that_is_the_same_program_is_built_once_and_found_at_both_stages(self) -> None:
        for stage in (ONE, TWO):
            self.write(f"chapters/{stage}/examples/hello.cpp", '#include "treadle/words.hpp"\n')
            self.write(f"chapters/{stage}/examples/run.cpp", '#include "treadle/loop.hpp"\n')
            self.write(f"chapters/{stage}/examples/run.schedule", "monday\n")
        self.change("include/treadle/queue.hpp")
        chosen = selection.of_examples(self.root, [ONE, TWO])
        self.assertEqual(chosen.runs(TWO), ["run"])
        tree = self.root / "build/dev"
        self.write(f"build/dev/chapters/{ONE}/examples/hello", "the program")
        selection.fill_in(chosen, tree)
        self.assertEqual((tree / "chapters" / TWO / "examples/hello").read_text(), "the program")

    def test_a_file_that_examples_read_counts(self) -> None:
        for stage in (ONE, TWO):
            self.write(f"chapters/{stage}/examples/hello.cpp", '#include "treadle/words.hpp"\n')
            self.write(f"chapters/{stage}/examples/hello.schedule", stage)
        self.assertEqual(selection.of_examples(self.root, [ONE, TWO]).runs(TWO), ["hello"])


def case(name: str, passed: bool = True, file: str = "test_queue.cpp") -> Case:
    return Case(name, passed, f"/tree/tests/{file}:7")


class Results(unittest.TestCase):
    """Two stages; the second has the same code for test_queue.cpp and other code for test_loop.cpp."""

    ORIGINS = {(ONE, "test_queue.cpp"): ONE, (ONE, "test_loop.cpp"): ONE,
               (TWO, "test_queue.cpp"): ONE, (TWO, "test_loop.cpp"): TWO}

    def page(self, passed: bool = True, drawn: bool = False, second: bool = True) -> tuple[int, str, test_all.Results]:
        chosen = Selection(dict(self.ORIGINS), {(TWO, "test_queue.cpp")} if drawn else set())
        runs = {ONE: [case("Queue: a", passed), case("Queue: b"), case("Loop: a", file="test_loop.cpp")],
                TWO: [case("Loop: a", file="test_loop.cpp")]}
        if drawn:
            runs[TWO] += [case("Queue: a", second), case("Queue: b")]
        for wrong in selection.wrong_draws(chosen, runs):
            runs[ONE].append(wrong)
        results, out = test_all.Results(runs, chosen=chosen), io.StringIO()
        with contextlib.redirect_stdout(out):
            code = test_all.report(test_all.Options(), results)
        return code, out.getvalue(), results

    def test_the_matrix_and_the_last_line_count_what_ran_and_what_is_equal(self) -> None:
        code, said, _ = self.page()
        rows = [line.split() for line in said.splitlines()]
        self.assertIn(["Queue", "2", "="], rows)
        self.assertIn(["ran", "3", "1"], rows)
        self.assertIn(["equal", "0", "2"], rows)
        self.assertEqual((code, said.splitlines()[-1]), (0, "4 passed, 0 failed, 2 skipped"))

    def test_a_cell_whose_origin_failed_does_not_count(self) -> None:
        code, said, _ = self.page(passed=False)
        self.assertEqual((code, said.splitlines()[-1]), (1, "3 passed, 1 failed"))
        self.assertIn("test_queue.cpp was not run at 02-two, which has the same code for it as 01-one, where it did not pass", said)

    def test_a_drawn_cell_that_agrees_is_counted_as_run(self) -> None:
        code, said, _ = self.page(drawn=True)
        self.assertEqual((code, said.splitlines()[-1]), (0, "6 passed, 0 failed"))

    def test_a_drawn_cell_that_fails_where_its_origin_passed_is_an_error_of_the_selection(self) -> None:
        code, said, _ = self.page(drawn=True, second=False)
        self.assertEqual(code, 1)
        self.assertIn("FAILED Selection: test_queue.cpp gives the same result at 02-two and 01-one", said)

    def test_the_junit_file_names_the_origin_of_each_equal_case(self) -> None:
        results = self.page()[2]
        suites = junit.document(results.runs, results.equal)
        self.assertEqual([(s.get("name"), s.get("tests"), s.get("skipped")) for s in suites], [(ONE, "3", "0"), (TWO, "3", "2")])
        self.assertIn("01-one", ElementTree.tostring(suites, encoding="unicode"))


class BrokenOnPurpose(Tree):
    """A selection that overlooks the library's sources, on a tree where that matters: the draw finds it."""

    def run_all(self, draw: str) -> list[Case]:
        chosen = self.chosen(ONE, TWO, draw=draw)
        tree, options = self.root / "build/dev", test_all.Options(stages=[ONE, TWO])
        runs = {}
        for stage in (ONE, TWO):
            # What the tests say depends on the source that the selection overlooks.
            deed = "fail" if "changed" in (self.root / "chapters" / stage / "src/adapters.cpp").read_text() else "pass"
            fake_catch.write(tree / "tests" / f"tests-{stage}", [("Queue: a", deed)], file="test_queue.cpp")
            board = Board([stage], io.StringIO())
            runs[stage] = test_all.run_stage(options, chosen, tree, BuildResult(0), stage, board)
        return selection.wrong_draws(chosen, runs)

    def test_a_drawn_cell_finds_it(self) -> None:
        self.write("tests/stages.txt", "01 test_queue.cpp Queue\n")
        self.change("src/adapters.cpp")
        draw = next(str(n) for n in range(1000) if selection.is_drawn((TWO, "test_queue.cpp"), str(n)))
        self.assertEqual(self.run_all(draw), [])  # the true selection runs the cell, and draws nothing
        blind: Callable[[reach.Reach, Path], set[Path]] = reach.Reach._closure
        with mock.patch.object(reach.Reach, "files", blind):
            (found,) = self.run_all(draw)
        self.assertIn("test_queue.cpp", found.name)
        self.assertFalse(found.passed)

    def test_a_stage_that_did_not_run_is_not_compared(self) -> None:
        chosen = selection.Selection({(TWO, "test_queue.cpp"): ONE}, drawn={(TWO, "test_queue.cpp")})
        ran = {ONE: [case("Queue: a", file="test_queue.cpp")], TWO: [case("Build: it compiles", False, "CMakeLists.txt")]}
        self.assertEqual(selection.wrong_draws(chosen, ran), [])


def built(pattern: str) -> list[Path]:
    found = sorted((build_folder.of() / "dev").glob(pattern))
    if not found:
        raise unittest.SkipTest(f"there is no build/dev/{pattern}: make test builds it")
    return found


def plain(name: str) -> str:
    """The last two words of a qualified name: `EventLoop` is an alias, and the linker knows the class behind it."""
    words = re.sub(r"<.*|\(.*", "", name).replace("ThreadSafeEventLoop", "EventLoop").split("::")
    return "::".join(words[-2:])


def undefined(objects: Path) -> set[str]:
    """The names of this library that an object asks the linker for."""
    said = subprocess.run(["nm", "-u", "-C", str(objects)], capture_output=True, text=True, check=True).stdout
    names = (line.split(" U ")[-1].strip() for line in said.splitlines() if "treadle::" in line and "testing::" not in line)
    return {plain(name) for name in names}


class ThisTree(unittest.TestCase):
    """What the rules demand of the tree itself."""

    def test_the_kits_own_sources_know_no_stage(self) -> None:
        for source in (test_all.ROOT / "common/testing/kit").glob("*.cpp"):
            self.assertNotIn("treadle/", source.read_text().replace("treadle/testing", ""), source.name)

    def test_a_test_of_the_timer_heap_does_not_depend_on_the_event_loop(self) -> None:
        newest = test_all.stages.newest(test_all.ROOT)
        seen = {path.name for path in reach.Reach(test_all.ROOT, newest.path).files(test_all.ROOT / "tests/test_timer_heap.cpp")}
        self.assertIn("timer_heap.cpp", seen)
        self.assertFalse(seen & {"event_loop.hpp", "event_loop.cpp", "task.hpp", "coro.hpp", "loop_fixture.hpp"})

    def test_every_row_of_the_table_is_a_file_and_every_file_has_a_row(self) -> None:
        newest = test_all.stages.newest(test_all.ROOT)
        self.assertEqual(sorted(selection.test_files(test_all.ROOT, newest.name)),
                         sorted(path.name for path in (test_all.ROOT / "tests").glob("test_*.cpp")))

    def test_no_library_runs_code_at_the_programs_start(self) -> None:
        """A test is linked with all of its stage's library. What it does not reach must do nothing by itself."""
        for library in built("chapters/*/libtreadle.a"):
            symbols = subprocess.run(["nm", "-C", str(library)], capture_output=True, text=True, check=True).stdout
            self.assertNotRegex(symbols, r"_GLOBAL__sub_I|__cxx_global_var_init", str(library))

    def test_what_the_linker_really_takes_is_in_the_key(self) -> None:
        """Each object of the newest stage's tests asks for definitions; all of them are in what its files reach."""
        newest = test_all.stages.newest(test_all.ROOT)
        reaching = reach.Reach(test_all.ROOT, newest.path)
        sources = sorted((newest.path / "src").glob("*.cpp"))
        defined = {source: {plain(name) for name in names[1]} for source, names in reach.names(sources).items()}
        for group in built(f"CMakeFiles/tests-{newest.name}.dir/Unity/*.cxx.o"):
            files = [Path(name) for name in re.findall(r'"(.+)"', group.with_suffix("").read_text())]
            seen = reaching.files(*files)
            for name in undefined(group):
                homes = {source for source in sources if name in defined[source]}
                self.assertTrue(not homes or homes & seen, f"{group.name} takes {name} from {sorted(homes)}")

    def test_a_cell_with_some_equal_cases_shows_both(self) -> None:
        self.assertEqual(matrix.cell([case("A: b")], [case("A: c")]), "1=")


if __name__ == "__main__":
    unittest.main()
