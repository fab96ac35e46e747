"""Colours on a terminal, none elsewhere, and none where NO_COLOR is set (https://no-color.org)."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def colours(stream: TextIO | None = None) -> bool:
    """May we colour what we write to `stream`?"""
    stream = stream or sys.stdout
    return not os.environ.get("NO_COLOR") and stream.isatty() and os.environ.get("TERM") != "dumb"
