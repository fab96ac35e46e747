"""carry brings a change into every later stage, or changes nothing at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import unittest
from unittest import mock

from stage_tree import CMAKE, TASK_WITH_NAME, TOOLS, StageTree

import carry
from treadle_tools import stages

QUEUE_HPP = "include/treadle/queue.hpp"
TASK_HPP = "include/treadle/task.hpp"


class Carry(StageTree):
    """Four stages; in 03 the queue has a size(), in 04 its pop() is another."""

    def setUp(self) -> None:
        super().setUp()
        for number in ("03", "04"):
            self.write(number, QUEUE_HPP, self.read("02", QUEUE_HPP).replace(" private:", "  int size() const;\n\n private:"))
        self.replace("04", QUEUE_HPP, "return 7;", "return first();")
        self.write("04", TASK_HPP, TASK_WITH_NAME)
        self.write("04", "README.md", "# 04\n")
        self.write("04", "CMakeLists.txt", CMAKE)
        self.commit()

    def carry(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.tool("carry.py", *arguments)

    def assert_untouched(self, before: dict[str, bytes]) -> None:
        self.assertEqual(self.snapshot(), before)
        self.assertFalse((self.root / ".git" / "treadle-carry").exists())

    # Clean merges

    def test_a_change_goes_through_three_stages_that_differ(self) -> None:
        self.replace("01", QUEUE_HPP, "#include <cstddef>\n", "#include <cstddef>\n#include <cstdint>\n")
        done = self.carry("01")
        self.assertEqual(done.returncode, 0, done.stderr)
        for number in ("02", "03", "04"):
            self.assertIn("#include <cstdint>\n", self.read(number, QUEUE_HPP))
        self.assertNotIn("size()", self.read("02", QUEUE_HPP))
        self.assertIn("size()", self.read("03", QUEUE_HPP))
        self.assertIn("return first();", self.read("04", QUEUE_HPP))
        self.assertIn("merge   chapters/04-fourth/include/treadle/queue.hpp", done.stdout)

    def test_stages_before_the_changed_one_stay(self) -> None:
        self.replace("03", QUEUE_HPP, "int size() const", "long size() const")
        self.assertEqual(self.carry("03").returncode, 0)
        self.assertNotIn("long", self.read("02", QUEUE_HPP))
        self.assertIn("long", self.read("04", QUEUE_HPP))

    def test_carrying_again_changes_nothing(self) -> None:
        self.replace("01", QUEUE_HPP, "#include <cstddef>\n", "#include <cstddef>\n#include <cstdint>\n")
        self.carry("01")
        before = self.snapshot()
        done = self.carry("01")
        self.assertEqual((done.returncode, self.snapshot()), (0, before), done.stderr)

    def test_a_stage_that_has_the_change_already_passes_it_on(self) -> None:
        for number in ("01", "02"):
            self.replace(number, QUEUE_HPP, "#include <cstddef>\n", "#include <cstddef>\n#include <cstdint>\n")
        self.assertEqual(self.carry("01").returncode, 0)
        self.assertIn("#include <cstdint>\n", self.read("03", QUEUE_HPP))
        self.assertIn("#include <cstdint>\n", self.read("04", QUEUE_HPP))

    def test_added_and_deleted_files_that_a_stage_has_already_go_on(self) -> None:
        for number in ("01", "02"):
            self.write(number, "src/queue.cpp", "// queue\n")
            self.path(number, "examples/hello.cpp").unlink()
        done = self.carry("01")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.read("04", "src/queue.cpp"), "// queue\n")
        self.assertFalse(self.path("03", "examples/hello.cpp").exists())

    def test_a_base_names_a_committed_change(self) -> None:
        self.replace("02", TASK_HPP, "return 2;", "return 3;")
        self.commit()
        self.assertIn("nothing to carry", self.carry("02").stderr)
        self.assertEqual(self.carry("02", "--base", "HEAD~1").returncode, 0)
        self.assertIn("return 3;", self.read("04", TASK_HPP))

    def test_added_files_are_added(self) -> None:
        path = self.write("02", "src/queue.cpp", "// queue\n")
        path.chmod(0o755)
        self.assertEqual(self.carry("02").returncode, 0)
        self.assertEqual([self.read(number, "src/queue.cpp") for number in ("03", "04")], ["// queue\n"] * 2)
        self.assertTrue(os.access(self.path("04", "src/queue.cpp"), os.X_OK))
        self.assertFalse(self.path("01", "src/queue.cpp").exists())

    def test_deleted_files_are_deleted(self) -> None:
        self.path("02", "examples/hello.cpp").unlink()
        done = self.carry("02")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(self.path("03", "examples/hello.cpp").exists())
        self.assertFalse(self.path("04", "examples/hello.cpp").exists())
        self.assertTrue(self.path("01", "examples/hello.cpp").exists())

    def test_a_renamed_file_is_renamed_with_what_later_stages_added(self) -> None:
        self.path("02", QUEUE_HPP).rename(self.path("02", "include/treadle/line.hpp"))
        self.replace("02", "include/treadle/line.hpp", "// queue.hpp:", "// line.hpp:")
        done = self.carry("02")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for number in ("03", "04"):
            self.assertFalse(self.path(number, QUEUE_HPP).exists())
            self.assertIn("// line.hpp:", self.read(number, "include/treadle/line.hpp"))
            self.assertIn("size()", self.read(number, "include/treadle/line.hpp"))
        self.assertIn("return first();", self.read("04", "include/treadle/line.hpp"))

    def test_the_build_file_is_carried_and_a_readme_is_not(self) -> None:
        self.write("01", "CMakeLists.txt", "project(other)\n")
        self.write("01", "README.md", "# another\n")
        self.assertEqual(self.carry("01").returncode, 0)
        self.assertEqual(self.read("04", "CMakeLists.txt"), "project(other)\n")
        self.assertEqual(self.read("02", "README.md"), "# 02\n")

    def test_an_exercise_is_carried_where_it_is_the_same(self) -> None:
        for number in ("02", "03"):
            self.write(number, "exercises/kit.hpp", "// kit\n")
        self.commit()
        self.write("02", "exercises/kit.hpp", "// better kit\n")
        self.write("02", "exercises/other/task.md", "read\n")
        self.assertEqual(self.carry("02").returncode, 0)
        self.assertEqual(self.read("03", "exercises/kit.hpp"), "// better kit\n")
        self.assertFalse(self.path("04", "exercises/kit.hpp").exists())
        self.assertFalse(self.path("03", "exercises/other/task.md").exists())

    def test_a_file_that_a_later_stage_left_is_not_brought_back(self) -> None:
        self.path("03", "examples/hello.cpp").unlink()
        self.path("04", "examples/hello.cpp").unlink(missing_ok=True)
        self.commit()
        self.write("02", "examples/hello.cpp", "int main() { return 3; }\n")
        done = self.carry("02")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("03-third has no examples/hello.cpp", done.stdout)
        self.assertFalse(self.path("03", "examples/hello.cpp").exists())

    def test_a_dry_run_writes_nothing(self) -> None:
        self.replace("01", QUEUE_HPP, "#include <cstddef>\n", "#include <cstddef>\n#include <cstdint>\n")
        before = self.snapshot()
        done = self.carry("01", "--dry-run")
        self.assertIn("would write 3 files", done.stderr)
        self.assert_untouched(before)

    def test_ignored_files_are_not_carried(self) -> None:
        self.put(".gitignore", "build/\n")
        self.write("01", "build/a.o", "object\n")
        self.assertIn("nothing to carry", self.carry("01").stderr)

    # Conflicts

    def test_a_conflict_is_named_with_three_sides_and_nothing_is_written(self) -> None:
        self.replace("01", QUEUE_HPP, "return 7;", "return 8;")
        self.replace("01", TASK_HPP, "id_ = 1", "id_ = 0")
        before = self.snapshot()
        done = self.carry("01")
        self.assertEqual(done.returncode, 1)
        self.assertIn("chapters/04-fourth/include/treadle/queue.hpp:16: conflict\n"
                      "  --- 04-fourth, as it is:\n  |     return first();\n"
                      "  --- 03-third, before the change:\n  |     return 7;\n"
                      "  --- 03-third, after the change:\n  |     return 8;\n", done.stdout)
        self.assertIn("make carry FROM=04", done.stderr)
        self.assert_untouched(before)

    def test_every_conflict_of_a_file_is_named_with_its_line(self) -> None:
        self.replace("04", QUEUE_HPP, "#include <cstddef>", "#include <deque>\n#include <list>")
        self.commit()
        self.replace("03", QUEUE_HPP, "return 7;", "return 8;")
        self.replace("03", QUEUE_HPP, "#include <cstddef>", "#include <vector>")
        done = self.carry("03")
        own = self.read("04", QUEUE_HPP).splitlines()
        for text in ("#include <deque>", "    return first();"):
            self.assertIn(f"queue.hpp:{own.index(text) + 1}: conflict\n  --- 04-fourth, as it is:\n  | {text}", done.stdout)

    def test_the_way_out_that_a_conflict_names_works(self) -> None:
        self.replace("01", QUEUE_HPP, "return 7;", "return 8;")
        self.replace("01", TASK_HPP, "id_ = 1", "id_ = 0")
        self.assertIn("carry.py 01 --partly", self.carry("01").stderr)
        done = self.carry("01", "--partly")
        self.assertEqual(done.returncode, 1)
        self.assertIn("mend include/treadle/queue.hpp in 04-fourth by hand", done.stderr)
        self.assertIn("id_ = 0", self.read("04", TASK_HPP))
        self.assertIn("return 8;", self.read("03", QUEUE_HPP))
        self.assertIn("return first();", self.read("04", QUEUE_HPP))
        self.replace("04", QUEUE_HPP, "return first();", "return first() + 1;")
        self.assertEqual(self.carry("04").returncode, 0)

    def test_one_file_can_be_left_out_or_carried_alone(self) -> None:
        self.replace("01", QUEUE_HPP, "return 7;", "return 8;")
        self.replace("01", TASK_HPP, "id_ = 1", "id_ = 0")
        self.assertEqual(self.carry("01", "--skip", QUEUE_HPP).returncode, 0)
        self.assertIn("id_ = 0", self.read("04", TASK_HPP))
        self.assertIn("return 7;", self.read("02", QUEUE_HPP))
        self.assertEqual(self.carry("01", "--only", QUEUE_HPP).returncode, 1)

    def test_a_deleted_file_that_later_stages_changed_is_a_conflict(self) -> None:
        self.path("01", QUEUE_HPP).unlink()
        before = self.snapshot()
        done = self.carry("01")
        self.assertEqual(done.returncode, 1)
        self.assertIn("chapters/03-third/include/treadle/queue.hpp:1: conflict", done.stdout)
        self.assertIn("(no file)", done.stdout)
        self.assert_untouched(before)

    def test_an_added_file_that_is_there_otherwise_is_a_conflict(self) -> None:
        self.write("03", "src/queue.cpp", "// mine\n")
        self.commit()
        self.write("01", "src/queue.cpp", "// yours\n")
        before = self.snapshot()
        self.assertIn("chapters/03-third/src/queue.cpp:1: conflict", self.carry("01").stdout)
        self.assert_untouched(before)

    def test_a_rename_onto_a_file_that_is_there_is_a_conflict(self) -> None:
        self.write("03", "include/treadle/line.hpp", "// mine\n")
        self.commit()
        self.path("02", QUEUE_HPP).rename(self.path("02", "include/treadle/line.hpp"))
        before = self.snapshot()
        self.assertIn("chapters/03-third/include/treadle/line.hpp:1: conflict", self.carry("02").stdout)
        self.assert_untouched(before)

    # Refusals

    def test_a_dirty_target_is_refused(self) -> None:
        self.replace("01", QUEUE_HPP, "#include <cstddef>\n", "#include <cstddef>\n#include <cstdint>\n")
        self.replace("03", QUEUE_HPP, "// queue.hpp: what waits its turn.", "// queue.hpp: a line.")
        before = self.snapshot()
        done = self.carry("01")
        self.assertEqual(done.returncode, 2)
        self.assertIn("not committed, so a merge could lose work: chapters/03-third/include/treadle/queue.hpp", done.stderr)
        self.assert_untouched(before)

    def test_a_target_that_git_does_not_know_is_refused(self) -> None:
        self.replace("01", "examples/hello.cpp", "return 0", "return 1")
        self.git("rm", "--quiet", "--cached", "chapters/03-third/examples/hello.cpp")
        before = self.snapshot()
        self.assertEqual(self.carry("01").returncode, 2)
        self.assert_untouched(before)

    def test_a_dirty_file_that_is_no_target_does_not_matter(self) -> None:
        self.replace("01", QUEUE_HPP, "#include <cstddef>\n", "#include <cstddef>\n#include <cstdint>\n")
        self.replace("03", TASK_HPP, "return 2;", "return 3;")
        self.assertEqual(self.carry("01").returncode, 0)

    def test_misuse_says_the_choices(self) -> None:
        for arguments, words in ((["07"], "the stages are: 01-first"), (["02", "--base", "nowhere"], "no revision 'nowhere'"),
                                 (["02", "--only", "src/x.cpp"], "did not change")):
            done = self.carry(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertIn(words, done.stderr)

    # All or nothing

    def plan(self) -> carry.Plan:
        self.replace("01", QUEUE_HPP, "#include <cstddef>\n", "#include <cstddef>\n#include <cstdint>\n")
        self.write("01", "src/added.cpp", "// added\n")
        self.path("01", "examples/hello.cpp").unlink()
        stage = stages.find("01", self.root)
        found = carry.changes(carry.base_version(self.root, stage, "HEAD"), carry.working_version(self.root, stage))
        return carry.plan(self.root, stage, found)

    def failing_put(self, at: int, error: BaseException):
        """carry.put, but for the `at`-th call, which fails."""
        calls, put = iter(range(1000)), carry.put

        def failing(path, content):
            if next(calls) == at:
                raise error
            put(path, content)

        return mock.patch.object(carry, "put", failing)

    def test_an_interrupt_at_any_write_leaves_the_tree_as_it_was(self) -> None:
        todo = self.plan()
        before = self.snapshot()
        for at in range(len(todo.writes)):
            for error in (KeyboardInterrupt(), OSError("disk full")):
                with self.subTest(at=at), self.failing_put(at, error), self.assertRaises(type(error)):
                    carry.apply(self.root, todo)
                self.assert_untouched(before)

    def test_a_killed_run_is_undone_at_the_next_start(self) -> None:
        todo = self.plan()
        before = self.snapshot()
        script = (
            f"import os, sys; sys.path.insert(0, {str(TOOLS)!r}); import carry\n"
            "real, calls = carry.put, []\n"
            "def put(path, content):\n"
            "    calls.append(path)\n"
            "    if len(calls) == 4: os.kill(os.getpid(), 9)\n"
            "    real(path, content)\n"
            "carry.put = put\n"
            f"carry.main(['01', '--root', {str(self.root)!r}])\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
        self.assertNotEqual(self.snapshot(), before)
        self.assertEqual(carry.recover(self.root), 3)
        self.assert_untouched(before)
        self.assertGreater(len(todo.writes), 4)

    def test_a_killed_run_can_simply_be_started_again(self) -> None:
        todo = self.plan()
        carry._write_journal(carry._journal(self.root), todo)
        path, content = next(iter(todo.writes.items()))
        carry.put(self.root / path, content)
        done = self.carry("01")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("an earlier run was interrupted", done.stderr)
        self.assertEqual({name: carry.read(self.root / name) for name in todo.writes}, todo.writes)

    def test_recovery_never_overwrites_what_was_edited_since(self) -> None:
        todo = self.plan()
        carry._write_journal(carry._journal(self.root), todo)
        self.replace("03", QUEUE_HPP, "return 7;", "return 9;")
        done = self.carry("01")
        self.assertEqual(done.returncode, 2)
        self.assertIn("edited since", done.stderr)
        self.assertIn("return 9;", self.read("03", QUEUE_HPP))

    def test_a_target_that_changes_meanwhile_stops_the_run(self) -> None:
        todo = self.plan()
        self.replace("04", QUEUE_HPP, "return first();", "return last();")
        before = self.snapshot()
        with self.assertRaises(carry.Refused):
            carry.apply(self.root, todo)
        self.assert_untouched(before)


if __name__ == "__main__":
    unittest.main()
