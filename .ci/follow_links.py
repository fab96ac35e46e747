"""Follow every link of a site, from its first page: `follow_links.py http://127.0.0.1:8000/`.

A page, picture, script or style must be there (status 200, some bytes), and so must the place in a page that a link
names by #. Links to other hosts are left alone.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin


class Page(HTMLParser):
    """The links and the named places of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if value and (name in ("href", "src")):
                self.links.append(value)
            if value and (name == "id" or (name == "name" and tag == "a")):
                self.places.add(value)


def fetch(address: str) -> tuple[str, bytes]:
    """The content type and the bytes; an exception unless the status is 200."""
    with urllib.request.urlopen(address, timeout=20) as answer:
        return answer.headers.get("Content-Type", ""), answer.read()


def follow(start: str) -> tuple[int, list[str]]:
    """How many files there are, and what is wrong with the links between them."""
    pages: dict[str, Page | None] = {}
    wrong: list[str] = []
    asked: list[tuple[str, str, str]] = []  # page, place, from
    waiting = [(start, "the command line")]
    while waiting:
        link, source = waiting.pop()
        address, place = urldefrag(link)
        if not address.startswith(start):
            continue
        asked.append((address, unquote(place), source))
        if address in pages:
            continue
        pages[address] = None
        try:
            kind, data = fetch(address)
        except (OSError, urllib.error.URLError) as error:
            wrong.append(f"{address}, from {source}: {error}")
            continue
        if not data:
            wrong.append(f"{address}, from {source}: it is empty")
        if kind.startswith("text/html"):
            page = pages[address] = Page(data.decode())
            waiting += [(urljoin(address, each), address) for each in page.links]
    for address, place, source in asked:
        page = pages.get(address)
        if place and page and place not in page.places:
            wrong.append(f"{address}#{place}, from {source}: the page has no such place")
    return len(pages), wrong


if __name__ == "__main__":
    count, found = follow(sys.argv[1])
    print("".join(f"{line}\n" for line in found), end="")
    print(f"{count} files served, {len(found)} broken links")
    sys.exit(1 if found or count < 10 else 0)
