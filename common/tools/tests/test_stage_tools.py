"""diff, growth and export, on a small tree."""

from __future__ import annotations

import os
import shutil
import unittest
from unittest import mock

from stage_tree import StageTree

import diff_stages
import growth
from treadle_tools import stages

MARKERS = "# Title\n\n<!-- growth -->\n<!-- /growth -->\n\nEnd.\n"


class Diff(StageTree):
    def test_the_diff_shows_what_the_stage_changed(self) -> None:
        done = self.tool("diff_stages.py", "02")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("+  int name() const { return 2; }\n", done.stdout)
        self.assertNotIn("queue.hpp", done.stdout.replace("#include <treadle/queue.hpp>", ""))
        self.assertNotIn("README", done.stdout)
        self.assertNotIn("\033", done.stdout)

    def test_colours_on_demand(self) -> None:
        self.assertIn("\033[32m", self.tool("diff_stages.py", "02", "--colour", "always").stdout)

    def test_the_first_stage_is_all_new(self) -> None:
        done = self.tool("diff_stages.py", "01", "--stat")
        self.assertIn("include/treadle/queue.hpp", done.stdout)
        self.assertIn("4 files", done.stdout)

    def test_the_statistic(self) -> None:
        lines = self.tool("diff_stages.py", "02", "--stat").stdout.splitlines()
        self.assertEqual([line.split() for line in lines], [["include/treadle/task.hpp", "+1", "-0"], ["1", "file", "+1", "-0"]])

    def test_stages_that_are_the_same_say_so(self) -> None:
        self.assertEqual(self.tool("diff_stages.py", "03").stdout, "03-third has the same sources as 02-second\n")

    def test_the_fragment_for_the_book(self) -> None:
        self.replace("03", "include/treadle/task.hpp", "return 2;", "return a<b> & 3;")
        html = diff_stages.fragment(stages.find("03", self.root), self.root)
        self.assertIn('<tr class="diff-del"><td class="diff-n">11</td><td class="diff-n"></td>', html)
        self.assertIn('<tr class="diff-add"><td class="diff-n"></td><td class="diff-n">11</td>', html)
        self.assertIn("return a&lt;b&gt; &amp; 3;", html)
        self.assertIn('<tr class="diff-same"><td class="diff-n">10</td><td class="diff-n">10</td>', html)
        self.assertIn("<summary><code>include/treadle/task.hpp</code>", html)

    def test_a_line_that_looks_like_a_file_header_is_a_row(self) -> None:
        self.replace("02", "include/treadle/task.hpp", "int id_ = 1;", "int id_ = 1;\n++ id;\n-- id;")
        self.replace("01", "include/treadle/task.hpp", "int id_ = 1;", "int id_ = 1;\n-- gone;")
        first, second, _ = stages.stages(self.root)
        files = diff_stages.parse(diff_stages.diff(first, second, ["--no-color"]), first, second)
        self.assertEqual([file.name for file in files], ["include/treadle/task.hpp"])
        self.assertIn("++ id;", [row.text for row in files[0].rows if row.kind == "add"])
        self.assertIn("-- gone;", [row.text for row in files[0].rows if row.kind == "del"])

    def test_a_wrong_stage_is_misuse(self) -> None:
        done = self.tool("diff_stages.py", "9")
        self.assertEqual(done.returncode, 2)
        self.assertIn("the stages are: 01-first", done.stderr)


