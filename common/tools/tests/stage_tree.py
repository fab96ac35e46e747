"""A small tree of stages, in a temporary git repository, for the tests of the tools to break."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS))

NAMES = {"01": "01-first", "02": "02-second", "03": "03-third", "04": "04-fourth"}

QUEUE = """\
// queue.hpp: what waits its turn.
#pragma once

#include <cstddef>

namespace treadle {

/// First in, first out.
class Queue {
 public:
  void push(int item);

  /// REQUIRES: not empty.
  int pop() {
    --size_;
    return 7;
  }

 private:
  std::size_t size_ = 0;
};

}  // namespace treadle
"""

TASK = """\
// task.hpp: something to do.
#pragma once

#include <treadle/queue.hpp>

namespace treadle {

class Task {
 public:
  int id() const { return id_; }

 private:
  int id_ = 1;
};

}  // namespace treadle
"""

TASK_WITH_NAME = TASK.replace("  int id() const { return id_; }\n", "  int id() const { return id_; }\n  int name() const { return 2; }\n")

CMAKE = "cmake_minimum_required(VERSION 3.25)\nproject(chapter CXX)\n"
EXAMPLE = "int main() {\n  return 0;\n}\n"
FLOORS = "1 queue\n4 task\n5 loop  # the loop\n"

PAGE_01 = """\
# Chapter 1: First {#ch01}

@listing{01 include/treadle/queue.hpp @file}
@listing{01 include/treadle/task.hpp @file}
"""

PAGE_02 = """\
# Chapter 2: Second {#ch02}

@listing{02 include/treadle/task.hpp Task::name}
"""


class StageTree(unittest.TestCase):
    """Three stages without a fault: 01 has a queue and a task, 02 gives the task a name, 03 adds nothing."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        for number in ("01", "02", "03"):
            self.write(number, "include/treadle/queue.hpp", QUEUE)
            self.write(number, "include/treadle/task.hpp", TASK if number == "01" else TASK_WITH_NAME)
            self.write(number, "examples/hello.cpp", EXAMPLE)
            self.write(number, "CMakeLists.txt", CMAKE)
            self.write(number, "README.md", f"# {number}\n")
        self.put("common/tools/floors.txt", FLOORS)
        self.put("tests/stages.txt", "# first file subject\n01 test_queue.cpp Queue\n")
        self.put("tests/test_queue.cpp", 'TEST_CASE("Queue: first in, first out") {\n}\n')
        for number, page in (("01", PAGE_01), ("02", PAGE_02), ("03", "# Chapter 3: Third {#ch03}\n")):
            self.put(f"book/pages/ch{number}.md", page)

    # Reading and writing

    def put(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def path(self, number: str, name: str) -> Path:
        return self.root / "chapters" / NAMES[number] / name

    def write(self, number: str, name: str, text: str) -> Path:
        return self.put(f"chapters/{NAMES[number]}/{name}", text)

    def read(self, number: str, name: str) -> str:
        return self.path(number, name).read_text(encoding="utf-8")

    def replace(self, number: str, name: str, old: str, new: str) -> None:
        text = self.read(number, name)
        assert old in text, f"{old!r} is not in {name}"
        self.write(number, name, text.replace(old, new))

    def snapshot(self) -> dict[str, bytes]:
        """Every file of the tree but git's own."""
        paths = (path for path in self.root.rglob("*") if path.is_file() and ".git" not in path.parts)
        return {str(path.relative_to(self.root)): path.read_bytes() for path in paths}

    # Git and the tools

    def git(self, *arguments: str) -> str:
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
        command = ["git", "-C", str(self.root), *identity, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    def commit(self) -> None:
        if not (self.root / ".git").is_dir():
            self.git("init", "--quiet")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "as it is")

    def tool(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(TOOLS / name), *arguments, "--root", str(self.root)]
        return subprocess.run(command, capture_output=True, text=True, check=False)
