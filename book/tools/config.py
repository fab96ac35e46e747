"""Where the book finds its parts, and how it says that something is wrong.

Every path hangs off one root, so that the tests can build a small book of their own from a fixture tree
without touching the real one. The input filter runs as a child of Doxygen and is told the root by
the environment variable BOOK_ROOT.
"""
from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = REPOSITORY / "common" / "tools"
if str(TOOLS) not in sys.path:
    sys.path.insert(0, str(TOOLS))


class BookError(Exception):
    """A fault in a page, with the place the writer must look at."""

    def __init__(self, file: Path | str, line: int, message: str) -> None:
        super().__init__(message)
        self.file, self.line, self.message = str(file), line, message

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: error: {self.message}"


@dataclass(frozen=True)
class Entry:
    """One line of order.txt: a page of the book, or (with no page) a heading in the sidebar."""

    page_id: str
    file: str
    title: str


@dataclass(frozen=True)
class Config:
    """The folders of one book. `root` holds chapters/ and tests/; `book` holds pages/, figures/ and the rest."""

    root: Path
    book: Path

    @property
    def pages(self) -> Path:
        return self.book / "pages"

    @property
    def figures(self) -> Path:
        return self.book / "figures"

    @property
    def transcripts(self) -> Path:
        return self.book / "transcripts"

    def show(self, path: Path) -> str:
        """A path as a reader of an error wants it: from the root."""
        try:
            return str(path.resolve().relative_to(self.root.resolve()))
        except ValueError:
            return str(path)

    def stage_folder(self, stage: str) -> Path:
        """The folder a listing's stage names: a chapter by its number, or `tests`."""
        if stage == "tests":
            return self.root / "tests"
        found = sorted((self.root / "chapters").glob(f"{stage}-*"))
        if len(found) != 1:
            known = ", ".join(p.name for p in self.stages()) or "none yet"
            raise ValueError(f"no stage {stage} (there are: {known}, and tests)")
        return found[0]

    def stages(self) -> list[Path]:
        return sorted(p for p in (self.root / "chapters").glob("[0-9][0-9]-*") if p.is_dir())

    def order(self) -> list[Entry]:
        """The pages in reading order. A line is `file|Title`; `|Title` is a heading of the sidebar."""
        path = self.pages / "order.txt"
        entries = []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            file, bar, title = line.partition("|")
            if not bar or not title.strip():
                raise BookError(self.show(path), number, "a line is `file.md|Title`, or `|Heading of the sidebar`")
            if file and not (self.pages / file.strip()).exists():
                raise BookError(self.show(path), number, f"there is no page {file.strip()} in {self.show(self.pages)}")
            entries.append(Entry(Path(file.strip()).stem, file.strip(), title.strip()))
        return entries


def from_environment() -> Config:
    root = Path(os.environ.get("BOOK_ROOT", REPOSITORY))
    return Config(root, Path(os.environ.get("BOOK_DIR", root / "book")))
