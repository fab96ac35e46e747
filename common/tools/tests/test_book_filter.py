"""The book's input filter: what a writer's markup becomes, and that each mistake is told with its line."""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "book" / "tools"))

import comments  # noqa: E402
import encode  # noqa: E402
import filter as page_filter  # noqa: E402
from config import Config  # noqa: E402

QUEUE = """\
// queue.hpp: what can run.
#pragma once

namespace treadle {

class Queue {
 public:
  /// Takes the front.
  int pop() {
    ++count_;
    int front = 1;
    ++count_;
    return front;
  }
  int at(int i);
  int at(long i);

 private:
  int count_ = 0;
};

}  // namespace treadle
"""


class FilterTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        self.config = Config(self.root, self.root / "book")
        for name in ("pages", "figures", "transcripts"):
            (self.root / "book" / name).mkdir(parents=True)
        header = self.root / "chapters" / "01-loop" / "include" / "treadle" / "queue.hpp"
        header.parent.mkdir(parents=True)
        header.write_text(QUEUE)

    def convert(self, body: str) -> tuple[str, list[str]]:
        page = self.config.pages / "ch01.md"
        page.write_text("# Chapter 1: A page {#ch01}\n\n" + body)
        lines, errors = page_filter.convert(page, self.config)
        self.origins = [line.origin for line in lines]
        return encode.show("\n".join(line.text for line in lines)), [str(error) for error in errors]

    def fault(self, body: str) -> str:
        _, errors = self.convert(body)
        self.assertEqual(len(errors), 1, errors)
        return errors[0]

    # -- listings --------------------------------------------------------------------------------------------------

    def test_a_listing_is_dedented_code_with_its_place(self) -> None:
        text, errors = self.convert("@listing{01 include/treadle/queue.hpp Queue::pop}\n")
        self.assertEqual(errors, [])
        self.assertIn('data-first="8"', text)
        self.assertIn('data-scope="Queue"', text)
        self.assertIn("@code{.cpp}\n/// Takes the front.\nint pop() {\n  ++count_;", text)

    def test_every_line_remembers_the_line_of_the_page(self) -> None:
        self.convert("one\n\n@listing{01 include/treadle/queue.hpp Queue::pop}\n\nlast\n")
        self.assertEqual(self.origins[-2:], [7, 8])
        self.assertIn(5, self.origins)

    def test_a_missing_symbol_is_told_with_its_line(self) -> None:
        fault = self.fault("text\n\n@listing{01 include/treadle/queue.hpp Queue::push}\n")
        self.assertTrue(fault.startswith("book/pages/ch01.md:5: error:"), fault)
        self.assertIn("Queue::push", fault)

    def test_a_symbol_found_twice_is_told(self) -> None:
        fault = self.fault("@listing{01 include/treadle/queue.hpp Queue::at}\n")
        self.assertTrue(fault.startswith("book/pages/ch01.md:3: error:"), fault)
        self.assertIn("#2", fault)

    def test_a_text_found_twice_is_told(self) -> None:
        fault = self.fault('@listing{01 include/treadle/queue.hpp Queue::pop from "++count_;"}\n')
        self.assertTrue(fault.startswith("book/pages/ch01.md:3: error:"), fault)

    def test_a_missing_file_and_a_missing_stage_are_told(self) -> None:
        self.assertIn("has no file include/no.hpp", self.fault("@listing{01 include/no.hpp Queue}\n"))
        self.assertIn("01-loop", self.fault("@listing{07 include/treadle/queue.hpp Queue}\n"))

    def test_a_request_inside_a_line_is_no_silent_text(self) -> None:
        self.assertIn("stands alone", self.fault("  @listing{01 include/treadle/queue.hpp Queue} and more\n"))

    def test_a_request_inside_a_fence_is_text(self) -> None:
        text, errors = self.convert("```\n@listing{99 no Such}\n```\n")
        self.assertEqual(errors, [])
        self.assertIn("@listing{99 no Such}", text)

    # -- the other requests --------------------------------------------------------------------------------------------

    def test_a_missing_figure_is_told(self) -> None:
        fault = self.fault("@figure{frame|What is in it}\n")
        self.assertTrue(fault.startswith("book/pages/ch01.md:3: error: no figure frame"), fault)

    def test_a_figure_needs_a_caption(self) -> None:
        self.assertIn("caption", self.fault("@figure{frame}\n"))

    def test_a_figure_is_inline_and_its_ids_are_its_own(self) -> None:
        (self.config.figures / "frame.svg").write_text(
            '<?xml version="1.0"?><svg viewBox="0 0 100 50"><marker id="head"/><path marker-end="url(#head)"/></svg>')
        text, errors = self.convert("@figure{frame|What is `in` it}\n")
        self.assertEqual(errors, [])
        self.assertIn('url(#frame-head)', text)
        self.assertIn("<figcaption>What is <code>in</code> it</figcaption>", text)
        self.assertNotIn("<?xml", text)

    def test_a_missing_run_is_told(self) -> None:
        self.assertIn("no recorded run nowhere", self.fault("@transcript{nowhere}\n"))

    def test_a_run_has_its_commands_marked(self) -> None:
        (self.config.transcripts / "run.txt").write_text("$ echo '<b>'\n<b>\n")
        text, _ = self.convert("@transcript{run}\n")
        self.assertIn("<span class=\"command\">echo '&lt;b&gt;'</span>\n&lt;b&gt;", text)

    # -- text -----------------------------------------------------------------------------------------------------------

    def test_code_and_odd_characters_pass_doxygen(self) -> None:
        words = "`::name` `%d` `--host` `a<b>` and std::vector, 100 %d, #hash, a @x, 1 < 2"
        page = self.config.pages / "ch01.md"
        page.write_text("# T {#ch01}\n\n" + words + "\n")
        lines, _ = page_filter.convert(page, self.config)
        sent = lines[2].text
        for dangerous in ("::", "%", "#", "@", "<", "--"):
            self.assertNotIn(dangerous, sent)
        self.assertEqual(encode.plain(sent), words)

    def test_a_link_carries_its_place(self) -> None:
        text, _ = self.convert("see\n[two](ch02.md#frame)\n")
        self.assertIn('<a href="ch02.html#frame" data-source="book/pages/ch01.md:4">two</a>', text)

    def test_headings_get_anchors_and_no_two_the_same(self) -> None:
        text, errors = self.convert("## The `Coro` frame\n\n## The Coro frame\n\n## Else {#named}\n")
        self.assertEqual(errors, [])
        for anchor in ("{#ch01-the-coro-frame}", "{#ch01-the-coro-frame-2}", "{#ch01-named}"):
            self.assertIn(anchor, text)

    def test_a_footnote_without_text_and_a_text_without_mark_are_told(self) -> None:
        self.assertIn("there is no footnote [^a]", self.fault("word[^a]\n"))
        self.assertIn("nothing refers to footnote [^b]", self.fault("[^b]: text\n"))

    def test_footnotes_are_numbered_in_order_of_their_marks(self) -> None:
        text, errors = self.convert("x[^b] y[^a] z[^b]\n\n[^a]: first\n[^b]: second\n")
        self.assertEqual(errors, [])
        self.assertLess(text.index('<li id="note-b">'), text.index('<li id="note-a">'))

    def test_alerts_hold_markdown_and_unknown_ones_are_told(self) -> None:
        text, _ = self.convert("> [!WARNING] Look\n> - a `b`\n")
        self.assertIn('<aside class="alert alert-warning"><p class="alert-title">Look</p>', text)
        self.assertIn("\n- a `b`", text)
        self.assertIn("PREDICT", self.fault("> [!SHOUT]\n> text\n"))

    def test_an_unclosed_fence_is_told_where_it_opens(self) -> None:
        self.assertIn("ch01.md:5: error", self.fault("a\n\n```cpp\nint x;\n"))


class CommentsTest(unittest.TestCase):
    def test_the_opening_comment_of_a_header_becomes_its_description(self) -> None:
        text = "// q.hpp: the queue.\n//\n// Why.\n#pragma once\nint f();  // not this\n/// This `%d`.\nint g();\n"
        made = encode.plain(comments.document(text, "q.hpp"))
        self.assertIn("/// @file q.hpp @brief The queue.", made)
        self.assertIn("/// Why.", made)
        self.assertIn("int f();  // not this", made)
        self.assertEqual(made.count("\n"), text.count("\n"))


if __name__ == "__main__":
    unittest.main()
