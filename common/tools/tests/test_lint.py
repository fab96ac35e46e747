"""The lint finds what it is for: shapes that g++ 12 miscompiles, in code that looks innocent."""

from __future__ import annotations

import shutil
import re
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import format as formatter
import lint

PRELUDE = """\
#include <coroutine>
#include <string>
struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};
struct Yes {
  bool await_ready() { return true; }
  void await_suspend(std::coroutine_handle<>) {}
  bool await_resume() { return true; }
};
template <class F> Yes run(F) { return {}; }
"""
SOUND = PRELUDE + """\
Task named(std::string s) { auto f = [s] { return s.size(); }; co_await run(std::move(f)); }
Task await_is_in_the_lambda(std::string s) { run([s]() -> Task { co_await Yes{}; }); co_return; }
Task declared() { bool ok = co_await Yes{}; if (ok) co_return; }
"""
LAMBDA = "Task lambda(std::string s) { int x = 0; (void)x; co_await run([s] { return s.size(); }); }"
CONDITION = "Task condition() { if (co_await Yes{}) co_return; }"


class Names(unittest.TestCase):
    def test_a_name_that_is_brought_into_scope_and_never_said_is_found(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder).resolve() / "a.cpp"
            path.write_text("using std::size_t;\nusing treadle::Coro;\nusing treadle::Task;\nCoro<> f();\nstd::size_t n;\n"
                            "struct S : Task { using Task::done; };\n")
            self.assertEqual(lint.unused_names([path], path.parent), [])
            path.write_text(path.read_text().replace("Coro<> f", "Corona f"))
            self.assertEqual(lint.unused_names([path], path.parent), ["a.cpp:2: `using treadle::Coro;` is not used"])


@unittest.skipUnless(shutil.which("clang-query-19"), "clang-query-19 is not installed")
class Programs(unittest.TestCase):
    """Programs that are read together, although each has a main() and they share names."""

    def test_what_is_wrong_with_one_is_said_of_it(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder).resolve()
            (root / "store").mkdir()
            files = [root / "a.cpp", root / "b.cpp"]
            files[0].write_text("#include <vector>\nnamespace { int same() { return 1; } }\nint main() { return same(); }\n")
            files[1].write_text(PRELUDE + "namespace { int same() { return 2; } }\n" + CONDITION + "\nint main() { same(); }\n")
            job = lint.Job(tuple(files), (), apart=True)
            found = lint.hits(job.unit(root / "store"))
            self.assertEqual(found, [(files[1], len(PRELUDE.splitlines()) + 2)])

    def test_a_test_is_tidied_wherever_the_build_folder_is(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder).resolve() / "a.cpp"
            path.write_text("int f(int x) {\n  if (x);\n  return x;\n}\n")
            found = [check for _, _, check, _ in lint.tidy(lint.Unit(path, ()), lint.TEST_CONFIG)]
            self.assertIn("bugprone-suspicious-semicolon", found)


