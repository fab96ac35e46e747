"""The servers stop when they are told to, and lose no answer by it: real programs, real signals, and clients of all kinds.

What is promised: a request that the server had read when the signal came is answered, whole. Nobody new is let in. Who has
nothing under way is sent away at once; who is in the middle of something has a grace period; who is left then is cut off and
named. The status is 0. The second Ctrl-C leaves at once.

The server counts its descriptors at the end by itself, and ends with another status where one is left open.
"""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from collections.abc import Callable
from pathlib import Path

from example_kit import LIMIT, Client, Response, Server, eventually
from treadle_tools import stages

BIG = bytes(range(250)) * 32_000  # more than the kernel holds for a client who does not read
PAGE = b"<h1>home</h1>"
PIECES = bytes(range(200)) * 1500  # more than the server sends without letting others have their turn
ASK = "GET / HTTP/1.1\r\nHost: here\r\n\r\n"
ASK_BIG = "GET /big.bin HTTP/1.1\r\nHost: here\r\n\r\n"


def of_every_stage(test: Callable[[ServerTest], None]) -> Callable[[ServerTest], None]:
    """The same promise by every stage that can stop."""

    def repeated(self: ServerTest) -> None:
        for stage in stages.stages():
            if stage.number >= "04":
                with self.subTest(stage.name):
                    self.stage = stage
                    test(self)

    return repeated


class ServerTest(unittest.TestCase):
    stage: stages.Stage | None = None  # the newest

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.site = Path(folder.name)
        (cls.site / "index.html").write_bytes(PAGE)
        (cls.site / "big.bin").write_bytes(BIG)
        (cls.site / "pieces.bin").write_bytes(PIECES)

    def start(self, name: str, *options: str, port: int = 0, descriptors: int = 0) -> Server:
        server = Server(name, *options, port=port, descriptors=descriptors, stage=self.stage)
        self.addCleanup(server.stop)
        return server

    def book(self, *options: str) -> Server:
        """Its time limits are longer than any test, unless a test asks for another: a busy machine is no fault of a client."""
        limits = [word for name in ("--grace", "--patience") if name not in options for word in (name, "1h")]
        return self.start("book_server", *limits, *options, str(self.site))

    def client(self, server: Server) -> Client:
        client = Client(server)
        self.addCleanup(client.socket.close)
        return client

    def assert_ended_well(self, server: Server) -> None:
        self.assertEqual(server.end(), 0, server.errors)

    def assert_sent_away(self, client: Client) -> None:
        self.assertTrue(client.at_end())
        client.socket.close()

    def assert_refuses(self, server: Server) -> None:
        """It closes its listener a moment after it has said that it heard the signal."""

        def refuses() -> bool:
            try:
                server.connect().close()
                return False
            except ConnectionError:
                return True

        self.assertTrue(eventually(refuses))


def name_of(client: Client) -> str:
    host, port = client.socket.getsockname()
    return f"{host}:{port}"


def cut_off(server: Server) -> dict[str, str]:
    """Who was cut off, by address, and what each waited for."""
    found = (re.fullmatch(r"(\S+) did not finish, and is cut off: Task-\d+ (.*)", line) for line in server.errors)
    return {match.group(1): match.group(2) for match in found if match}


def told(server: Server, number: signal.Signals = signal.SIGINT) -> Server:
    """Send the signal, and wait until the server has heard it."""
    server.process.send_signal(number)
    if not eventually(lambda: f"cancelled by {number.name}" in server.errors):
        raise AssertionError(f"the server did not hear {number.name}: {server.errors}")
    return server


