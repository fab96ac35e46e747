"""What the library offers, read from the XML that Doxygen writes beside the pages: names, where they are described,
and their first sentence. The sidebar, the landing page of the reference, the links in code and search all use it."""
from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

import encode

_COMPOUNDS = {"class", "struct", "union", "concept"}
_NAMESPACE = "treadle::"


@dataclass(frozen=True)
class Symbol:
    """One name of the library. `name` leaves out the namespace of all of them."""

    name: str
    kind: str
    url: str
    brief: str
    header: str


@dataclass
class Reference:
    symbols: list[Symbol] = field(default_factory=list)
    headers: list[Symbol] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.by_name: dict[str, Symbol] = {}
        for symbol in self.symbols:
            self.by_name.setdefault(symbol.name, symbol)

    def find(self, name: str) -> Symbol | None:
        return self.by_name.get(name.removeprefix(_NAMESPACE).removeprefix("::"))

    def compounds(self) -> list[Symbol]:
        """Classes and concepts, without those that live inside a class."""
        return sorted((s for s in self.symbols if s.kind in _COMPOUNDS and "::" not in s.name), key=lambda s: s.name.lower())

    def functions(self) -> list[Symbol]:
        """Functions of the namespace, each name once."""
        free = {s.name: s for s in reversed(self.symbols) if s.kind == "function" and "::" not in s.name}
        return sorted(free.values(), key=lambda s: s.name.lower())


def read(folder: Path) -> Reference:
    """The reference as Doxygen's XML in `folder` has it."""
    symbols: list[Symbol] = []
    headers: list[Symbol] = []
    for path in sorted(folder.glob("*.xml")):
        if path.stem == "index":
            continue
        for compound in ET.parse(path).getroot().iter("compounddef"):
            if compound.get("prot") == "private":
                continue
            symbols += _compound(compound)
            if compound.get("kind") == "file" and compound.findtext("compoundname", "").endswith(".hpp"):
                headers.append(_header(compound))
    return Reference(symbols, sorted(headers, key=lambda h: h.name))


def _compound(compound: ET.Element) -> list[Symbol]:
    kind, identity = compound.get("kind", ""), compound.get("id", "")
    name = compound.findtext("compoundname", "").removeprefix(_NAMESPACE)
    found = []
    if kind in _COMPOUNDS:
        found.append(Symbol(re.sub(r"\s*<.*", "", name) if "<" not in name else name.replace("< ", "<").replace(" >", ">"),
                            kind, f"{identity}.html", _text(compound.find("briefdescription")), _file(compound)))
    if kind in _COMPOUNDS or (kind == "namespace" and name in ("treadle", "")):
        prefix = name + "::" if kind in _COMPOUNDS else ""
        found += [_member(member, prefix) for member in compound.iter("memberdef") if member.get("prot", "public") != "private"]
    return found


def _member(member: ET.Element, prefix: str) -> Symbol:
    page, _, anchor = member.get("id", "").rpartition("_1")
    return Symbol(prefix + member.findtext("name", ""), member.get("kind", ""), f"{page}.html#{anchor}",
                  _text(member.find("briefdescription")), _file(member))


def _header(compound: ET.Element) -> Symbol:
    location = compound.find("location")
    name = location.get("file", "") if location is not None else compound.findtext("compoundname", "")
    return Symbol(name, "file", f"{compound.get('id')}.html", _text(compound.find("briefdescription")), name)


def _file(element: ET.Element) -> str:
    location = element.find("location")
    return location.get("file", "") if location is not None else ""


def _text(element: ET.Element | None) -> str:
    """A description as a line of HTML with nothing but code in it."""
    if element is None:
        return ""
    return encode.show(re.sub(r"\s+", " ", _markup(element)).strip())


def _markup(element: ET.Element) -> str:
    out = html.escape(element.text or "", quote=False)
    for child in element:
        inner = _markup(child)
        out += f"<code>{inner}</code>" if child.tag == "computeroutput" else inner
        out += html.escape(child.tail or "", quote=False)
    return out
