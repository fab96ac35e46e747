#!/usr/bin/env python3
"""`make run` and `make demo`: build the examples, show the stages at work on real input, serve the book from the newest loop.

Each stage says for itself what there is to see, in examples/tour.txt, one line a step:

    word_count README.md book/pages/index.md | what to look at      runs an example
    & echo_server --port 0                   | what to look at      starts a server; {port} is its port from here on
    $ printf 'hi\\n' | nc -N 127.0.0.1 {port} | what to look at      runs a command of the shell; {examples} is their folder
    ^C                                       | what to look at      Ctrl-C to the server, which says its last words

The sentence comes after the last " | ". Steps run in the root of the tree; servers are stopped when the stage is done.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from test_runner import build, memory
from test_runner.progress import Board
from treadle_tools import build_folder, cli, stages, terminal

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES = 14  # of a step's output; a tour is short
STEP_SECONDS = 30
SHARED = "shared parts"


class TourError(Exception):
    """The tour cannot go on; the message says why and what to do."""


@dataclass(frozen=True)
class Step:
    """One line of a tour.txt."""

    kind: str  # "" for an example, "&" for a server, "$" for a command of the shell, "^" for Ctrl-C
    command: str
    look: str


Plan = dict[stages.Stage, list[Step]]


def parse(text: str, name: str) -> list[Step]:
    """The steps of a tour.txt; blank lines and # comments are left out."""
    steps = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        command, bar, look = line.rpartition(" | ")
        if not bar or not command.strip() or not look.strip():
            raise TourError(f"{name}:{number}: write `example arguments | what to look at`")
        kind = command[0] if command[:2] in ("& ", "$ ", "^C") else ""
        steps.append(Step(kind, command[2:].strip() if kind else command.strip(), look.strip()))
    return steps


def steps_of(stage: stages.Stage) -> list[Step]:
    path = stage.path / "examples/tour.txt"
    return parse(path.read_text(), f"{stage.name}/examples/tour.txt") if path.exists() else []


class Guide:
    """Shows the steps of one stage."""

    def __init__(self, stage: stages.Stage, tree: Path) -> None:
        self._examples = tree / "chapters" / stage.name / "examples"
        self._servers: list[subprocess.Popen[str]] = []
        self._port = "0"

    def show(self, step: Step) -> bool:
        """Run one step and print what it does; false where it failed."""
        command = step.command.replace("{port}", self._port).replace("{examples}", os.path.relpath(self._examples, ROOT))
        shown = "^C" if step.kind == "^" else f"$ {command}{' &' if step.kind == '&' else ''}"
        print(f"\n  Look: {step.look}\n  {shown}", flush=True)
        if step.kind == "&":
            return self._start(command)
        if step.kind == "^":
            return self._interrupt()
        words = ["sh", "-c", command] if step.kind == "$" else self._words(command)
        try:
            done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace", timeout=STEP_SECONDS)
        except subprocess.TimeoutExpired:
            return self._say(f"it did not end within {STEP_SECONDS} s and was stopped")
        except OSError as error:
            return self._say(f"it cannot be started: {error}")
        self._print(done.stdout)
        return done.returncode == 0 or self._say(f"it ended with status {done.returncode}")

    def stop_servers(self) -> None:
        for server in self._servers:
            server.terminate()
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            if server.stdout:
                server.stdout.close()
        self._servers.clear()

    def _words(self, command: str) -> list[str]:
        name, *arguments = shlex.split(command)
        return [str(self._examples / name), *arguments]

    def _start(self, command: str) -> bool:
        try:
            server = start_server(self._words(command), stderr=subprocess.STDOUT)
        except OSError as error:
            return self._say(f"it cannot be started: {error}")
        self._servers.append(server)
        first = (server.stdout.readline() if server.stdout else "").strip()
        self._print(first)
        self._port = port_of(first)
        return self._port != "0" or self._say("its first line names no port")

    def _interrupt(self) -> bool:
        """Ctrl-C to the server that was started last; what it says until it has ended."""
        if not self._servers:
            return self._say("there is no server to press Ctrl-C for")
        server = self._servers.pop()
        assert server.stdout is not None
        patience = threading.Timer(STEP_SECONDS, server.kill)
        patience.start()
        server.send_signal(signal.SIGINT)
        with server.stdout:
            self._print(server.stdout.read())
        patience.cancel()
        return server.wait() == 0 or self._say(f"it ended with status {server.returncode}")

    def _print(self, text: str) -> None:
        lines = text.splitlines()
        for line in lines[:MOST_LINES]:
            print(f"  {line}")
        if len(lines) > MOST_LINES:
            print(f"  ... and {len(lines) - MOST_LINES} more lines")
        sys.stdout.flush()

    def _say(self, sentence: str) -> bool:
        print(f"  ({sentence})", flush=True)
        return False


def start_server(words: Sequence[str], stderr: int | None = None) -> subprocess.Popen[str]:
    """Its first line of output names its port."""
    return subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True,
                            bufsize=1)


def port_of(first_line: str) -> str:
    """The port in `listening on 127.0.0.1:8000`, or "0"."""
    match = re.match(r"listening on \S*:(\d+)\s*$", first_line)
    return match.group(1) if match else "0"


def first_sight(steps: Sequence[Step]) -> list[Step]:
    """The first thing there is to see, with the servers that it needs: the tour of many stages must not take long."""
    shown: list[Step] = []
    for step in steps:
        shown.append(step)
        if step.kind != "&":
            break
    return shown


def plan(chosen: Sequence[stages.Stage]) -> dict[stages.Stage, list[Step]]:
    """What is shown of each stage: all of the last, the first sight of those before it."""
    return {stage: steps_of(stage) if stage is chosen[-1] else first_sight(steps_of(stage)) for stage in chosen}