class Promises(ServerTest):
    """book_server with 60 clients of all kinds."""

    def busy(self, server: Server, text: str) -> Client:
        """A client whose answer has begun, and so was promised."""
        client = self.client(server)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(text)
        self.assertTrue(client.socket.recv(1, socket.MSG_PEEK))
        return client

    def idle(self, server: Server) -> Client:
        client = self.client(server)
        self.assertEqual(client.get("/").fields["connection"], "keep-alive")
        return client

    def halfway(self, server: Server) -> Client:
        client = self.client(server)
        client.send("GET / HTTP/1.1\r\nHo")
        return client

    def assert_big(self, response: Response) -> None:
        self.assertEqual(response.status, 200)
        self.assertTrue(response.body == BIG)  # assertEqual would print it

    @of_every_stage
    def test_under_load_with_clients_of_all_kinds(self) -> None:
        server = self.book("--grace", "1h")
        before = server.descriptors()
        busy = [self.busy(server, ASK_BIG) for _ in range(20)]
        pipelined = [self.busy(server, ASK_BIG + ASK * 5) for _ in range(5)]
        idle = [self.idle(server) for _ in range(15)]
        fresh = [self.client(server) for _ in range(5)]
        halfway = [self.halfway(server) for _ in range(12)]
        slow, endless, late = self.busy(server, ASK_BIG), self.halfway(server), self.halfway(server)
        late.send("st: he")
        # All are let in, and 26 files are open. What a client has sent is read before a signal is acted on.
        self.assertTrue(eventually(lambda: server.descriptors() == before + 60 + 26), server.descriptors())

        told(server)
        self.assert_refuses(server)
        for client in idle + fresh:
            self.assert_sent_away(client)  # now, and not when the hour is over
        for client in halfway:
            client.send("st: here\r\n\r\n")
            response = client.response()
            self.assertEqual((response.status, response.body, response.fields["connection"]), (200, PAGE, "close"))
            self.assert_sent_away(client)
        for client in busy:
            self.assert_big(client.response())
            self.assert_sent_away(client)
        for client in pipelined:
            self.assert_big(client.response())
            answers = [client.response() for _ in range(5)]
            self.assertEqual([answer.body for answer in answers], [PAGE] * 5)
            self.assertEqual([answer.fields["connection"] for answer in answers], ["keep-alive"] * 4 + ["close"])
            self.assert_sent_away(client)
        late.send("re\r\n\r\n")
        self.assertEqual(late.response().body, PAGE)
        self.assert_sent_away(late)

        # Two are left, and the file of one of them. The listener is gone.
        self.assertTrue(eventually(lambda: server.descriptors() == before + 3 - 1))
        server.process.send_signal(signal.SIGTERM)  # the grace period is over
        self.assert_ended_well(server)
        self.assertEqual(cut_off(server), {name_of(slow): f"waited for send to {name_of(slow)}",
                                           name_of(endless): f"waited for recv from {name_of(endless)}"})
        self.assertEqual(sum("(cut off)" in line for line in server.log), 1)

    @of_every_stage
    def test_who_has_asked_in_the_last_moment_is_answered(self) -> None:
        """The request and the signal come while the server does not look. It reads the one before it acts on the other."""
        server = self.book()
        clients = [self.idle(server) for _ in range(10)]
        server.process.send_signal(signal.SIGSTOP)
        for client in clients:
            client.send(ASK_BIG)
        server.process.send_signal(signal.SIGINT)
        server.process.send_signal(signal.SIGCONT)
        for client in clients:
            self.assert_big(client.response())
            self.assert_sent_away(client)
        self.assert_ended_well(server)

    def ask_until_it_ends(self, server: Server, whole: list[Response], torn: list[str]) -> None:
        try:
            with Client(server) as client:
                while True:
                    try:
                        whole.append(client.get("/pieces.bin"))
                    except OSError as error:
                        if client.received:
                            torn.append(f"{error}: {client.received[:100]!r}")
                        return
        except OSError:
            pass  # refused: it came too late

    @of_every_stage
    def test_what_the_server_says_it_answered_has_arrived(self) -> None:
        for delay in (0.05, 0.1, 0.15):
            server = self.book()
            whole: list[Response] = []
            torn: list[str] = []
            askers = [threading.Thread(target=self.ask_until_it_ends, args=(server, whole, torn)) for _ in range(50)]
            for asker in askers:
                asker.start()
            time.sleep(delay)
            server.process.send_signal(signal.SIGINT)
            for asker in askers:
                asker.join()
            self.assert_ended_well(server)
            self.assertEqual(torn, [])
            self.assertEqual(len(whole), sum(line.startswith("GET /pieces.bin 200 300000 ") for line in server.log))
            self.assertTrue(all(response.body == PIECES for response in whole))
            self.assertEqual(cut_off(server), {})

    def test_without_grace_all_are_cut_off_at_once(self) -> None:
        server = self.book("--grace", "0s")
        before = server.descriptors()
        clients = [self.busy(server, ASK_BIG), self.halfway(server), self.idle(server)]
        self.assertTrue(eventually(lambda: server.descriptors() == before + 3 + 1))
        server.process.send_signal(signal.SIGINT)
        self.assert_ended_well(server)
        self.assertTrue(any("to finish, there is 0" in line for line in server.errors), server.errors)
        self.assertLessEqual({name_of(client) for client in clients[:2]}, set(cut_off(server)))

    def test_when_no_more_may_come_it_still_hears(self) -> None:
        server = self.book("--visitors", "1", "--grace", "100ms")
        first, second = self.idle(server), self.client(server)
        self.assertTrue(eventually(lambda: any("further ones" in line for line in server.errors)))
        told(server)
        self.assertTrue(first.at_end())
        with self.assertRaises(ConnectionError):
            second.get("/")
        self.assert_ended_well(server)


