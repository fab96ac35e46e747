"""What the kernel refuses for a moment ends no server, and what ends one is said in one sentence.

The kernel's errors are made by faulty_kernel.cpp, in real servers of every stage that has them.
"""

from __future__ import annotations

import errno
import os
import pty
import re
import signal
import socket
import subprocess
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from example_kit import BUILD, LIMIT, Client, Server, eventually, program
from treadle_tools import stages

PAGE = b"<h1>home</h1>"


def every(name: str) -> Iterator[stages.Stage]:
    """The stages that have this server."""
    return (stage for stage in stages.stages() if (stage.path / "examples" / f"{name}.cpp").exists())


class FaultTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.site = Path(folder.name)
        (self.site / "index.html").write_bytes(PAGE)

    def start(self, name: str, stage: stages.Stage, *options: str, **faults: tuple[int, int]) -> Server:
        words = [*options, str(self.site)] if name == "book_server" else options
        server = Server(name, *words, stage=stage, **faults)
        self.addCleanup(server.stop)
        return server

    def client(self, server: Server) -> Client:
        client = Client(server)
        self.addCleanup(client.socket.close)
        return client

    def echoes(self, server: Server) -> bool:
        client = self.client(server)
        client.send("hello")
        return client.socket.recv(10) == b"hello"


class Accepting(FaultTest):
    """accept(2): the errors of the network are those of one client."""

    PASSING = (errno.EHOSTDOWN, errno.ENONET, errno.EOPNOTSUPP, errno.ETIMEDOUT, errno.ECONNRESET, errno.EPROTO, errno.ENOMEM,
               errno.ENOBUFS, errno.ENETDOWN, errno.EPERM, errno.EIO)
    FINAL = (errno.EBADF, errno.ENOTSOCK, errno.EINVAL, errno.EFAULT)

    def test_an_error_that_belongs_to_a_client_or_to_the_moment_is_said_and_passes(self) -> None:
        for stage in every("echo_server"):
            for error in self.PASSING if stage.number == "03" else self.PASSING[:2]:
                with self.subTest(stage.name, error=errno.errorcode[error]):
                    server = self.start("echo_server", stage, accept=(error, 2))
                    self.assertTrue(self.echoes(server))
                    self.assertEqual(server.errors, [f"a client could not be accepted: {os.strerror(error)}"])
                    server.stop()

    def test_an_error_of_the_listening_socket_ends_the_server_with_one_sentence(self) -> None:
        for name in ("echo_server", "book_server", "echo_report"):
            for stage in every(name):
                for error in self.FINAL if stage.number == "03" else self.FINAL[:1]:
                    with self.subTest(f"{name} of {stage.name}", error=errno.errorcode[error]):
                        server = self.start(name, stage, accept=(error, 1000))
                        self.assertEqual(server.end(), 1)
                        self.assertEqual(len(server.errors), 1, server.errors)
                        self.assertRegex(server.errors[0], rf"^{name}: .*{os.strerror(error)}\.$")


class Waiting(FaultTest):
    def test_a_kernel_without_memory_for_poll_costs_no_client(self) -> None:
        for stage in every("echo_server"):
            for error in (errno.ENOMEM, errno.EAGAIN):
                server = self.start("echo_server", stage, poll=(error, 50))
                self.assertTrue(self.echoes(server), stage.name)
                self.assertEqual(server.errors, [])


class Files(FaultTest):
    """A call that says "try again" is tried again."""

    def statuses(self, stage: stages.Stage, requests: int, **faults: tuple[int, int]) -> list[int]:
        client = self.client(self.start("book_server", stage, **faults))
        responses = [client.get("/") for _ in range(requests)]
        self.assertTrue(all(response.body == PAGE for response in responses if response.status == 200))
        return [response.status for response in responses]

    @unittest.skipIf("portable" in str(BUILD), "it has no openat2")
    def test_a_file_is_found_although_something_is_renamed_meanwhile(self) -> None:
        for stage in every("book_server"):
            for error in (errno.EAGAIN, errno.EINTR):
                self.assertEqual(self.statuses(stage, 3, openat2=(error, 50)), [200] * 3, stage.name)

    @unittest.skipIf("portable" in str(BUILD), "it has no openat2")
    def test_a_file_that_cannot_be_had_for_long_is_unavailable(self) -> None:
        for stage in every("book_server"):
            self.assertEqual(self.statuses(stage, 2, openat2=(errno.EAGAIN, 100)), [503, 200], stage.name)

    def test_a_signal_in_a_read_cuts_no_answer_off(self) -> None:
        for stage in every("book_server"):
            self.assertEqual(self.statuses(stage, 2, pread=(errno.EINTR, 20)), [200] * 2, stage.name)


class Memory(FaultTest):
    """A server that asks the kernel for memory at each request pays more for that than for the request."""

    def page_faults(self, server: Server) -> int:
        stat = Path(f"/proc/{server.process.pid}/stat").read_text()
        return int(stat.rpartition(")")[2].split()[7])

    # glibc gives freed memory back at once, and not only under the load of a benchmark.
    @mock.patch.dict(os.environ, MALLOC_TRIM_THRESHOLD_="40000", MALLOC_TOP_PAD_="0")
    @unittest.skipIf("san" in str(BUILD), "a sanitizer keeps memory that was freed")
    def test_a_small_file_takes_no_new_pages(self) -> None:
        for stage in every("book_server"):
            server = self.start("book_server", stage)
            client = self.client(server)
            for _ in range(10):
                client.get("/")
            before = self.page_faults(server)
            for _ in range(200):
                client.get("/")
            self.assertLess(self.page_faults(server) - before, 200, stage.name)


