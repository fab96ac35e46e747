"""The blocks of a page that are not prose: listings, console runs, figures, code, what a diff or a table stands for."""
from __future__ import annotations

import html as html_
import re
import textwrap
from pathlib import Path

import figures
from config import Config
from inline import plain_html

from treadle_tools import listings

_CONSOLE = {"console", "shell", "sh-session", "terminal"}
_CPP = {"cpp", "c++", "hpp", "cc", "cxx"}
_PROMPT = re.compile(r"^(\$|#|>>>) (.*)$")


def html(markup: str, indent: str = "") -> list[str]:
    """Lines that put `markup` on the page as it is, with no paragraph around it. Inside a list (where it is indented) a
    blank line would make Doxygen take what follows for a block of code."""
    if indent:
        return [f"{indent}@htmlonly[block]", *markup.split("\n"), f"{indent}@endhtmlonly"]
    return ["", f"{indent}@htmlonly[block]", *(markup.split("\n")), f"{indent}@endhtmlonly", ""]


def request(kind: str, argument: str, text: str, page: Path, line: int, config: Config) -> list[str]:
    """The lines that a request becomes. ValueError says what is wrong with it."""
    if kind == "listing":
        return listing(listings.parse(text, page, line), config)
    if kind == "transcript":
        return transcript(argument.strip(), config)
    if kind == "figure":
        return figure(argument, page, config)
    if kind == "growth":
        import growth
        return ["", *growth.markdown(growth.rows(config.root)).rstrip("\n").split("\n"), ""]
    config.stage_folder(argument.strip())
    return html(f'<div data-insert="{kind}" data-argument="{html_.escape(argument.strip())}" '
                f'data-source="{html_.escape(config.show(page))}:{line}"></div>')


# -- listings --------------------------------------------------------------------------------------------------


def listing(wanted: listings.Request, config: Config) -> list[str]:
    """Code cut from a chapter, with a caption that says where it stands."""
    if not wanted.path(config.root).is_file():
        raise ValueError(f"no file {wanted.file}")
    cut = wanted.cut(config.root)
    code = textwrap.dedent(cut.text).strip("\n").expandtabs(4).split("\n")
    attributes = {
        "class": "listing", "data-first": cut.first_line, "data-last": cut.last_line, "data-stage": wanted.stage,
        "data-file": wanted.file, "data-scope": _scope(cut.scope), "data-path": config.show(wanted.path(config.root)),
    }
    opening = "<figure " + " ".join(f'{k}="{html_.escape(str(v))}"' for k, v in attributes.items()) + ">"
    return [*html(opening), "@code{.cpp}", *code, "@endcode", *html("</figure>")]


def _scope(scope: str) -> str:
    """What encloses the code, without the namespace that encloses all of it."""
    return re.sub(r"^(treadle(::)?)?((::)?\(anonymous namespace\)|__anon\w+)?(::)?", "", scope or "")


# -- console ---------------------------------------------------------------------------------------------------


def transcript(name: str, config: Config) -> list[str]:
    """A recorded run."""
    path = config.transcripts / f"{name}.txt"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in config.transcripts.glob("*.txt"))) or "none yet"
        raise ValueError(f"no recorded run {name} in {config.show(config.transcripts)} (there are: {known})")
    return console(path.read_text(encoding="utf-8").rstrip("\n").split("\n"), recorded=name)


def console(lines: list[str], indent: str = "", recorded: str = "") -> list[str]:
    mark = f' data-transcript="{html_.escape(recorded)}"' if recorded else ""
    body = "\n".join(_console_line(line) for line in lines)
    return html(f'<figure class="console"{mark}><pre>{body}</pre></figure>', indent)


def _console_line(line: str) -> str:
    prompt = _PROMPT.match(line)
    if not prompt:
        return html_.escape(line, quote=False)
    return f'<span class="prompt">{html_.escape(prompt[1])} </span><span class="command">{html_.escape(prompt[2], quote=False)}</span>'


# -- figures ---------------------------------------------------------------------------------------------------


def figure(argument: str, page: Path, config: Config) -> list[str]:
    """A drawing, inline, so that it follows light and dark."""
    name, bar, caption = argument.partition("|")
    if not bar or not caption.strip():
        raise ValueError("a figure has a caption: @figure{NAME|caption}")
    svg = figures.drawing(name.strip(), plain_text(caption), config)
    return html(f'<figure class="drawing" id="figure-{name.strip()}" data-figure="{name.strip()}">{svg}<figcaption>{plain_html(caption.strip())}</figcaption></figure>')


def plain_text(caption: str) -> str:
    return re.sub(r"[`*]", "", caption.strip())


# -- code in the page itself -------------------------------------------------------------------------------------


def fence(language: str, body: list[str], indent: str) -> list[str]:
    """A fenced block: C++ goes through Doxygen, which colours and links it; a console has prompts; the rest is plain."""
    if language.lower() in _CPP and indent:
        return [f"{indent}@code{{.cpp}}", *(indent + line for line in body), f"{indent}@endcode"]
    if language.lower() in _CPP:
        return [*html('<figure class="inline-code">'), "@code{.cpp}", *body, "@endcode", *html("</figure>")]
    if language.lower() in _CONSOLE:
        return console(body, indent)
    text = html_.escape("\n".join(body), quote=False)
    return html(f'<figure class="plain-code" data-language="{html_.escape(language)}"><pre>{text}</pre></figure>', indent)
