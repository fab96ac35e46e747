"""Draws the table: a row takes three lines (ratio, median, spread), and folds where the window is too narrow."""

from __future__ import annotations

import re
from dataclasses import dataclass

GAP = 2
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Column:
    """A heading, and what is printed under it in small."""

    name: str
    unit: str


@dataclass(frozen=True)
class Line:
    """A row's name and its cells: column name to lines of text. A missing cell stays empty."""

    name: str
    cells: dict[str, list[str]]


def number(value: float) -> str:
    """Three significant digits, never an exponent: 4.31, 48.2, 482, 4821."""
    if value < 10:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def short(value: float) -> str:
    """Two significant digits, for the ends of a spread."""
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"


def width_of(column: Column, lines: list[Line]) -> int:
    texts = [column.name, column.unit]
    for line in lines:
        texts += line.cells.get(column.name, [])
    return max(len(ANSI.sub("", text)) for text in texts)


def fold(columns: list[Column], widths: dict[str, int], room: int) -> list[list[Column]]:
    """The columns in groups that fit into `room` characters; at least one in each."""
    groups: list[list[Column]] = []
    used = 0
    for column in columns:
        need = widths[column.name] + GAP
        if not groups or used + need > room:
            groups.append([])
            used = 0
        groups[-1].append(column)
        used += need
    return groups


def right(text: str, width: int) -> str:
    """Right-aligned by what is seen, not by the colour codes in it."""
    return " " * (GAP + width - len(ANSI.sub("", text))) + text


def draw_group(columns: list[Column], lines: list[Line], widths: dict[str, int], first: int) -> list[str]:
    drawn = [
        " " * first + "".join(right(column.name, widths[column.name]) for column in columns),
        " " * first + "".join(right(column.unit, widths[column.name]) for column in columns),
    ]
    for line in lines:
        height = max([1] + [len(line.cells.get(column.name, [])) for column in columns])
        drawn.append("")
        for i in range(height):
            cells = [(line.cells.get(column.name, []) + [""] * height)[i] for column in columns]
            texts = [right(cell, widths[column.name]) for cell, column in zip(cells, columns)]
            drawn.append(((line.name if i == 0 else "").ljust(first) + "".join(texts)).rstrip())
    return drawn


def draw(columns: list[Column], lines: list[Line], width: int) -> str:
    """The whole table as text, at most `width` characters wide where that is possible."""
    widths = {column.name: width_of(column, lines) for column in columns}
    first = max([0] + [len(line.name) for line in lines])
    drawn: list[str] = []
    for group in fold(columns, widths, width - first):
        shown = [line for line in lines if any(column.name in line.cells for column in group)]
        drawn += ([""] if drawn else []) + draw_group(group, shown, widths, first)
    return "\n".join(line.rstrip() for line in drawn)
