"""The book as it is built: the sample tree in book/tools/tests/fixture has every element a page may hold. Each fault of a
page fails the build with file and line, and a failed build leaves the last good book where it is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FIXTURE = ROOT / "book" / "tools" / "tests" / "fixture"
sys.path.insert(0, str(ROOT / "book" / "tools"))

import links  # noqa: E402
import searchindex  # noqa: E402
from typography import smarten  # noqa: E402


def build(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "book" / "build"), "--root", str(root), "--out", str(root / "out" / "html")]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@unittest.skipUnless(shutil.which("doxygen") and shutil.which("ctags") and shutil.which("dot"), "needs doxygen, ctags and dot")
class BuildTest(unittest.TestCase):
    folder: tempfile.TemporaryDirectory[str]

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = Path(cls.folder.name).resolve() / "tree"
        shutil.copytree(FIXTURE, cls.root)
        cls.done = build(cls.root)
        cls.html = cls.root / "out" / "html"

    @classmethod
    def tearDownClass(cls) -> None:
        cls.folder.cleanup()

    def setUp(self) -> None:
        self.assertEqual(self.done.returncode, 0, self.done.stderr)

    def page(self, name: str) -> str:
        return (self.html / name).read_text(encoding="utf-8")

    def broken(self, **pages: str) -> str:
        """Build with text added to pages; what the build complains of."""
        before = {path.name: path.read_bytes() for path in self.html.iterdir() if path.is_file()}
        for name, text in pages.items():
            path = self.root / "book" / "pages" / f"{name}.md"
            self.addCleanup(path.write_text, path.read_text(encoding="utf-8"), encoding="utf-8")
            path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
        done = build(self.root)
        self.assertEqual(done.returncode, 1, done.stdout)
        after = {path.name: path.read_bytes() for path in self.html.iterdir() if path.is_file()}
        self.assertEqual(before, after, "a failed build must leave the last good book in place")
        return done.stderr

    def line(self, name: str) -> int:
        return len((self.root / "book" / "pages" / f"{name}.md").read_text(encoding="utf-8").split("\n"))

    # -- a good build ----------------------------------------------------------------------------------------------------

    def test_one_line_says_what_was_built(self) -> None:
        self.assertRegex(self.done.stdout, r"^book: \d+ pages, 4 listings, [\d,]+ words, \d+\.\d s: .*index\.html\n$")

    def test_a_listing_has_its_place_and_true_numbers(self) -> None:
        page = self.page("ch01.html")
        self.assertRegex(page, r'<span class="folder">01-loop/</span>src/queue\.cpp</span><span class="scope">in <code>Queue</code></span><span class="lines">lines 5–14')
        self.assertRegex(page, r'<span class="line" data-n="5">.*Queue.*run_turn')

    def test_code_leads_to_the_reference(self) -> None:
        page = self.page("ch01.html")
        self.assertRegex(page, r'<a href="structtreadle_1_1_job\.html">Job</a> job = ')
        self.assertRegex(page, r'<a class="name" href="classtreadle_1_1_queue\.html#\w+"><code>Queue::push</code></a>')

    def test_a_comment_in_code_has_no_links(self) -> None:
        comment = re.search(r'data-n="6">(.*?)</span>\n', self.page("ch01.html"), re.S)
        self.assertIsNotNone(comment)
        self.assertNotIn("<a", comment[1])

    def test_pages_lead_to_the_one_before_and_after(self) -> None:
        page = self.page("ch01.html")
        self.assertIn('rel="prev" href="index.html"', page)
        self.assertIn('rel="next" href="ch02.html"', page)
        self.assertNotIn('class="prev"', self.page("index.html"))

    def test_headings_lie_one_below_the_title(self) -> None:
        page = self.page("ch01.html")
        self.assertEqual(page.count("<h1"), 1)
        self.assertIn('<h2 id="a-queue-and-a-turn">', page)
        self.assertIn('<h3 id="what-the-queue-holds">', page)

    def test_odd_characters_arrive(self) -> None:
        page = self.page("ch02.html")
        for code in ("operator&lt;=&gt;", "::name", "#name", "@at", r"\n", "%d", "--host", "__init__", "&amp;amp;", "x*y*z", "a`b", "a|b"):
            self.assertIn(f"<code>{code}</code>", page)
        self.assertIn("std::vector, ::name, snake_case_word_here and ~tilde", page)

    def test_bold_and_slanted_text_may_begin_and_end_with_code(self) -> None:
        page = self.page("ch02.html")
        for text in ("<strong><code>code</code> first</strong>", "<strong>last <code>code</code></strong>", "<em><code>a</code> and b</em>",
                     '<strong><a href="ch01.html">a link</a></strong>', "2*3*4"):
            self.assertIn(text, page)

    def test_the_growth_table_and_the_diff_are_there(self) -> None:
        self.assertRegex(self.page("ch02.html"), r">02-more</td>")
        self.assertIn('href="diff-02.html"', self.page("ch02.html"))
        self.assertIn("how many can run", self.page("diff-02.html").lower())

    def test_the_reference_has_the_headers_own_words(self) -> None:
        page = self.page("queue_8hpp.html")
        self.assertIn("Whoever becomes ready goes to the back", page)
        self.assertIn("A Job is in the queue at most once.", page)
        self.assertIn("<code>std::coroutine_handle&lt;&gt;</code>", self.page("structtreadle_1_1_job.html"))

    def test_search_has_the_text_of_sections_and_is_a_script(self) -> None:
        index = self.page("search-index.js")
        self.assertTrue(index.startswith("window.treadleSearch = {"))
        self.assertIn("The bug is easy to write", index)
        self.assertIn("ch01.html#a-queue-and-a-turn", index)

    def test_nothing_is_fetched_from_elsewhere(self) -> None:
        for path in self.html.glob("*.html"):
            self.assertIsNone(re.search(r'<(?:script|img|link)[^>]*(?:src|href)="(?:https?:)?//', path.read_text(encoding="utf-8")), path.name)

    def test_a_second_build_touches_no_file(self) -> None:
        before = {path: path.stat().st_mtime_ns for path in self.html.rglob("*") if path.is_file()}
        self.assertEqual(build(self.root).returncode, 0)
        self.assertEqual(before, {path: path.stat().st_mtime_ns for path in self.html.rglob("*") if path.is_file()})

    # -- faults ----------------------------------------------------------------------------------------------------------

    def test_what_cannot_be_cut_or_drawn_fails_the_build(self) -> None:
        at = self.line("ch01")
        errors = self.broken(ch01="@listing{01 src/queue.cpp Queue::gone}\n@figure{gone|No such figure}\n@transcript{gone}\n"
                                  '@listing{01 src/queue.cpp Queue::run_turn from "due"}\n')
        for offset, words in enumerate(("Queue::gone", "no figure gone", "no recorded run gone", "due")):
            self.assertRegex(errors, rf"book/pages/ch01\.md:{at + offset}: error: .*{words}")
        self.assertIn("4 faults", errors)

    def test_a_link_an_anchor_and_an_image_that_lead_nowhere_fail_the_build(self) -> None:
        at = self.line("ch02")
        errors = self.broken(ch02="\n[a](gone.md)\n[b](ch01.md#gone) ![c](figures/gone.png)\n[d](#gone)\n")
        self.assertRegex(errors, rf"book/pages/ch02\.md:{at + 1}: error: the link gone\.html leads to no page")
        self.assertRegex(errors, rf"book/pages/ch02\.md:{at + 2}: error: the link ch01\.html#gone leads to no heading")
        self.assertRegex(errors, rf"book/pages/ch02\.md:{at + 2}: error: there is no image figures/gone\.png")
        self.assertRegex(errors, rf"book/pages/ch02\.md:{at + 3}: error: the link #gone leads to no heading")

    def test_markup_that_would_be_printed_fails_the_build(self) -> None:
        self.assertRegex(self.broken(ch01="\nan odd ** here\n"), r"markup was not understood, near: .*an odd \*\* here")

    def test_what_doxygen_complains_of_is_told_by_the_line_of_the_page(self) -> None:
        at = self.line("ch01")
        errors = self.broken(ch01="\n[x](@ref nowhere-at-all)\n")
        self.assertRegex(errors, rf"book/pages/ch01\.md:{at + 1}: error: .*nowhere-at-all")


class PartsTest(unittest.TestCase):
    def test_quotes_are_curly_in_prose_and_straight_in_code(self) -> None:
        self.assertEqual(smarten('<p>"It\'s" <code>"x"</code> \'y\'</p>'), '<p>“It’s” <code>"x"</code> ‘y’</p>')

    def test_the_link_check_says_which_anchors_there_are(self) -> None:
        faults = links.check({"a.html": '<h2 id="here">x</h2><a href="#there" data-source="p.md:7">y</a>'}, Path("."))
        self.assertEqual([str(f) for f in faults], ["p.md:7: error: the link #there leads to no heading of a.html; it has here"])

    def test_a_link_to_what_doxygen_does_not_print_goes_and_the_name_stays(self) -> None:
        shown, hidden = "a" + "0" * 32, "a" + "1" * 32
        text = f'<a href="class.html#{shown}">Shown</a> <a href="class.html#{hidden}">Friend</a>'
        pages = links.forget_hidden({"p.html": text, "class.html": f'<h2 id="{shown}">Shown</h2>'})
        self.assertEqual(pages["p.html"], f'<a href="class.html#{shown}">Shown</a> Friend')

    def test_two_equal_ids_are_a_fault(self) -> None:
        self.assertEqual(len(links.check({"a.html": '<p id="x"><p id="x">'}, Path("."))), 1)

    def test_the_index_knows_in_which_section_a_word_stands(self) -> None:
        rows = searchindex.sections("a.html", "A", '<p>one</p><h2 id="b">B<a class="headlink" href="#b">#</a></h2><p>t&lt;wo</p>')
        self.assertEqual(rows, [["a.html", "A", "", "one"], ["a.html#b", "A", "B", "t<wo"]])

    def test_the_dark_colours_stand_twice_and_are_the_same(self) -> None:
        css = (ROOT / "book" / "theme" / "book.css").read_text(encoding="utf-8")
        system = re.search(r':root:not\(\[data-theme="light"\]\) \{(.*?)\}', css, re.S)
        chosen = re.search(r':root\[data-theme="dark"\] \{(.*?)\}', css, re.S)
        self.assertEqual(system[1].split(), chosen[1].split())

    def test_every_colour_of_text_can_be_read_on_its_ground(self) -> None:
        css = (ROOT / "book" / "theme" / "book.css").read_text(encoding="utf-8")
        for theme in (r":root \{(.*?)\}", r':root\[data-theme="dark"\] \{(.*?)\}'):
            colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", re.search(theme, css, re.S)[1]))
            texts = ("ink", "quiet", "link", "accent", "code-keyword", "code-flow", "code-string", "code-comment", "code-pre", "note", "tip",
                     "warn", "predict", "goals")
            for text in texts:
                for ground in ("paper", "shade"):
                    self.assertGreaterEqual(contrast(colours[text], colours[ground]), 4.5, f"{text} on {ground}")
            self.assertGreaterEqual(contrast(colours["number"], colours["shade"]), 3, "number on shade")


def contrast(one: str, other: str) -> float:
    """As WCAG 2 counts it."""
    light = sorted((luminance(one), luminance(other)))
    return (light[1] + 0.05) / (light[0] + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


if __name__ == "__main__":
    unittest.main()