class Logs(FaultTest):
    """Nobody reads what the server prints."""

    REQUESTS = 2000  # whose lines fill the pipe, and what the server keeps of them

    def unread(self, stage: stages.Stage) -> tuple[subprocess.Popen[bytes], int]:
        """A server whose output is read as far as the port and no further."""
        process = subprocess.Popen([program("book_server", stage), "--port", "0", str(self.site)], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, bufsize=0)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        assert process.stdout
        self.addCleanup(process.stdout.close)
        return process, int(process.stdout.readline().rsplit(b":")[-1])

    def ask(self, port: int, requests: int) -> None:
        with socket.create_connection(("127.0.0.1", port), LIMIT) as connection, connection.makefile("rb") as answers:
            for _ in range(requests):
                connection.sendall(b"GET /?" + b"x" * 150 + b" HTTP/1.1\r\nHost: here\r\n\r\n")
                length = 0
                for line in iter(answers.readline, b"\r\n"):
                    self.assertTrue(line, "the server closed")
                    length = int(line.split()[1]) if line.startswith(b"Content-Length") else length
                self.assertEqual(answers.read(length), PAGE)

    def test_all_are_served_and_the_lines_that_had_no_room_are_counted(self) -> None:
        for stage in every("book_server"):
            with self.subTest(stage.name):
                process, port = self.unread(stage)
                self.ask(port, self.REQUESTS)
                assert process.stdout
                lines = missing = 0
                while lines + missing < self.REQUESTS:
                    line = process.stdout.readline()
                    counted = re.fullmatch(rb"\(lines missing here, .*: (\d+)\)\n", line)
                    missing += int(counted.group(1)) if counted else 0
                    lines += not counted
                    self.assertTrue(counted or re.fullmatch(rb"GET /\?x{150} 200 13 \d+\.\d ms\n", line), line)
                self.assertGreater(missing, 0)
                self.ask(port, 1)
                self.assertTrue(process.stdout.readline().startswith(b"GET /?xx"))

    def test_a_terminal_that_was_stopped_stops_no_server(self) -> None:
        for stage in every("book_server"):
            with self.subTest(stage.name):
                ours, its = pty.openpty()
                self.addCleanup(os.close, ours)
                with open(its, "wb") as terminal:
                    process = subprocess.Popen([program("book_server", stage), "--port", "0", str(self.site)], stdin=terminal,
                                               stdout=terminal, stderr=terminal)
                self.addCleanup(process.wait)
                self.addCleanup(process.kill)
                first = b"".join(iter(lambda: os.read(ours, 1), b"\n"))
                self.ask(int(first.rsplit(b":")[-1]), self.REQUESTS)
                if stage.number >= "04":
                    process.send_signal(signal.SIGINT)
                    self.assertEqual(process.wait(LIMIT), 0)

    def test_ctrl_c_is_heard(self) -> None:
        for stage in every("book_server"):
            if stage.number >= "04":  # before, it ends any program at once
                process, port = self.unread(stage)
                self.ask(port, self.REQUESTS)
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(LIMIT), 0, stage.name)


class Crowds(FaultTest):
    """As many clients as may come, all slow, and one more."""

    def full(self, stage: stages.Stage) -> tuple[Server, list[Client]]:
        server = self.start("book_server", stage, "--visitors", "10", "--patience", "1h")
        clients = [self.client(server) for _ in range(10)]
        for client in clients:
            self.assertEqual(client.get("/").status, 200)
        return server, clients

    def ended(self, clients: list[Client]) -> list[int]:
        """Which of them have lost their place."""
        found = []
        for number, client in enumerate(clients):
            client.socket.setblocking(False)
            try:
                client.at_end()
                found.append(number)
            except BlockingIOError:
                pass
            except ConnectionError:
                found.append(number)
            client.socket.setblocking(True)
        return found

    def test_a_newcomer_gets_the_place_of_the_slowest(self) -> None:
        for stage in every("book_server"):
            with self.subTest(stage.name):
                server, clients = self.full(stage)
                clients[2].send("GET / HT")  # it begins to ask, and that is no progress
                self.assertEqual(clients[0].get("/").status, 200)
                for number, place in enumerate((1, 2, 3)):
                    self.assertEqual(self.client(server).get("/").status, 200)
                    self.assertEqual(self.ended(clients), list(range(1, place + 1)), number)
                self.assertEqual(clients[0].get("/").status, 200)
                self.assertEqual(len([line for line in server.errors if "10 clients are connected" in line]), 1)

    def test_who_does_not_read_an_answer_is_slow_as_well(self) -> None:
        (self.site / "big.bin").write_bytes(bytes(8_000_000))
        for stage in every("book_server"):
            with self.subTest(stage.name):
                server, clients = self.full(stage)
                for client in clients:
                    client.send("GET /big.bin HTTP/1.1\r\nHost: here\r\n\r\n")
                self.assertEqual(self.client(server).get("/").status, 200)
                self.assertTrue(eventually(lambda: sum("(cut off)" in line for line in server.log) == 1))


if __name__ == "__main__":
    unittest.main()
