"""A tree below another repository has none of its own: no tool takes the answers of the repository above for its own."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from treadle_tools import git

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "common/bench"), str(ROOT / "book/tools")]

import template  # noqa: E402
from treadle_bench import machine  # noqa: E402

IDENTITY = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"]


class Above(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle git ")
        self.addCleanup(folder.cleanup)
        self.above = Path(folder.name).resolve()
        self.tree = self.above / "tree"
        self.tree.mkdir()
        self.git("init", "--quiet")
        self.git(*IDENTITY, "commit", "--quiet", "--allow-empty", "-m", "of something else")

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", "-C", str(self.above), *arguments], check=True, capture_output=True)

    def test_a_repository_answers_for_itself_only(self) -> None:
        self.assertTrue(git.has_repository(self.above))
        self.assertFalse(git.has_repository(self.tree))
        self.assertIsNotNone(git.ask(self.above, "rev-parse", "HEAD"))
        self.assertIsNone(git.ask(self.tree, "rev-parse", "HEAD"))
        self.assertIsNone(git.ask(self.above, "rev-parse", "no-such-revision"))

    def test_a_link_to_a_repository_is_that_repository(self) -> None:
        link = self.above / "link"
        link.symlink_to(self.above)
        self.assertTrue(git.has_repository(link))

    def test_without_git_there_is_no_answer(self) -> None:
        with mock.patch.dict("os.environ", {"PATH": str(self.tree)}):
            self.assertIsNone(git.ask(self.above, "rev-parse", "HEAD"))

    def test_the_book_is_no_edition_of_the_repository_above(self) -> None:
        self.assertIn("Edition of", template._edition(self.above))
        self.assertEqual(template._edition(self.tree), "")

    def test_a_measurement_is_of_no_commit_of_the_repository_above(self) -> None:
        for root, known in ((self.above, True), (self.tree, False)):
            with mock.patch.object(machine, "ROOT", root):
                self.assertEqual(machine.commit() != "", known)

    def test_carry_says_that_it_has_nothing_to_compare_with(self) -> None:
        (self.tree / "chapters/01-first").mkdir(parents=True)
        done = subprocess.run([sys.executable, "-B", str(ROOT / "common/tools/carry.py"), "01", "--root", str(self.tree)],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("is no git repository of its own", done.stderr)

    def test_every_other_call_of_git_asks_no_repository(self) -> None:
        """`diff --no-index` compares files; carry asks only after it has made sure."""
        for place in ("common", "book"):
            for path in (ROOT / place).rglob("*.py"):
                calls = re.findall(r'\[\s*"git"[^\]]*', path.read_text(errors="replace"))
                if "tests" in path.parts or "node_modules" in path.parts or path.name in ("git.py", "carry.py"):
                    continue
                self.assertTrue(all("--no-index" in call for call in calls), path)


if __name__ == "__main__":
    unittest.main()
