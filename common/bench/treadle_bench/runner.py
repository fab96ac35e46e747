"""Runs one program once. Every child dies with the driver, whatever ends it."""

from __future__ import annotations

import ctypes
import json
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Callable

from . import peers
from .build import Build
from .errors import Trouble
from .rows import Row
from .workloads import BENCH, Workload

SECONDS_AT_MOST = 120
SECONDS_TO_LISTEN = 10
OPEN_FILES = 4096
PR_SET_PDEATHSIG = 1


def dies_with_us() -> Callable[[], None] | None:
    """What a child does before it becomes the program: asks Linux to kill it when the driver is gone."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def allow_many_files() -> None:
    """Raises the soft limit of open files: a server of 1000 connections needs more than the usual 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < enough:
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))


@dataclass(frozen=True)
class Sample:
    """What one run said: the figure per operation, and all it printed."""

    value: float
    raw: dict[str, object]


def sample_of(text: str, field: str = "total") -> Sample:
    raw = json.loads(text)
    return Sample(raw[field] / raw["operations"], raw)


class Runner:
    """Knows how to call the programs of a build."""

    def __init__(self, build: Build, python: str) -> None:
        self._build = build
        self._python = python

    def command(self, row: Row, workload: Workload, operations: int, warmup: int) -> list[str]:
        arguments = [workload.file, str(operations), str(warmup), *workload.parameters]
        if row.is_python:
            return [self._python, "-B", str(BENCH / "programs/python/main.py"), row.name, *arguments]
        return [str(self._build.program(row.program)), *arguments]

    def measure(self, row: Row, workload: Workload, divisor: int) -> Sample:
        """One repetition of one cell."""
        amount = row.amount(workload, divisor)
        if workload.is_file:
            return self._measure_file(row, workload, amount)
        if workload.is_served:
            return self._measure_echo(row, workload, amount)
        warmup = 0 if workload.kind == "memory" else max(1000, amount // 10 // 1000 * 1000)
        text = run_program(self.command(row, workload, amount, warmup))
        return sample_of(text, "wall" if workload.is_wall else "total")

    def _measure_echo(self, row: Row, workload: Workload, amount: int) -> Sample:
        with Server(self.command(row, workload, 1, 0)) as server:
            return self._load(server, server.port(), workload, amount)

    def _measure_file(self, row: Row, workload: Workload, amount: int) -> Sample:
        with tempfile.TemporaryDirectory() as name, (Path(name) / "log").open("w") as log:
            site = Site(Path(name))
            with Server(site.command(row, workload, self._build), log) as server:
                site.wait_until_served()
                return self._load(server, site.port, workload, amount, site.path, str(site.size))

    def _load(self, server: Server, port: int, workload: Workload, amount: int, *what: str) -> Sample:
        connections, busy = workload.connections
        numbers = (port, connections, busy, amount, max(amount // 10, 2 * connections), server.pid)
        try:
            return sample_of(run_program([str(self._build.program("load")), *map(str, numbers), *what]))
        except Trouble as error:
            raise Trouble(f"{error}{server.obituary()}") from None


class Site:
    """A folder with one file, and how a server of files is started on it."""

    path = "/file.txt"
    size = 4096

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "site").mkdir()
        (folder / "site/file.txt").write_text("x" * self.size)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    def command(self, row: Row, workload: Workload, build: Build) -> list[str]:
        if not row.is_nginx:
            return [str(build.program(row.file_server)), "--port", str(self.port), str(self._folder / "site")]
        template = (row.sources / f"{workload.file}.conf").read_text()
        config = self._folder / "nginx.conf"
        config.write_text(template.replace("PORT", str(self.port)).replace("FOLDER", str(self._folder)))
        return [peers.nginx() or "nginx", "-e", "stderr", "-p", str(self._folder), "-c", str(config)]

    def wait_until_served(self) -> None:
        end = time.monotonic() + SECONDS_TO_LISTEN
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.01)
        raise Trouble(f"the server did not listen within {SECONDS_TO_LISTEN} seconds")


def run_program(command: list[str], environment: dict[str, str] | None = None) -> str:
    """The last line that the program prints; Trouble where it fails or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_AT_MOST, check=False,
                              env=environment, preexec_fn=dies_with_us())
    except subprocess.TimeoutExpired:
        raise Trouble(f"it did not end within {SECONDS_AT_MOST} seconds") from None
    except OSError as error:
        raise Trouble(f"it cannot be started: {error}") from None
    if done.returncode != 0:
        raise Trouble(how_it_ended(done.returncode, done.stderr))
    return done.stdout.strip().split("\n")[-1]


def how_it_ended(status: int, errors: str) -> str:
    said = errors.strip().split("\n")[-1]
    how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    return f"{how}{': ' + said if said else ''}"


class Server:
    """A server for the time of a with block: started, an echo server asked for its port, killed."""

    def __init__(self, command: list[str], log: IO[str] | None = None) -> None:
        self._command = command
        self._log = log

    def __enter__(self) -> "Server":
        try:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=self._log or subprocess.PIPE,
                                             stderr=subprocess.PIPE, preexec_fn=dies_with_us())
        except OSError as error:
            raise Trouble(f"it cannot be started: {error}") from None
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        return self._process.pid

    def port(self) -> int:
        """The port that the server's first line names."""
        out = self._process.stdout
        assert out is not None
        readable, _, _ = select.select([out], [], [], SECONDS_TO_LISTEN)
        if not readable:
            raise Trouble(f"the server did not say `port N` within {SECONDS_TO_LISTEN} seconds")
        match = re.fullmatch(r"port (\d+)\n", out.readline().decode(errors="replace"))
        if match is None:
            raise Trouble(f"the server did not begin with `port N`: {self._last_words()}")
        return int(match[1])

    def obituary(self) -> str:
        """What to add to an error of the client: the server's end, if it has ended."""
        return f" (the server: {self._last_words()})" if self._process.poll() is not None else ""

    def _last_words(self) -> str:
        """Why a server that did not get as far as listening ended."""
        self._process.kill()
        _, errors = self._process.communicate()
        return how_it_ended(self._process.returncode, errors.decode(errors="replace"))
