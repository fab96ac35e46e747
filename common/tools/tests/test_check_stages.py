"""check_stages finds each fault in a tree that was broken on purpose, and nothing in one that was not."""

from __future__ import annotations

import unittest

from stage_tree import CMAKE, EXAMPLE, PAGE_01, PAGE_02, StageTree

import check_stages

QUEUE_HPP = "include/treadle/queue.hpp"
TASK_HPP = "include/treadle/task.hpp"


class CheckStages(StageTree):
    def findings(self) -> list[str]:
        shown = [check_stages._shown(finding, self.root) for finding in check_stages.check(self.root)]
        return shown

    def assert_found(self, place: str, words: str, rule: str, others: int = 0) -> None:
        """One finding begins with the place, holds the words, is of the rule; `others` more are there."""
        found = self.findings()
        fitting = [line for line in found if line.startswith(place) and words in line and line.endswith(f"[{rule}]")]
        self.assertEqual(len(fitting), 1, "\n".join(found))
        self.assertEqual(len(found), 1 + others, "\n".join(found))

    def test_a_coherent_tree_has_no_finding(self) -> None:
        self.assertEqual(self.findings(), [])
        self.assertEqual(self.tool("check_stages.py").returncode, 0)

    def test_a_finding_is_status_1_and_no_tree_is_status_2(self) -> None:
        self.replace("03", TASK_HPP, "return 2;", "return 3;")
        self.assertEqual(self.tool("check_stages.py").returncode, 1)
        (self.root / "chapters").rename(self.root / "gone")
        self.assertEqual(self.tool("check_stages.py").returncode, 2)

    # Explained

    def test_a_change_that_no_listing_explains(self) -> None:
        self.replace("03", TASK_HPP, "return 2;", "return 3;")
        self.assert_found("chapters/03-third/include/treadle/task.hpp:11:", "@listing{03 include/treadle/task.hpp Task::name}", "explained")

    def test_a_listing_of_another_stage_does_not_explain(self) -> None:
        self.replace("03", TASK_HPP, "return 2;", "return 3;")
        self.put("book/pages/ch03.md", "@listing{02 include/treadle/task.hpp Task::name}\n")
        self.assert_found("chapters/03-third/include/treadle/task.hpp:11:", "differs from 02-second", "explained")

    def test_an_also_changed_item_explains(self) -> None:
        self.replace("03", TASK_HPP, "return 2;", "return 3;")
        self.put("book/pages/ch03.md", f"## Also changed\n\n- `{TASK_HPP}` `Task::name`: names grew\n")
        self.assertEqual(self.findings(), [])

    def test_a_part_of_a_symbol_explains_that_part_only(self) -> None:
        self.replace("03", QUEUE_HPP, "    --size_;\n    return 7;\n", "    --size_;\n    check();\n    return 8;\n")
        self.put("book/pages/ch03.md", f'@listing{{03 {QUEUE_HPP} Queue::pop from "--size_;" to "check();"}}\n')
        self.assert_found("chapters/03-third/include/treadle/queue.hpp:17:", "line 17 differs", "explained")

    def test_a_skipped_stage(self) -> None:
        for number in ("01", "03"):
            self.replace(number, QUEUE_HPP, "return 7;", "return 8;")
        found = self.findings()
        self.assertTrue(any(line.startswith("chapters/02-second/include/treadle/queue.hpp:16:") for line in found), found)
        self.assertTrue(any("make carry FROM=01" in line and line.endswith("[flips-back]") for line in found), found)

    def test_removed_lines_need_a_reason(self) -> None:
        self.replace("03", TASK_HPP, "  int name() const { return 2; }\n", "")
        found = self.findings()
        self.assertTrue(any("1 line of 02-second (from line 11) went away" in line for line in found), found)

    def test_an_item_explains_the_removal_of_its_symbol(self) -> None:
        self.replace("03", QUEUE_HPP, "  void push(int item);\n\n", "")
        self.assert_found("chapters/03-third/include/treadle/queue.hpp:10:", "`Queue::push`", "explained")
        self.put("book/pages/ch03.md", f"## Also changed\n- `{QUEUE_HPP}` `Queue::push`: nobody pushed\n")
        self.assertEqual(self.findings(), [])

    def test_an_added_file_must_be_shown_whole(self) -> None:
        self.write("03", "src/queue.cpp", "#include <treadle/queue.hpp>\n\nnamespace treadle {\n\nvoid Queue::push(int) {\n}\n\n}  // namespace treadle\n")
        self.put("book/pages/ch03.md", "@listing{03 src/queue.cpp Queue::push}\n")
        self.assert_found("chapters/03-third/src/queue.cpp:1:", "line 1 differs", "explained")

    def test_a_file_that_is_missing_in_a_later_stage(self) -> None:
        self.path("03", QUEUE_HPP).unlink()
        self.assert_found("chapters/03-third/include/treadle/queue.hpp:1:", "put it back", "missing")
        self.put("book/pages/ch03.md", f"## Also changed\n- `{QUEUE_HPP}` `@file`: tasks wait in a list\n")
        self.assertEqual(self.findings(), [])

    def test_in_the_first_stage_every_line_is_shown(self) -> None:
        self.put("book/pages/ch01.md", PAGE_01.replace("queue.hpp @file", "queue.hpp Queue"))
        self.assert_found("chapters/01-first/include/treadle/queue.hpp:1:", "lines 1 to 4 are shown nowhere", "explained")

    def test_a_page_that_is_not_written(self) -> None:
        self.put("book/pages/ch02.md", "").unlink()
        self.assert_found("book/pages/ch02.md:1:", "write this page", "explained")

    def test_a_listing_that_cannot_be_found(self) -> None:
        self.put("book/pages/ch02.md", PAGE_02 + "\n@listing{02 include/treadle/task.hpp Task::nmae}\n")
        self.assert_found("book/pages/ch02.md:5:", "no symbol 'Task::nmae'", "listing")

    def test_a_listing_that_cannot_be_read(self) -> None:
        self.put("book/pages/ch03.md", "\n@listing{03}\n")
        self.assert_found("book/pages/ch03.md:2:", "the form is", "listing")

    # Also changed

    def test_an_item_that_matches_no_change(self) -> None:
        self.put("book/pages/ch02.md", PAGE_02 + f"## Also changed\n- `{QUEUE_HPP}` `Queue::pop`: a reason\n")
        self.assert_found("book/pages/ch02.md:5:", "matches no change", "also-changed")

    def test_an_item_without_a_reason(self) -> None:
        self.put("book/pages/ch02.md", PAGE_02 + f"## Also changed\n- `{TASK_HPP}` `Task::name`:\n")
        self.assert_found("book/pages/ch02.md:5:", "gives no reason", "also-changed")

    def test_an_item_with_a_wrong_symbol(self) -> None:
        self.put("book/pages/ch02.md", PAGE_02 + f"## Also changed\n- `{TASK_HPP}` `Task::nmae`: a reason\n")
        self.assert_found("book/pages/ch02.md:5:", "correct the name", "also-changed")

    # Flips, white space

    def test_a_text_that_flips_back(self) -> None:
        self.replace("02", QUEUE_HPP, "return 7;", "return 8;")
        self.put("book/pages/ch02.md", PAGE_02 + f"@listing{{02 {QUEUE_HPP} Queue::pop}}\n")
        self.put("book/pages/ch03.md", f"@listing{{03 {QUEUE_HPP} Queue::pop}}\n")
        self.assert_found("chapters/03-third/include/treadle/queue.hpp:13:", "Queue::pop is again as it was in 01-first", "flips-back")

    def test_includes_that_flip_back(self) -> None:
        self.replace("02", QUEUE_HPP, "#include <cstddef>\n", "#include <cstddef>\n#include <vector>\n")
        self.put("book/pages/ch02.md", PAGE_02 + f"## Also changed\n- `{QUEUE_HPP}` `@includes`: vectors\n")
        self.put("book/pages/ch03.md", f"@listing{{03 {QUEUE_HPP} @head}}\n")
        self.assert_found("chapters/03-third/include/treadle/queue.hpp:1:", "@head is again as it was", "flips-back")

    def test_a_text_may_return_for_a_reason(self) -> None:
        self.replace("02", QUEUE_HPP, "#include <cstddef>\n", "#include <cstddef>\n#include <vector>\n")
        self.replace("02", QUEUE_HPP, "return 7;", "return 8;")
        self.put("book/pages/ch02.md", PAGE_02 + f"@listing{{02 {QUEUE_HPP} @file}}\n")
        items = f"- `{QUEUE_HPP}` `@includes`: no vectors\n- `{QUEUE_HPP}` `Queue::pop`: seven was right\n"
        self.put("book/pages/ch03.md", "## Also changed\n" + items)
        self.assertEqual(self.findings(), [])

    def test_a_change_of_white_space_only(self) -> None:
        self.replace("03", QUEUE_HPP, "    return 7;", "     return 7;")
        self.put("book/pages/ch03.md", f"@listing{{03 {QUEUE_HPP} Queue::pop}}\n")
        self.assert_found("chapters/03-third/include/treadle/queue.hpp:16:", "only white space differs", "white-space")

    def test_a_line_that_was_only_wrapped(self) -> None:
        self.replace("03", TASK_HPP, "  int name() const { return 2; }", "  int name() const\n  {\n    return 2;\n  }")
        self.put("book/pages/ch03.md", f"@listing{{03 {TASK_HPP} Task::name}}\n")
        self.assert_found("chapters/03-third/include/treadle/task.hpp:11:", "only white space differs", "white-space")

    def test_a_blank_line_that_came_alone(self) -> None:
        self.replace("03", QUEUE_HPP, "    --size_;\n", "    --size_;\n\n")
        self.assert_found("chapters/03-third/include/treadle/queue.hpp:16:", "only white space", "white-space")

    def test_an_indented_line_next_to_a_real_change_is_no_finding(self) -> None:
        self.replace("03", QUEUE_HPP, "    return 7;\n", "    if (size_ != 0) {\n      return 7;\n    }\n    return 0;\n")
        self.put("book/pages/ch03.md", f"@listing{{03 {QUEUE_HPP} Queue::pop}}\n")
        self.assertEqual(self.findings(), [])

    def test_a_blank_line_next_to_a_real_change_is_no_finding(self) -> None:
        self.replace("03", QUEUE_HPP, "    return 7;\n  }\n\n private:", "    return 8;\n  }\n private:")
        self.put("book/pages/ch03.md", f"@listing{{03 {QUEUE_HPP} Queue::pop}}\n")
        self.assertEqual(self.findings(), [])

    # Floors

    def test_an_upward_include(self) -> None:
        for number in ("01", "02", "03"):
            self.replace(number, QUEUE_HPP, "#include <cstddef>\n", "#include <cstddef>\n#include <treadle/task.hpp>\n")
        found = [line for line in self.findings() if "points up, from queue (floor 1) to task (floor 4)" in line]
        self.assertEqual(len(found), 3)
        self.assertTrue(found[0].startswith("chapters/01-first/include/treadle/queue.hpp:5:"))

    def test_a_source_has_the_floor_of_its_header(self) -> None:
        self.write("03", "src/queue.cpp", '#include <treadle/queue.hpp>\n#include "treadle/task.hpp"\n')
        self.put("book/pages/ch03.md", "@listing{03 src/queue.cpp @file}\n")
        self.assert_found("chapters/03-third/src/queue.cpp:2:", "points up", "floor")

    def test_an_include_in_a_comment_is_none(self) -> None:
        self.write("03", "src/queue.cpp", "/*\n#include <treadle/task.hpp>\n*/\n")
        self.put("book/pages/ch03.md", "@listing{03 src/queue.cpp @file}\n")
        self.assertEqual(self.findings(), [])

    def test_a_header_on_no_floor(self) -> None:
        self.put("common/tools/floors.txt", "1 queue\n")
        found = self.findings()
        self.assertEqual(len(found), 3)
        self.assertIn("task is on no floor", found[0])

    def test_includes_that_go_round_in_a_circle(self) -> None:
        self.put("common/tools/floors.txt", "4 queue task\n")
        for number in ("01", "02", "03"):
            self.replace(number, QUEUE_HPP, "#include <cstddef>\n", "#include <cstddef>\n#include <treadle/task.hpp>\n")
        circles = [line for line in self.findings() if "go round in a circle: queue -> task -> queue" in line]
        self.assertEqual(len(circles), 3)

    # The system

    def ask(self, line: str, name: str = "src/queue.cpp") -> None:
        self.write("03", name, f"{line}\n")
        self.put("book/pages/ch03.md", f"@listing{{03 {name} @file}}\n")

    def test_a_source_that_asks_the_system_itself(self) -> None:
        for line in ("int n = ::read(fd, data, size);", "std::this_thread::sleep_for(time);", "auto t = steady_clock::now();",
                     "std::thread other([] {});", "std::thread([] {}).join();", "#include <unistd.h>"):
            self.ask(line)
            self.assert_found("chapters/03-third/src/queue.cpp:1:", "no test can decide the answer", "system")

    def test_what_is_no_question_to_the_system(self) -> None:
        for line in ("std::vector<std::thread> threads;", "void Queue::read() {}", "// ::read(fd)", "std::max(a, b);",
                     "auto t = System::current().now();"):
            self.ask(line)
            self.assertEqual(self.findings(), [])

    def test_a_source_that_may_ask_the_system_itself(self) -> None:
        self.ask("int n = ::read(fd, data, size);")
        self.put("common/tools/system.allow", "# why\nsrc/queue.cpp | ::read( | it must\nsrc/none.cpp | ::read( | not here\n")
        self.assertEqual(self.findings(), [])

    def test_a_permission_that_nothing_needs(self) -> None:
        self.ask("int n = 0;")
        self.put("common/tools/system.allow", "src/queue.cpp | ::read( | it must\n")
        self.assert_found("common/tools/system.allow:1:", "take the line out", "system")

    # Words

    def comment(self, text: str) -> None:
        for number in ("01", "02", "03"):
            self.replace(number, QUEUE_HPP, "/// First in, first out.", text)

    def test_words_that_know_the_book(self) -> None:
        for text in (
            "// See chapter 4 for this.",
            "// Chapter Seven adds a lock.",
            "// As in 02-second.",
            "// This grows in a later chapter.",
            "// New in this stage.",
            "// From now on this is a list.",
            "// Good enough for now.",
        ):
            with self.subTest(text):
                self.setUp()
                self.comment(text)
                found = self.findings()
                self.assertEqual([line.split(": ")[0] for line in found if line.endswith("[words]")],
                                 [f"chapters/{name}/include/treadle/queue.hpp:8" for name in ("01-first", "02-second", "03-third")], found)

    def test_words_that_are_about_the_code(self) -> None:
        self.comment(
            "// A new item goes last, and is looked at later, when now() >= deadline. Stages of a pipeline; a new in-place\n"
            "// vector; it waits here from now on; what is ready now runs now; operator new is called; the old one stays."
        )
        for number in ("01", "02", "03"):
            self.replace(number, QUEUE_HPP, "    return 7;", '    return *new int(clock.now() + later(7)); // "stage" one-by-one')
        self.assertEqual(self.findings(), [])

    def test_book_markup(self) -> None:
        for text in ("//! [pop]", "// @listing{01 a b}", "// \\snippet x y", "// ANCHOR: pop", "// {#queue-class}"):
            with self.subTest(text):
                self.setUp()
                self.comment(text)
                found = [line for line in self.findings() if line.endswith("[markup]")]
                self.assertEqual(len(found), 3, self.findings())

    # CMakeLists, examples, tests

    def test_cmakelists_that_are_not_the_same_bytes(self) -> None:
        self.write("02", "CMakeLists.txt", CMAKE.replace("3.25", "3.26"))
        self.assert_found("chapters/02-second/CMakeLists.txt:1:", "not the same bytes as 01-first's", "cmakelists")

    def test_a_chapter_without_cmakelists(self) -> None:
        self.path("03", "CMakeLists.txt").unlink()
        self.assert_found("chapters/03-third/CMakeLists.txt:1:", "does not build alone", "cmakelists")

    def test_an_example_that_disappears(self) -> None:
        self.path("03", "examples/hello.cpp").unlink()
        self.assert_found("chapters/03-third/examples/hello.cpp:1:", "copy it", "example")
        self.put("book/pages/ch03.md", "## Also changed\n- `examples/hello.cpp` `@file`: goodbye\n")
        self.assertEqual(self.findings(), [])

    def test_an_example_that_changes_unseen(self) -> None:
        self.write("03", "examples/hello.cpp", EXAMPLE.replace("0", "1"))
        self.assert_found("chapters/03-third/examples/hello.cpp:2:", "make carry FROM=02", "example")

    def test_a_test_file_in_no_row(self) -> None:
        self.put("tests/test_task.cpp", "")
        self.assert_found("tests/test_task.cpp:1:", "no stage runs this file", "test-table")

    def test_a_row_without_a_file(self) -> None:
        self.put("tests/stages.txt", "01 test_queue.cpp Queue\n01 test_task.cpp Task\n")
        self.assert_found("tests/stages.txt:2:", "there is no tests/test_task.cpp", "test-table")

    def test_a_row_with_an_unknown_stage(self) -> None:
        self.put("tests/stages.txt", "09 test_queue.cpp Queue\n")
        self.assert_found("tests/stages.txt:1:", "there is no stage '09'; the stages are: 01, 02, 03", "test-table")

    def test_two_rows_for_a_file_and_a_short_row(self) -> None:
        self.put("tests/stages.txt", "01 test_queue.cpp Queue\n02 test_queue.cpp Queue\n")
        self.assert_found("tests/stages.txt:2:", "has a row already, line 1", "test-table")
        self.put("tests/stages.txt", "01 test_queue.cpp Queue\n01\n")
        self.assert_found("tests/stages.txt:2:", "a row is FIRST_STAGE", "test-table")


if __name__ == "__main__":
    unittest.main()
