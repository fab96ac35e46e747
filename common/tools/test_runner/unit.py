"""Run one file of Python unit tests and leave its cases as JSON: `unit.py test_x.py result.json`; with `-`, print them.

The tools' own tests count one by one in the sum of `make test`, as the C++ ones do.
"""

from __future__ import annotations

import importlib.util
import json
import signal
import sys
import traceback
import unittest
from pathlib import Path
from typing import Any


class Recorder(unittest.TestResult):
    """Keeps (name, passed, message) of each test; skipped ones are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, tuple[bool, str]] = {}

    def _note(self, test: unittest.TestCase, passed: bool, message: str) -> None:
        before = self.records.get(test.id(), (True, ""))
        self.records[test.id()] = (before[0] and passed, before[1] or message)

    def addSuccess(self, test: unittest.TestCase) -> None:
        self._note(test, True, "")

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        self._note(test, False, "".join(traceback.format_exception(*err)))

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        self._note(test, False, "".join(traceback.format_exception(*err)))

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        if err is not None:
            self._note(test, False, f"{subtest}\n" + "".join(traceback.format_exception(*err)))


def load(path: Path) -> unittest.TestSuite:
    tools = str(Path(__file__).resolve().parents[1])
    sys.path[:0] = [str(path.parent), str(path.parent.parent), tools]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def told(records: dict[str, tuple[bool, str]]) -> str:
    """The failures, and the sum."""
    failures = "".join(f"FAILED {name}\n{text}\n" for name, (ok, text) in records.items() if not ok)
    return f"{failures}{sum(ok for ok, _ in records.values())} of {len(records)} passed\n"


def main(path: Path, result: str) -> int:
    recorder = Recorder()
    # Started in the background by a script, we would ignore Ctrl-C, and so would all that the tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        load(path).run(recorder)
    except Exception:  # a file that cannot be loaded is one failed test
        recorder.records[f"{path.stem}: loads"] = (False, traceback.format_exc())
    if result == "-":
        print(f"{path.stem}: {told(recorder.records)}", end="", flush=True)
    else:
        Path(result).write_text(json.dumps([[name, ok, text] for name, (ok, text) in recorder.records.items()]))
    return 0 if all(ok for ok, _ in recorder.records.values()) else 1


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from treadle_tools import cli

    cli.run(main, Path(sys.argv[1]).resolve(), sys.argv[2])
