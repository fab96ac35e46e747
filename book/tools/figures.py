"""Drawings: SVG made by hand, or by Graphviz from text, put into the page so that its colours follow the theme.

A hand-made file names no colour: its shapes have the classes fig-fill, fig-line, fig-edge, fig-text, fig-soft and
fig-accent, for which the theme has colours in light and dark. What Graphviz draws is given the same classes here.
"""
from __future__ import annotations

import re
import subprocess
from pathlib import Path

from config import Config

_DEFAULTS = ["-Gbgcolor=transparent", "-Gfontname=serif", "-Nfontname=serif", "-Efontname=serif",
             "-Nfontsize=12", "-Efontsize=10.5", "-Nshape=box", "-Nstyle=rounded,filled", "-Nfillcolor=#fafafa", "-Npenwidth=1.1",
             "-Earrowsize=0.7"]


def drawing(name: str, label: str, config: Config) -> str:
    """The <svg> of figure `name`."""
    svg, dot = config.figures / f"{name}.svg", config.figures / f"{name}.dot"
    if svg.is_file():
        text = svg.read_text(encoding="utf-8")
    elif dot.is_file():
        text = _graphviz(dot, config)
    else:
        known = ", ".join(sorted({p.stem for p in config.figures.glob("*.*")})) or "none yet"
        raise ValueError(f"no figure {name}.svg or {name}.dot in {config.show(config.figures)} (there are: {known})")
    return _prepare(text, name, label)


def _graphviz(dot: Path, config: Config) -> str:
    run = subprocess.run(["dot", "-Tsvg", *_DEFAULTS, str(dot)], capture_output=True, text=True)
    if run.returncode or run.stderr.strip():
        raise ValueError(f"Graphviz cannot draw {config.show(dot)}: {run.stderr.strip()}")
    return _follow_theme(run.stdout)


def _follow_theme(svg: str) -> str:
    """Graphviz's fixed colours become classes."""
    svg = re.sub(r"<title>.*?</title>\s*", "", svg, flags=re.S)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.S)
    svg = re.sub(r'(<(?:polygon|path|ellipse|polyline)) fill="#fafafa" stroke="(?:black|#000000)"', r'\1 class="fig-fill fig-line"', svg)
    svg = re.sub(r'(<(?:polygon|path|ellipse|polyline)) fill="(?:none|transparent)" stroke="(?:black|#000000)"', r'\1 class="fig-edge" fill="none"', svg)
    svg = re.sub(r'(<polygon) fill="(?:black|#000000)" stroke="(?:black|#000000)"', r'\1 class="fig-arrow"', svg)
    svg = re.sub(r'(<polygon) fill="transparent" stroke="transparent"[^>]*/>', "<!-- -->", svg)
    svg = re.sub(r' font-family="[^"]*"', "", svg)
    svg = re.sub(r"<text ", '<text class="fig-text fig-laid-out" ', svg)
    return svg.replace("<!-- -->", "")


def _prepare(text: str, name: str, label: str) -> str:
    start = text.find("<svg")
    view = re.search(r'viewBox="\s*[-\d.]+[ ,]+[-\d.]+[ ,]+([\d.]+)[ ,]+([\d.]+)\s*"', text)
    if start < 0 or not view:
        raise ValueError(f"figure {name} is no SVG with a viewBox")
    text = text[start:].strip()
    quoted = label.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    head = f'<svg class="figure" viewBox="{_view(view[0])}" role="img" aria-label="{quoted}" style="max-width:{float(view[1]) * 1.1:.0f}px" xmlns="http://www.w3.org/2000/svg">'
    text = re.sub(r"<svg\b[^>]*>", lambda _: head, text, count=1, flags=re.S)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'url\(#', f"url(#{name}-", text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    return re.sub(r"\n\s*\n", "\n", text)


def _view(attribute: str) -> str:
    return re.sub(r'viewBox="|"', "", attribute)