class Growth(StageTree):
    def test_the_figures(self) -> None:
        self.replace("03", "include/treadle/task.hpp", "return 2;", "return 3;  // three")
        self.replace("03", "include/treadle/queue.hpp", "  void push(int item);\n", "")
        self.put("tests/stages.txt", "01 test_queue.cpp Queue\n02 test_task.cpp Task\n")
        self.put("tests/test_task.cpp", 'TEST_CASE("Task: a") {\n}\nTEST_CASE_METHOD(F, "Task: b") {\n}\n')
        rows = [tuple(vars(row).values()) for row in growth.rows(self.root)]
        self.assertEqual(rows, [
            ("01-first", 2, 24, 4, 24, 0, 0, 1),
            ("02-second", 2, 25, 4, 1, 0, 0, 3),
            ("03-third", 2, 24, 4, 0, 1, 1, 3),
        ])

    def test_writing_and_checking(self) -> None:
        readme = self.put("README.md", MARKERS)
        page = self.put("book/pages/index.md", MARKERS)
        self.assertEqual(self.tool("growth.py", "--check").returncode, 1)
        self.assertEqual(self.tool("growth.py", "--write").returncode, 0)
        self.assertIn("| 02-second | 2 | 25 |", readme.read_text())
        self.assertTrue(readme.read_text().startswith("# Title\n") and readme.read_text().endswith("\nEnd.\n"))
        self.assertEqual(readme.read_text(), page.read_text())
        self.assertEqual(self.tool("growth.py", "--check").returncode, 0)
        self.replace("03", "include/treadle/task.hpp", " private:\n", " private:\n  int more_ = 0;\n")
        done = self.tool("growth.py", "--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("README.md:3: the growth table is stale", done.stdout)

    def test_a_readme_without_markers_is_misuse(self) -> None:
        self.put("README.md", "# Title\n")
        done = self.tool("growth.py", "--check")
        self.assertEqual(done.returncode, 2)
        self.assertIn("<!-- growth -->", done.stderr)


class Export(StageTree):
    def test_a_chapter_is_copied_whole_and_without_what_git_ignores(self) -> None:
        self.put(".gitignore", "build/\n")
        self.put("LICENSE", "MIT\n")
        self.commit()
        self.write("02", "build/a.o", "object\n")
        self.write("02", "exercises/one/task.md", "read\n")
        out = self.root / "out" / "deep"
        done = self.tool("export.py", "02", str(out))
        self.assertEqual(done.returncode, 0, done.stderr)
        found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
        self.assertEqual(found, ["CMakeLists.txt", "LICENSE", "README.md", "examples/hello.cpp", "exercises/one/task.md",
                                 "include/treadle/queue.hpp", "include/treadle/task.hpp"])
        self.assertIn("cmake -S", done.stdout)

    def test_a_tree_without_git_is_copied_too(self) -> None:
        self.assertEqual(self.tool("export.py", "02", str(self.root / "out")).returncode, 0)
        self.assertTrue((self.root / "out" / "CMakeLists.txt").is_file())

    def test_a_tree_inside_another_repository_is_copied_too(self) -> None:
        (self.root / ".gitignore").write_text("chapters/\n")  # as of the repository above
        self.commit()
        inner = self.root / "chapters" / "unpacked"
        shutil.copytree(self.root / "chapters" / "02-second", inner / "chapters" / "02-second")
        (inner / "chapters" / "02-second" / "build").mkdir()
        (inner / "chapters" / "02-second" / "build" / "a.o").touch()
        self.root = inner
        done = self.tool("export.py", "02", str(inner / "out"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue((inner / "out" / "CMakeLists.txt").is_file())
        self.assertFalse((inner / "out" / "build").exists())

    def test_no_file_to_copy_is_a_fault(self) -> None:
        self.put(".gitignore", "chapters/\n")
        self.git("init", "--quiet")
        done = self.tool("export.py", "02", str(self.root / "out"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("git ignores every file of 02-", done.stderr)

    def test_a_home_that_no_shell_put_in_is_put_in(self) -> None:
        with mock.patch.dict(os.environ, HOME=str(self.root)):
            self.assertEqual(self.tool("export.py", "02", "~/out").returncode, 0)
        self.assertTrue(any((self.root / "out").iterdir()))

    def test_a_target_that_is_not_empty_is_refused(self) -> None:
        (self.root / "empty").mkdir()
        self.assertEqual(self.tool("export.py", "02", str(self.root / "empty")).returncode, 0)
        before = self.snapshot()
        done = self.tool("export.py", "03", str(self.root / "empty"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("is not empty", done.stderr)
        self.assertEqual(self.snapshot(), before)
        self.assertEqual(self.tool("export.py", "03", str(self.root / "empty" / "README.md")).returncode, 2)

    def test_help(self) -> None:
        for name in ("carry.py", "check_stages.py", "diff_stages.py", "growth.py", "export.py"):
            done = self.tool(name, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertGreater(len(done.stdout), 300)


if __name__ == "__main__":
    unittest.main()
