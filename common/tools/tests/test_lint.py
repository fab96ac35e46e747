"""The lint finds what it is for: shapes that g++ 12 miscompiles, in code that looks innocent."""

from __future__ import annotations

import shutil
import tempfile
import unittest
from pathlib import Path

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
Task declared() { bool ok = co_await Yes{}; if (ok) co_return; }
"""
LAMBDA = "Task lambda(std::string s) { int x = 0; (void)x; co_await run([s] { return s.size(); }); }"
CONDITION = "Task condition() { if (co_await Yes{}) co_return; }"


@unittest.skipUnless(shutil.which("clang-query-19"), "clang-query-19 is not installed")
class Hazards(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle lint ")
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()

    def findings(self, text: str, *allowed: lint.Allowed) -> list[str]:
        path = self.root / "a.cpp"
        path.write_text(text)
        return lint.hazard_findings(lint.Unit(path, ()), allowed, set(), self.root)

    def test_sound_code_has_no_finding(self) -> None:
        self.assertEqual(self.findings(SOUND), [])

    def test_a_capturing_lambda_inside_an_awaited_expression_is_found(self) -> None:
        line = len(PRELUDE.splitlines()) + 1
        (finding,) = self.findings(PRELUDE + LAMBDA)
        self.assertTrue(finding.startswith(f"a.cpp:{line}: g++ 12 may miscompile"), finding)

    def test_a_condition_that_awaits_in_a_body_without_locals_is_found(self) -> None:
        self.assertEqual(len(self.findings(PRELUDE + CONDITION)), 1)

    def test_an_allowed_line_is_no_finding(self) -> None:
        allowed = lint.Allowed("a.cpp", "if (co_await Yes{})", "seen to be right")
        self.assertEqual(self.findings(PRELUDE + CONDITION, allowed), [])
        self.assertEqual(len(self.findings(PRELUDE + LAMBDA, allowed)), 1)

    def test_a_file_that_cannot_be_read_is_no_clean_file(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "cannot read it"):
            self.findings('#include "no_such_file.hpp"\n')

    def test_an_entry_without_a_reason_is_refused(self) -> None:
        path = self.root / "allow"
        path.write_text("# comment\na.cpp | text\n")
        with self.assertRaisesRegex(ValueError, "reason"):
            lint.read_allowed(path)


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