@unittest.skipUnless(shutil.which("clang-query-19"), "clang-query-19 is not installed")
class Hazards(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle lint ")
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()

    def findings(self, text: str, *allowed: lint.Allowed) -> list[str]:
        path = self.root / "a.cpp"
        path.write_text(text)
        found = [lint.Finding("a.cpp", line, lint.HAZARD, "broken") for line in lint.hazards(lint.Unit(path, ()))]
        return lint.judge(found, allowed, self.root)

    def test_sound_code_has_no_finding(self) -> None:
        self.assertEqual(self.findings(SOUND), [])

    def test_a_capturing_lambda_inside_an_awaited_expression_is_found(self) -> None:
        line = len(PRELUDE.splitlines()) + 1
        (finding,) = self.findings(PRELUDE + LAMBDA)
        self.assertTrue(finding.startswith(f"a.cpp:{line}: broken"), finding)

    def test_a_condition_that_awaits_in_a_body_without_locals_is_found(self) -> None:
        self.assertEqual(len(self.findings(PRELUDE + CONDITION)), 1)

    def test_an_allowed_line_is_no_finding(self) -> None:
        allowed = lint.Allowed("*.cpp", lint.HAZARD, "if (co_await Yes{})", "seen to be right")
        self.assertEqual(self.findings(PRELUDE + CONDITION, allowed), [])
        finding, useless = self.findings(PRELUDE + LAMBDA, allowed)
        self.assertIn("[gcc12-hazard]", finding)
        self.assertIn("allows nothing any more", useless)

    def test_an_excuse_from_another_check_is_none(self) -> None:
        allowed = lint.Allowed("a.cpp", "bugprone-x", "if (co_await Yes{})", "seen to be right")
        self.assertEqual(len(self.findings(PRELUDE + CONDITION, allowed)), 2)

    def test_a_file_that_cannot_be_read_is_no_clean_file(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "cannot read it"):
            self.findings('#include "no_such_file.hpp"\n')

    def test_an_entry_without_a_reason_is_refused(self) -> None:
        path = self.root / "allow"
        path.write_text("# comment\na.cpp | text\n")
        with self.assertRaisesRegex(ValueError, "reason"):
            lint.read_allowed(path, 3)
        path.write_text("a.cpp | text | reason\n")
        with self.assertRaisesRegex(ValueError, "file . check . text of the line . reason"):
            lint.read_allowed(path, 4)


REFERENCE = "#include \"treadle/task.hpp\"\nTask refers(int& x) { co_await Yes{}; x = 1; }\n"


@unittest.skipUnless(shutil.which("clang-tidy-19"), "clang-tidy-19 is not installed")
class Tree(unittest.TestCase):
    """A tree of two stages with one header, an example each, an exercise, and two tests."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle lint ")
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        for stage in ("01-one", "02-two"):
            self.write(f"chapters/{stage}/include/treadle/task.hpp", "#pragma once\n" + PRELUDE)
            self.write(f"chapters/{stage}/examples/same.cpp", REFERENCE)
        self.write("chapters/01-one/examples/grown.cpp", "int main() {}\n")
        self.write("chapters/02-two/examples/grown.cpp", "int main() { return 0; }\n")
        for name in ("solution.cpp", "starter.cpp", "check.cpp", "wrong/a.cpp"):
            self.write(f"chapters/01-one/exercises/e/{name}", "int x;\n")
        self.write("tests/test_a.cpp", REFERENCE.replace("refers", "a"))
        self.write("tests/test_b.cpp", REFERENCE.replace("refers", "b"))
        self.store = self.root / "build/lint"
        self.store.mkdir(parents=True)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def files(self) -> set[str]:
        return {str(path.relative_to(self.root)) for job in lint.jobs(self.root) for path in job.files}

    def look(self, part: str, for_includes: bool = False) -> list[lint.Finding]:
        (job,) = [job for job in lint.jobs(self.root)
                  if job.for_includes == for_includes and any(part in str(path) for path in job.files)]
        return lint.look(job, self.store, self.root)

    def test_what_later_stages_have_unchanged_is_looked_at_once_and_faults_of_exercises_not_at_all(self) -> None:
        self.assertEqual(self.files(), {
            "chapters/02-two/include/treadle/task.hpp", "chapters/02-two/examples/same.cpp",
            "chapters/01-one/examples/grown.cpp", "chapters/02-two/examples/grown.cpp",
            "chapters/01-one/exercises/e/solution.cpp", "tests/test_a.cpp", "tests/test_b.cpp"})

    def test_a_coroutine_that_takes_a_reference_is_found_in_an_example_and_not_in_a_test(self) -> None:
        (finding,) = self.look("same.cpp")
        self.assertEqual((finding.file, finding.line), ("chapters/02-two/examples/same.cpp", 2))
        self.assertEqual(finding.check, "cppcoreguidelines-avoid-reference-coroutine-parameters")
        self.assertEqual(self.look("test_a.cpp"), [])

    def test_what_was_found_is_known_without_looking_until_an_include_changes(self) -> None:
        found = self.look("same.cpp")
        with mock.patch.object(lint, "tidy", side_effect=AssertionError("looked")):
            self.assertEqual(self.look("same.cpp"), found)
            with self.write("chapters/02-two/include/treadle/task.hpp", PRELUDE).open("a") as header:
                header.write("// changed\n")
            with self.assertRaisesRegex(AssertionError, "looked"):
                self.look("same.cpp")

    def missing(self, text: str) -> list[str]:
        """The headers that an example with this text lacks."""
        self.write("chapters/02-two/include/treadle/brings.hpp", "#pragma once\n#include <vector>\n")
        self.write("chapters/01-one/examples/grown.cpp", "#include <stdexcept>\n#include <treadle/brings.hpp>\n")
        self.write("chapters/02-two/examples/grown.cpp", text)
        (job,) = [job for job in lint.jobs(self.root) if job.for_includes and str(job.files[0]).endswith("02-two/examples/grown.cpp")]
        return re.findall(r"<(.+?)>", " ".join(finding.message for finding in lint.look(job, self.store, self.root)))

    def test_what_only_another_librarys_header_brings_is_missing(self) -> None:
        use = "std::vector<std::string> words() { return {}; }\n"
        self.assertEqual(self.missing("#include <stdexcept>\n#include <vector>\n" + use), ["string"])
        self.assertEqual(self.missing("#include <stdexcept>\n#include <string>\n#include <vector>\n" + use), [])

    def test_what_a_header_of_ours_includes_is_there(self) -> None:
        use = '#include <string>\n#include "treadle/brings.hpp"\nstd::vector<std::string> words() { return {}; }\n'
        self.assertEqual(self.missing(use), [])

    def test_joining_needs_the_header_that_has_it_in_every_version_of_fmt(self) -> None:
        use = 'std::string all(std::vector<int> v) { return fmt::format("{}", fmt::join(v, ",")); }\n'
        includes = "#include <fmt/format.h>\n#include <string>\n#include <vector>\n"
        self.assertEqual(self.missing(includes + use), ["fmt/ranges.h"])
        self.assertEqual(self.missing("#include <fmt/ranges.h>\n" + includes + use), [])

    def test_named_files_are_looked_at_alone_wherever_they_stand(self) -> None:
        other = lint.Allowed("tests/test_a.cpp", lint.HAZARD, "no such line", "excuses nothing")
        for name in ("chapters/01-one/examples/same.cpp", "chapters/02-two/examples/same.cpp"):
            count, found = lint.some_files([str(self.root / name)], self.store, [other], self.root)
            self.assertEqual((count, len(found)), (1, 1), found)
            self.assertTrue(found[0].startswith("chapters/02-two/examples/same.cpp:2: "), found)
        header = str(self.root / "chapters/02-two/include/treadle/task.hpp")
        self.assertEqual(lint.some_files([header], self.store, [], self.root), (1, []))

    def test_a_file_that_lint_does_not_look_at_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "starter.cpp is no C.. file that lint looks at"):
            lint.only([str(self.root / "chapters/01-one/exercises/e/starter.cpp")], self.root)

    def test_a_header_that_does_not_stand_alone_is_found(self) -> None:
        self.write("chapters/02-two/include/treadle/worker.hpp", "#pragma once\ninline Task work() { co_return; }\n")
        self.assertEqual({(f.file, f.check) for f in self.look("worker.hpp")},
                         {("chapters/02-two/include/treadle/worker.hpp", "stands-alone")})


class Scripts(unittest.TestCase):
    def test_broken_python_and_shell_are_found(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "common").mkdir()
            (root / "common/a.py").write_text("def f(:\n")
            (root / "common/b").write_text("#!/bin/sh\nif true; then\n")
            (root / "common/good.py").write_text("x = 1\n")
            self.assertEqual(len(lint.python_findings(root)), 1)
            self.assertTrue(lint.shell_findings(root))


@unittest.skipUnless(shutil.which("clang-format-14"), "clang-format-14 is not installed")
class Format(unittest.TestCase):
    def test_a_file_out_of_style_is_told_and_mended(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            shutil.copy(lint.ROOT / ".clang-format", root)
            (root / "tests").mkdir()
            path = root / "tests/a.cpp"
            path.write_text("int  main( ){return 0;}\n")
            self.assertEqual(formatter.work("clang-format-14", root, only_look=True), [path])
            self.assertEqual(path.read_text(), "int  main( ){return 0;}\n")
            formatter.work("clang-format-14", root, only_look=False)
            self.assertEqual(path.read_text(), "int main() { return 0; }\n")
            self.assertEqual(formatter.work("clang-format-14", root, only_look=True), [])


if __name__ == "__main__":
    unittest.main()