class Echoes(ServerTest):
    @of_every_stage
    def test_under_load_every_byte_that_was_read_comes_back(self) -> None:
        server = self.start("echo_server", "--grace", "1h")
        clients = [self.client(server) for _ in range(60)]
        sent = [bytes([number]) * 50_000 for number in range(60)]
        for client, text in zip(clients, sent):
            client.send(text)
            self.assertTrue(client.socket.recv(1, socket.MSG_PEEK))
        told(server)
        self.assert_refuses(server)
        for client, text in zip(clients, sent):
            client.send(text)  # who is connected may go on
            client.socket.shutdown(socket.SHUT_WR)
            received = b"".join(iter(lambda: client.socket.recv(65536), b""))
            self.assertEqual(received, text * 2)
        self.assert_ended_well(server)  # when all have finished, the rest of the hour is not waited for
        self.assertEqual(cut_off(server), {})

    @of_every_stage
    def test_who_does_not_finish_is_named(self) -> None:
        server = self.start("echo_server", "--grace", "300ms")
        silent, deaf = self.client(server), self.client(server)
        deaf.socket.settimeout(2)
        with self.assertRaises(TimeoutError):  # when all buffers are full, and not only because the server is slow
            while True:
                deaf.send(b"x" * 100_000)
        told(server)
        self.assert_ended_well(server)
        self.assertEqual(cut_off(server), {name_of(silent): f"waited for recv from {name_of(silent)}",
                                           name_of(deaf): f"waited for send to {name_of(deaf)}"})
        self.assertTrue(silent.at_end())

    @unittest.skipUnless(shutil.which("nc"), "nc is not installed")
    def test_nc(self) -> None:
        server = self.start("echo_server", "--grace", "300ms")
        nc = subprocess.Popen(["nc", "127.0.0.1", str(server.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(nc.wait)
        assert nc.stdin and nc.stdout
        self.addCleanup(nc.stdout.close)
        self.addCleanup(nc.stdin.close)
        nc.stdin.write(b"hello\n")
        nc.stdin.flush()
        self.assertEqual(nc.stdout.readline(), b"hello\n")
        told(server)
        self.assert_ended_well(server)
        self.assertEqual(len(cut_off(server)), 1)
        nc.stdin.close()
        self.assertEqual(nc.wait(LIMIT), 0)

    def test_without_descriptors_left_it_still_hears(self) -> None:
        server = self.start("echo_server", "--grace", "100ms", descriptors=20)
        clients = [self.client(server) for _ in range(30)]
        self.assertTrue(eventually(lambda: any("too many open files" in line for line in server.errors)))
        told(server)
        self.assert_ended_well(server)
        self.assertGreater(len(clients), len(cut_off(server)))


class Signals(ServerTest):
    @of_every_stage
    def test_before_any_client_and_as_soon_as_it_listens(self) -> None:
        for name in ("echo_server", "book_server"):
            for number in (signal.SIGINT, signal.SIGTERM) * 5:
                server = self.start(name)
                server.process.send_signal(number)
                self.assert_ended_well(server)
                self.assertIn(server.errors, ([f"cancelled by {number.name}"], []))

    def test_a_second_one_leaves_at_once(self) -> None:
        for name in ("echo_server", "book_server"):
            for number in (signal.SIGINT, signal.SIGTERM):
                server = self.start(name, "--grace", "1h")
                before = server.descriptors()
                client = self.client(server)
                client.send("GET")
                self.assertTrue(eventually(lambda: server.descriptors() == before + 1))
                told(server, number)
                server.process.send_signal(number)
                self.assertEqual(server.end(), -number)

    def test_the_other_one_cuts_the_grace_short(self) -> None:
        server = self.start("echo_server", "--grace", "1h")
        client = self.client(server)
        client.send("hello")
        self.assertEqual(client.socket.recv(5), b"hello")
        told(server, signal.SIGINT)
        server.process.send_signal(signal.SIGTERM)
        self.assert_ended_well(server)
        self.assertEqual(list(cut_off(server)), [name_of(client)])

    def test_the_port_is_free_again(self) -> None:
        server = self.start("echo_server", "--grace", "100ms")
        client = self.client(server)
        client.send("hello")
        self.assertEqual(client.socket.recv(5), b"hello")
        told(server)
        self.assert_ended_well(server)
        again = self.start("echo_server", port=server.port)
        self.assertEqual(again.port, server.port)


if __name__ == "__main__":
    unittest.main()
