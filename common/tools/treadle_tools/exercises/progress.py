"""What a learner has done so far, in work/progress.json: hints taken, passes, solutions looked at.

A plain file, so that it can be read, copied or deleted. It is a memory for the learner and never evidence for a grade.
"""
from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any


class Progress:
    """The file, read now and written at every change."""

    def __init__(self, work: Path):
        self.path = work / "progress.json"
        self.data: dict[str, Any] = {"schema": 1, "current": "", "exercises": {}}
        try:
            read = json.loads(self.path.read_text(encoding="utf-8"))
            if isinstance(read, dict) and isinstance(read.get("exercises"), dict):
                self.data |= read
        except (OSError, ValueError):
            pass  # no progress yet, or a file nobody can read: begin afresh rather than refuse to work

    def of(self, exercise: str) -> dict[str, Any]:
        """What is known about one exercise."""
        entry = self.data["exercises"].setdefault(exercise, {})
        for name, value in (("hints", 0), ("attempts", 0), ("passed", False), ("best", 0), ("revealed", False)):
            entry.setdefault(name, value)
        return entry

    def save(self) -> None:
        """Writes it whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".progress-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(self.data, file, indent=2)
            file.write("\n")
        os.replace(name, self.path)

    def tried(self, exercise: str, score: float, passed: bool) -> None:
        """One more attempt."""
        entry = self.of(exercise)
        entry["attempts"] += 1
        entry["best"] = max(entry["best"], score)
        entry["passed"] = entry["passed"] or passed
        self.data["current"] = exercise
        self.save()
