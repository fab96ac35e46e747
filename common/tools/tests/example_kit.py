"""What the tests of the examples share: where the programs are, servers that are stopped again, and HTTP by hand.

Real clients are too polite to test a server: they cannot send a request with two lengths, or vanish in the middle.
So the responses are read here, byte by byte, as the standard says.
"""

from __future__ import annotations

import os
import re
import socket
import shutil
import struct
import subprocess
import tempfile
import threading
import time
import unittest
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from treadle_tools import build_folder, stages

BUILD = Path(os.environ.get("TREADLE_BUILD", build_folder.of() / "dev"))
LIMIT = 60.0  # seconds, for what would wait forever. No test demands that something happens within a time.


def program(name: str, stage: stages.Stage | None = None) -> str:
    """The path of an example, of the newest stage unless told otherwise; skips the test where it is not built, unless
    TREADLE_BUILT=1 promises that it is."""
    path = BUILD / "chapters" / (stage or stages.newest()).name / "examples" / name
    if not path.exists():
        trouble = AssertionError if os.environ.get("TREADLE_BUILT") == "1" else unittest.SkipTest
        raise trouble(f"{path} is not built: cmake --preset dev && cmake --build --preset dev")
    return str(path)


def run(*words: str, stdin: str = "", timeout: float = LIMIT) -> subprocess.CompletedProcess[str]:
    """Run an example of the newest stage, or any other program whose path is given, to its end."""
    command = [words[0] if "/" in words[0] else program(words[0]), *words[1:]]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, cwd=stages.ROOT)


@cache
def _faulty_kernel() -> tuple[Any, str]:
    """faulty_kernel.cpp as a library, and the folder that holds it for as long as the tests run."""
    compiler = shutil.which("clang++-19") or shutil.which("g++")
    if not compiler:
        raise unittest.SkipTest("there is no compiler")
    folder = tempfile.TemporaryDirectory()
    library = f"{folder.name}/faulty_kernel.so"
    subprocess.run([compiler, "-std=c++20", "-O1", "-shared", "-fPIC", str(Path(__file__).with_name("faulty_kernel.cpp")),
                    "-ldl", "-o", library], check=True)
    return folder, library


def kernel_with(**faults: tuple[int, int]) -> dict[str, str]:
    """The environment of a program whose system calls fail: `accept=(errno.EIO, 3)` fails three times, and then works."""
    plan = " ".join(f"{call}={error}*{times}" for call, (error, times) in faults.items())
    return {**os.environ, "LD_PRELOAD": _faulty_kernel()[1], "TREADLE_FAULTS": plan} if faults else dict(os.environ)


class Server:
    """An example that listens, on a port of its own, until stop()."""

    def __init__(self, name: str, *arguments: str, port: int = 0, descriptors: int = 0,
                 stage: stages.Stage | None = None, **faults: tuple[int, int]) -> None:
        limit = f"ulimit -n {descriptors}; " if descriptors else ""
        self.process = subprocess.Popen(
            ["sh", "-c", limit + 'exec "$@"', "sh", program(name, stage), "--port", str(port), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=kernel_with(**faults))
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        match = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", first)
        if not match:
            raise AssertionError(f"the first line is {first!r}, and then: {self.process.communicate()}")
        self.port = int(match.group(1))
        self.log: list[str] = []
        self.errors: list[str] = []
        self._readers = [threading.Thread(target=self._collect, args=pair, daemon=True)
                         for pair in ((self.process.stdout, self.log), (self.process.stderr, self.errors))]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _collect(pipe: Any, lines: list[str]) -> None:
        for line in pipe:
            lines.append(line.rstrip("\n"))

    def connect(self, timeout: float = LIMIT) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def alive(self) -> bool:
        return self.process.poll() is None

    def end(self) -> int:
        """Wait until the server has ended by itself and all that it said is in log and errors; its status."""
        status = self.process.wait(LIMIT)
        for reader in self._readers:
            reader.join(LIMIT)
        return status

    def stop(self) -> None:
        """No farewell: the clients of a test may still be connected, and a polite server would wait for them."""
        self.process.kill()
        self.process.wait(LIMIT)
        for reader in self._readers:
            reader.join(LIMIT)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


@dataclass(frozen=True)
class Response:
    status: int
    fields: dict[str, str]
    body: bytes


class Client:
    """A connection on which responses are read one after the other."""

    def __init__(self, server: Server, timeout: float = LIMIT) -> None:
        self.socket = server.connect(timeout)
        self.received = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, text: str | bytes) -> None:
        self.socket.sendall(text if isinstance(text, bytes) else text.encode("latin-1"))

    def get(self, path: str, fields: str = "", method: str = "GET") -> Response:
        self.send(f"{method} {path} HTTP/1.1\r\nHost: here\r\n{fields}\r\n")
        return self.response(method)

    def response(self, method: str = "GET") -> Response:
        while b"\r\n\r\n" not in self.received:
            self._more()
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        status = int(first.split(" ")[1])
        length = 0 if method == "HEAD" or status == 304 else int(fields["content-length"])
        while len(self.received) < length:
            self._more()
        body, self.received = self.received[:length], self.received[length:]
        return Response(status, fields, body)

    def at_end(self) -> bool:
        """True when the server has nothing more to say and has closed."""
        return self.received == b"" and self.socket.recv(1) == b""

    def vanish(self) -> None:
        """Reset the connection, as a crashed machine would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _more(self) -> None:
        more = self.socket.recv(65536)
        if not more:
            raise ConnectionError(f"the server closed after {self.received[:200]!r}")
        self.received += more


def ask(server: Server, request: str | bytes, method: str = "GET") -> Response:
    """Send `request` as it stands on a connection of its own."""
    with Client(server) as client:
        client.send(request)
        return client.response(method)


def eventually(condition: Callable[[], bool], seconds: float = LIMIT) -> bool:
    """Whether `condition` comes true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def lines_of(text: str) -> Sequence[str]:
    return text.splitlines()
