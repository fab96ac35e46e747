"""The rows of the table: every chapters/NN-* directory, and the peers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .workloads import BENCH, Workload

ROOT = BENCH.parent.parent
PYTHON_SCALE = 20  # an interpreter does a twentieth of the operations, and takes about as long


@dataclass(frozen=True)
class Row:
    """One line of the table: a stage or a peer, and how its program is found."""

    name: str
    program: str
    sources: Path
    title: str
    stage: int | None = None

    @property
    def is_python(self) -> bool:
        return self.sources.name == "python"

    @property
    def file_server(self) -> str:
        """A stage's book_server."""
        return self.program.replace("stage", "book_server")

    @property
    def is_nginx(self) -> bool:
        return self.name == "nginx"

    @property
    def is_compiled(self) -> bool:
        return not self.is_python and not self.is_nginx

    def has(self, workload: Workload) -> bool:
        """True where this row can do the workload: its file is there, and the stage has come far enough."""
        if self.stage is not None and (self.stage < workload.first_stage or workload.is_file):
            return self.stage >= workload.first_stage  # the file is an example of the stage
        suffix = ".py" if self.is_python else ".conf" if self.is_nginx else ".cpp"
        return (self.sources / f"{workload.file}{suffix}").is_file()

    def amount(self, workload: Workload, divisor: int) -> int:
        """How many operations one repetition does. Multiples of 1000, because some come in batches of that."""
        scale = PYTHON_SCALE if self.is_python and not workload.is_served else 1
        return max(1000, workload.amount // divisor // scale // 1000 * 1000)


PEERS = (
    ("asio", "asio", "Asio, C++20 coroutines"),
    ("libuv", "libuv", "libuv, callbacks"),
    ("asyncio", "python", "Python asyncio"),
    ("uvloop", "python", "Python asyncio on uvloop"),
    ("bare", "bare", "bare std::coroutine_handle: the floor"),
    ("epoll", "epoll", "raw epoll: the floor of echo and hops"),
    ("poll", "poll", "raw poll: the floor of echo and hops on poll(2)"),
    ("nginx", "nginx", "nginx, one process: a server of files"),
)


def stages(chapters: Path = ROOT / "chapters") -> list[Row]:
    """A row for each stage directory that holds sources."""
    found = []
    for path in sorted(chapters.glob("[0-9][0-9]-*")):
        if any(path.glob("src/*.cpp")):
            number = path.name[:2]
            found.append(Row(path.name, f"stage-{number}", BENCH / "programs/treadle", path.name, int(number)))
    return found


def peers() -> list[Row]:
    return [Row(name, name, BENCH / "programs" / folder, title) for name, folder, title in PEERS]


def all_rows() -> list[Row]:
    return stages() + peers()


def matches(row: Row, word: str) -> bool:
    """A row is chosen by its name, a stage also by its number; `stages` and `peers` are all of them."""
    if word in ("stages", "peers"):
        return (row.stage is not None) == (word == "stages")
    if row.stage is not None and re.fullmatch(r"\d+", word):
        return int(word) == row.stage
    return word == row.name