def examples_of(steps: Sequence[Step]) -> list[str]:
    """The examples that the steps run, by name."""
    names = [name for step in steps for name in re.findall(r"\{examples\}/([\w-]+)", step.command)]
    names += [shlex.split(step.command)[0] for step in steps if step.kind in ("", "&")]
    return list(dict.fromkeys(names))


def targets(shown: Plan, also: Sequence[str] = ()) -> list[str]:
    """What has to be built: those examples, and `also` others of the last stage. The rest would take minutes."""
    last = list(shown)[-1]
    wanted = {stage: examples_of(steps) + (list(also) if stage is last else []) for stage, steps in shown.items()}
    return [f"example-{stage.name}-{name}" for stage, names in wanted.items() for name in dict.fromkeys(names)
            if (stage.path / f"examples/{name}.cpp").exists()] + [f"treadle-{stage.name}" for stage in shown]


def build_examples(shown: Plan, also: Sequence[str] = ()) -> Path:
    """Build what is shown, with a board of progress."""
    names = [stage.name for stage in shown]
    board = Board([SHARED, *names])
    board.update(SHARED, "configuring")
    tree = build.configure(ROOT, "dev", build.chosen_compiler())
    board.update(SHARED, "building")

    def on_step(stage: str, what: str, done: int, total: int) -> None:
        label = stage if stage in names else SHARED
        board.update(label, "building", now=what, done=done, total=total)

    result = build.run(tree, targets(shown, also), on_step)
    for label in [SHARED, *names]:
        board.update(label, "built" if result.code == 0 else "build failed", now="", done=1, total=1)
    board.close()
    if result.code != 0:
        build.print_complaints(result)
        raise TourError("The stages do not build; the compiler's words are above.")
    return tree


def tour(shown: Plan, tree: Path) -> bool:
    """Show every stage; true when each step went well."""
    well = True
    for stage, steps in shown.items():
        print(f"\n{stage.name}", flush=True)
        guide = Guide(stage, tree)
        try:
            for step in steps:
                well = guide.show(step) and well
        finally:
            guide.stop_servers()
        more = len(steps_of(stage)) - len(steps)
        if more:
            print(f"\n  {more} more to see: make demo CH={stage.number}", flush=True)
    return well


def check_port(port: int) -> None:
    """Say at once, before anything is built, that the book cannot be served there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except PermissionError:
            raise TourError(f"Port {port} belongs to root. Choose a higher one: make run PORT=8000.") from None
        except OSError as error:
            raise TourError(f"Port {port} is in use ({error.strerror}), perhaps by another `make run`. Stop that "
                            f"program, or choose another port: make run PORT={port + 1 if port < 65535 else 8000}, "
                            "or PORT=0 for any free one.") from None


def book_server(tree: Path) -> Path:
    """The newest stage's server for the book."""
    for stage in reversed(stages.stages(ROOT)):
        program = tree / "chapters" / stage.name / "examples/book_server"
        if program.exists():
            return program
    raise TourError("No stage has an example called book_server, so nothing can serve the book.")


def serve(tree: Path, port: int) -> int:
    """Serve the book until Ctrl-C; pass on the server's line per request."""
    pages = build_folder.of(ROOT) / "book/html"
    program = book_server(tree)
    print(f"\n$ {os.path.relpath(program, ROOT)} --host 127.0.0.1 --port {port} {os.path.relpath(pages, ROOT)}", flush=True)
    with terminal.ctrl_c_of_our_own():
        server = start_server([str(program), "--host", "127.0.0.1", "--port", str(port), str(pages)])
        signal.signal(signal.SIGTERM, lambda *_: server.terminate())
        try:
            show_lines(server)
            return max(server.wait(), 0)  # stopped by a signal is a good end
        except KeyboardInterrupt:  # the server has heard it too, and says what it still has to say
            print()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(STEP_SECONDS)
            return 0
        finally:
            server.terminate()
            server.wait()


def show_lines(server: subprocess.Popen[str]) -> None:
    """The server's lines, one a request, with the address of the book after the first."""
    assert server.stdout is not None
    for line in server.stdout:
        print(line, end="", flush=True)
        if line.startswith("listening on "):
            print(f"The book: http://127.0.0.1:{port_of(line)}/   (Ctrl-C ends)", flush=True)


def build_book() -> None:
    """Build the book, unless nothing in the tree has changed since it was built."""
    folder, now = build_folder.of(ROOT), memory.key(ROOT)
    mark = folder / ".results/book.key"
    if mark.exists() and mark.read_text() == now and (folder / "book/html/index.html").exists():
        return
    if subprocess.run([str(ROOT / "book/build")], cwd=ROOT).returncode != 0:
        raise TourError("The book does not build; the reason is above.")
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(now)


def run(options: argparse.Namespace) -> int:
    port = int(os.environ.get("PORT") or 8000)
    if options.serve:
        check_port(port)
    shown = plan([stages.find(options.stage, ROOT)] if options.stage else stages.stages(ROOT))
    with build_folder.locked("dev"):
        tree = build_examples(shown, ["book_server"] if options.serve else [])
        if options.serve:
            build_book()
        well = tour(shown, tree)
    if options.serve:
        return serve(tree, port)
    return 0 if well else 1


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Show each stage at work, and serve the book.")
    parser.add_argument("--stage", default="", metavar="03", help="this stage only")
    parser.add_argument("--serve", action="store_true", help="serve the book at the end, on port PORT")
    try:
        return run(parser.parse_args(argv))
    except stages.UnknownStage as error:
        print(error, file=sys.stderr)
        return 2
    except (TourError, build.BuildError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    cli.run(main, sys.argv[1:])
