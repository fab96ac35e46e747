"""The examples do what the book says they do, in every stage, and the servers stand up to rude clients."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import tour
from example_kit import BUILD, LIMIT, Client, Response, Server, ask, eventually, program, run
from treadle_tools import stages

ROOT = stages.ROOT
BIG = 20_000_000
HOST = "Host: here\r\n"

# The examples that a stage teaches anew. Everywhere else an example stays what it was.
TAUGHT = {"04-cancellation": {"echo_server.cpp", "book_server.cpp", "support/server.hpp", "support/server.cpp"}}


def sources(stage: stages.Stage) -> dict[str, bytes]:
    """An example's files by their path in examples/; the tour is each stage's own."""
    folder = stage.path / "examples"
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*") if path.is_file() and path.name != "tour.txt"}


class EveryStage(unittest.TestCase):
    def test_later_stages_keep_to_the_byte_the_examples_that_they_do_not_teach(self) -> None:
        known: dict[str, bytes] = {}
        for stage in stages.stages():
            here = sources(stage)
            for name, text in known.items():
                if name not in TAUGHT.get(stage.name, set()):
                    self.assertEqual(here.get(name), text, f"{stage.name}/examples/{name}")
            known = here

    def test_every_stage_runs_the_first_program(self) -> None:
        for stage in stages.stages():
            done = run(program("hello_loop", stage))
            self.assertEqual(done.stdout, "tick 1\ntock 1\ntick 2\ntock 2\ntick 3\n", stage.name)

    def test_every_stage_counts_words(self) -> None:
        for stage in stages.stages():
            done = run(program("word_count", stage), "LICENSE")
            self.assertEqual(done.stdout.splitlines()[0].split(), wc("LICENSE"), stage.name)

    def test_a_tour_names_examples_that_there_are(self) -> None:
        for stage in stages.stages():
            steps = tour.steps_of(stage)
            self.assertTrue(steps, f"{stage.name} has no examples/tour.txt")
            for step in steps:
                if step.kind not in ("$", "^"):
                    program(step.command.split()[0], stage)


def wc(name: str) -> list[str]:
    return subprocess.run(["wc", name], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()


class WordCount(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, name: str, text: str) -> str:
        path = Path(self.folder.name, name)
        path.write_text(text)
        return str(path)

    def test_counts_as_wc_does(self) -> None:
        names = [self.file("empty", ""), self.file("odd", "no newline\n\n  at the end"), self.file("x", "a b\tc\n" * 250)]
        done = run("word_count", *names)
        self.assertEqual([line.split() for line in done.stdout.splitlines()[:3]], [wc(name) for name in names])
        self.assertEqual(done.returncode, 0)

    def test_files_take_turns(self) -> None:
        done = run("word_count", self.file("a", "x\n" * 50), self.file("b", "x\n" * 350), self.file("c", "x\n" * 250))
        self.assertEqual(done.stdout.splitlines()[-1], "turns: abcbcbcb")

    def test_a_missing_file_is_named_and_the_others_are_counted(self) -> None:
        done = run("word_count", "/no/such/file", self.file("a", "one two\n"), self.folder.name)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/no/such/file: No such file or directory", done.stderr)
        self.assertIn(f"{self.folder.name}: Is a directory", done.stderr)
        self.assertEqual(done.stdout.split()[:3], ["1", "2", "8"])

    def test_without_files_it_says_how_to_call_it(self) -> None:
        done = run("word_count")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("word_count FILE...", done.stderr)


class Waiting(unittest.TestCase):
    def test_spinning_turns_all_the_time(self) -> None:
        match = re.fullmatch(r"waited 300 ms: (\d+) turns of the loop, (\d+) ms of processor time\n", run("spinning").stdout)
        assert match
        self.assertGreater(int(match.group(1)), 1000)
        self.assertGreater(int(match.group(2)), 50)

    def test_the_ticker_is_never_early_and_does_not_drift(self) -> None:
        done = run("ticker", "--for", "1s", "every 100ms say tick", "after 250ms say once")
        ticks = [float(line.split("s", 1)[0]) for line in done.stdout.splitlines() if line.endswith("tick")]
        self.assertEqual(len(ticks), 10)
        for number, stamp in enumerate(ticks, 1):
            self.assertGreaterEqual(round(stamp * 1000), number * 100)
            self.assertLess(stamp, number * 0.1 + 0.09)
        self.assertEqual(done.stdout.count("once"), 1)

    def test_the_ticker_reads_a_schedule_and_words_without_quotes(self) -> None:
        schedule = ROOT / "chapters/02-sleep/examples/kitchen.schedule"
        self.assertIn("stir the soup", run("ticker", "--for", "600ms", "--schedule", str(schedule)).stdout)
        self.assertIn("hello you", run("ticker", "--for", "100ms", "every", "50ms", "say", "hello", "you").stdout)

    def test_the_ticker_sleeps_between_ticks(self) -> None:
        before = os.times().children_user + os.times().children_system
        run("ticker", "--for", "1s", "every 100ms say tick")
        self.assertLess(os.times().children_user + os.times().children_system - before, 0.3)

    def test_the_ticker_says_what_is_wrong(self) -> None:
        for words, sentence in (
            (["evry 2s say x"], "write `every 2s say hello`"),
            (["every 2s shout x"], "write `every 2s say hello`"),
            (["every 2x say x"], "not `2x`"),
            (["every 0s say x"], "no period"),
            (["--for", "soon", "every 2s say x"], "not `soon`"),
            (["--schedule", "/no/such"], "/no/such cannot be read"),
            (["--fro", "2s"], "--fro"),
            ([], "nothing to say"),
        ):
            done = run("ticker", *words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(sentence, done.stderr)

    def test_deaf_stands_still_while_it_listens(self) -> None:
        with subprocess.Popen([program("deaf")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin and process.stdout
            said = "".join(iter(process.stdout.readline, "Say something:\n"))
            time.sleep(0.5)  # meanwhile its clock stands still
            rest, _ = process.communicate("hi\n", timeout=LIMIT)
        late = [int(number) for number in re.findall(r"tick \d+, (\d+) ms late", said + rest)]
        self.assertEqual(len(late), 10)
        self.assertGreater(max(late), 200)
        self.assertIn("I heard: hi", rest)


class Cancelling(unittest.TestCase):
    def test_patient_hears_each_request_in_its_own_way(self) -> None:
        done = run("patient")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        said = [re.sub(r"^ *\d+\.\ds +(the \S+(?: one)?) +", r"\1: ", line) for line in done.stdout.splitlines()]
        for name, words in (
            ("the unborn", ["is cancelled"]),
            ("the tidy one", ["is cancelled by Task-1: dinner is ready", "has cleaned up for 200 ms", "puts the tools away", "is cancelled"]),
            ("the stubborn", ["is cancelled by Task-1: dinner is ready, 1 of 2", "is cancelled by Task-1: it is getting cold, 2 of 2",
                              "says: all right then"]),
            ("the hurried", ["is cancelled because time is up", "says: something else then"]),
        ):
            self.assertEqual([line.removeprefix(f"{name}: ") for line in said if line.startswith(name)], words)

    def test_patient_hears_ctrl_c_too(self) -> None:
        process = subprocess.Popen([program("patient")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=LIMIT)
        self.assertEqual(process.returncode, -signal.SIGINT)
        for words in ("the hurried    is cancelled because the loop closes", "the tidy one   puts the tools away",
                      "the stubborn   is cancelled because the loop closes, 2 of 2"):
            self.assertIn(words, said)
        self.assertEqual(errors, "")

    def test_scratch_leaves_no_file_but_as_before(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for how, stays in ((["--as-before"], True), ([], False)):
                file = Path(folder, "notes")
                process = subprocess.Popen([program("scratch"), str(file), *how], stderr=subprocess.DEVNULL)
                self.assertTrue(eventually(lambda: file.exists() and file.stat().st_size > 0))
                time.sleep(0.1)
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(LIMIT), -signal.SIGINT)
                self.assertEqual(file.exists(), stays)

    def two_threads(self, stage: stages.Stage) -> tuple[int, bool]:
        """How late the loop was that slept, in ms, and whether the one that ran was broken in any round."""
        said = run(program("two_threads", stage)).stdout
        late = re.search(r"ran (\d+) ms after it was called", said)
        assert late, said
        return int(late.group(1)), bool(re.search(r"ended by SIG|hangs|calls while it runs: [1-9]\d* of", said))

    def test_two_threads_break_a_loop_until_one_is_made_for_them(self) -> None:
        for stage in stages.stages():
            if stage.number == "04":
                runs = [self.two_threads(stage)]
                while not runs[-1][1] and len(runs) < 20:  # four rounds of five, but seldom on one processor
                    runs.append(self.two_threads(stage))
                self.assertGreater(max(late for late, _ in runs), 200)
                self.assertTrue(runs[-1][1], runs)
            elif stage.number > "04":
                runs = [self.two_threads(stage)]
                while runs[-1][0] >= 200 and len(runs) < 20:  # on a busy machine any thread may come late
                    runs.append(self.two_threads(stage))
                self.assertLess(runs[-1][0], 200, stage.name)
                self.assertFalse(any(broken for _, broken in runs), stage.name)


class Flags(unittest.TestCase):
    """What is wrong is said in a sentence, and nothing is served."""

    def test_bad_flags(self) -> None:
        for server in ("echo_server", "book_server"):
            for words, status, sentence in (
                (["--port", "abc"], 2, "--port: a number from 0 to 65535 is needed, not `abc`"),
                (["--port", "65536"], 2, "not `65536`"),
                (["--port", "-1"], 2, "-1"),
                (["--port"], 2, "--port"),
                (["--prot", "1"], 2, "--prot"),
                (["--host", "no.such.host", "--port", "0"], 2, "no.such.host"),
                (["--host", "192.0.2.1", "--port", "0"], 1, "192.0.2.1 is no address of this machine"),
            ):
                done = run(server, *words)
                self.assertEqual((done.returncode, done.stdout), (status, ""), words)
                self.assertIn(sentence, done.stderr)
                self.assertTrue(done.stderr.startswith(f"{server}: "))

    def test_a_busy_port(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = str(other.getsockname()[1])
            for server in ("echo_server", "book_server"):
                done = run(server, "--port", port)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                for words in (f"port {port} is in use", "ss -ltnp", "--port"):
                    self.assertIn(words, done.stderr)

    def test_a_folder_that_is_none(self) -> None:
        for folder, sentence in (("/no/such", "No such file"), ("/etc/passwd", "Not a directory")):
            done = run("book_server", "--port", "0", folder)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"{folder}: {sentence}", done.stderr)

    def test_help(self) -> None:
        done = run("book_server", "--help")
        self.assertEqual(done.returncode, 0)
        for flag in ("--host", "--port", "--grace", "--patience", "--visitors"):
            self.assertIn(flag, done.stdout)

    def test_nobody_at_the_other_end(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = str(other.getsockname()[1])
        done = run("echo_client", "--port", port, "hello")
        self.assertEqual(done.returncode, 1)
        self.assertIn("Connection refused. Does echo_server run there?", done.stderr)


class Echo(unittest.TestCase):
    def setUp(self) -> None:
        self.server = Server("echo_server")
        self.addCleanup(self.server.stop)
        self.port = ["--port", str(self.server.port)]

    def test_the_client_prints_what_comes_back(self) -> None:
        self.assertEqual(run("echo_client", *self.port, "hello", "you").stdout, "hello you\n")
        self.assertEqual(run("echo_client", *self.port, stdin="one\n\ntwo").stdout, "one\n\ntwo\n")

    @unittest.skipUnless(shutil.which("nc"), "nc is not installed")
    def test_nc_talks_to_it(self) -> None:
        text = "x" * 200_000 + "\n"
        done = subprocess.run(["nc", "-N", "127.0.0.1", str(self.server.port)], input=text, capture_output=True, text=True, timeout=LIMIT)
        self.assertEqual(done.stdout, text)

    def test_a_thousand_connections_lose_no_byte(self) -> None:
        done = run("echo_client", *self.port, "--connections", "1000", "--bytes", "30000", timeout=2 * LIMIT)
        self.assertIn("1000 connections, 30000 bytes each way on each, none lost", done.stdout, done.stderr)

    def test_the_client_notices_a_wrong_byte_and_a_lost_one(self) -> None:
        for lie in (b"\0" * 1000, b""):
            with socket.create_server(("127.0.0.1", 0)) as liar:
                client = subprocess.Popen([program("echo_client"), "--port", str(liar.getsockname()[1]), "--connections", "1",
                                           "--bytes", "1000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                connection, _ = liar.accept()
                connection.sendall(lie)
                connection.shutdown(socket.SHUT_WR)
                _, errors = client.communicate(timeout=LIMIT)
                connection.close()
            self.assertEqual(client.returncode, 1)
            self.assertRegex(errors, "a wrong byte after 0" if lie else "the stream ended after 0 of 1000 bytes")

    def test_clients_that_vanish_leave_nothing_behind(self) -> None:
        before = self.server.descriptors()
        for _ in range(300):
            client = Client(self.server)
            client.send(b"x" * 5000)
            client.vanish()
        self.assertTrue(eventually(lambda: self.server.descriptors() == before))
        self.assertEqual(run("echo_client", *self.port, "still here").stdout, "still here\n")


class Crowd(unittest.TestCase):
    """More clients than descriptors."""

    @unittest.skipIf("asan" in str(BUILD), "the sanitizer itself opens pipes to look at memory")
    def test_the_echo_server_goes_on_with_those_it_has(self) -> None:
        server = Server("echo_server", descriptors=32)
        self.addCleanup(server.stop)
        clients = [Client(server) for _ in range(60)]
        self.assertTrue(eventually(lambda: bool(server.errors)))
        for client in clients[:20]:
            client.send(b"hello")
            self.assertEqual(client.socket.recv(10), b"hello")
        for client in clients[:40]:
            client.socket.close()
        clients[59].send(b"at last")
        self.assertEqual(clients[59].socket.recv(10), b"at last")
        self.assertEqual(len(server.errors), 1, server.errors)
        self.assertIn("too many open files", server.errors[0])
        for client in clients[40:]:
            client.socket.close()

    def test_the_book_server_serves_one_after_the_other(self) -> None:
        server = Server("book_server", str(ROOT), descriptors=32)
        self.addCleanup(server.stop)
        clients = [Client(server) for _ in range(60)]
        for client in clients:  # all ask before the first is read: who asks late may have lost its place
            client.send(f"GET /LICENSE HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n")
        for client in clients:
            self.assertEqual(client.response().status, 200)
            client.socket.close()
        self.assertTrue(any("clients are connected" in line for line in server.errors), server.errors)

    def test_a_thousand_visitors_at_a_time(self) -> None:
        server = Server("book_server", "--visitors", "1100", str(ROOT))
        self.addCleanup(server.stop)
        clients = [Client(server) for _ in range(1000)]
        for client in clients:
            client.send(f"GET /LICENSE HTTP/1.1\r\n{HOST}\r\n")
        text = (ROOT / "LICENSE").read_bytes()
        self.assertTrue(all(client.response().body == text for client in clients))
        for client in clients:
            client.socket.close()


def make_site(folder: Path) -> None:
    (folder / "outside").mkdir()
    (folder / "outside/secret.txt").write_text("SECRET")
    site = folder / "site"
    for name, text in {
        "index.html": "<h1>home</h1>", "style.css": "h1 {}", "app.js": "1;", "logo.svg": "<svg/>", "a b+ü.txt": "spaced",
        "noext": "?", "docs/index.html": "docs", "docs/page.html": "page", ".hidden": "SECRET", ".git/config": "SECRET",
        "empty.txt": "", "100%.txt": "percent", "odd/index.html/x.txt": "x", "bare/x.txt": "x", "..two.txt": "SECRET",
    }.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    (site / "big.bin").write_bytes(os.urandom(BIG // 10) * 10)
    (site / "out.txt").symlink_to(folder / "outside/secret.txt")
    (site / "up.txt").symlink_to("../outside/secret.txt")
    (site / "outdir").symlink_to(folder / "outside")
    (site / "docs/updir").symlink_to("../../outside")
    (site / "proc").symlink_to("/proc/self/root")
    (site / "in.html").symlink_to("docs/page.html")
    os.mkfifo(site / "pipe")


class WithSite(unittest.TestCase):
    """A server for the whole class, and a folder for it."""

    server: Server
    folder: tempfile.TemporaryDirectory[str]
    site: Path
    options: tuple[str, ...] = ("--patience", "1h")

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        make_site(Path(cls.folder.name))
        cls.site = Path(cls.folder.name, "site")
        cls.server = Server("book_server", *cls.options, str(cls.site))
        cls.addClassCleanup(cls.server.stop)

    def get(self, path: str, fields: str = "", method: str = "GET") -> Response:
        with Client(self.server) as client:
            return client.get(path, fields, method)

    def assert_serves_others(self) -> None:
        """While the clients of the test are connected. The server is more patient with them than this test is with it."""
        self.assertEqual(self.get("/").status, 200)


class Pages(WithSite):
    def test_files_and_their_types(self) -> None:
        for path, kind, text in (
            ("/", "text/html; charset=utf-8", "<h1>home</h1>"), ("/index.html", "text/html; charset=utf-8", "<h1>home</h1>"),
            ("/?q=1", "text/html; charset=utf-8", "<h1>home</h1>"), ("/style.css?v=2", "text/css; charset=utf-8", "h1 {}"),
            ("/app.js", "text/javascript; charset=utf-8", "1;"), ("/logo.svg", "image/svg+xml", "<svg/>"),
            ("/a%20b+%C3%BC.txt", "text/plain; charset=utf-8", "spaced"), ("/noext", "application/octet-stream", "?"),
            ("/docs/", "text/html; charset=utf-8", "docs"), ("/empty.txt", "text/plain; charset=utf-8", ""),
            ("/100%25.txt", "text/plain; charset=utf-8", "percent"), ("/in.html", "text/html; charset=utf-8", "page"),
            ("http://here/docs/page.html", "text/html; charset=utf-8", "page"), ("HTTP://here", "text/html; charset=utf-8", "<h1>home</h1>"),
        ):
            with self.subTest(path):
                response = self.get(path)
                self.assertEqual((response.status, response.fields["content-type"], response.body.decode()), (200, kind, text))
                self.assertRegex(response.fields["date"], r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")

    def test_a_folder_without_its_slash_is_redirected(self) -> None:
        self.assertEqual(self.get("/docs").status, 301)
        self.assertEqual(self.get("/docs").fields["location"], "/docs/")
        self.assertEqual(self.get("/docs?a=b").fields["location"], "/docs/?a=b")

    def test_what_is_not_there(self) -> None:
        for path in ("/nope", "/docs/nope.html", "/bare/", "/index.html/", "/index.html/x", "/odd/", "//docs/", "/docs//page.html",
                     "/" + "a" * 300, "/" + "a/" * 3000, "/.hidden", "/.git/config", "/..two.txt"):
            self.assertEqual(self.get(path).status, 404, path[:50])
        self.assertEqual(self.get("/pipe").status, 403)

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_what_may_not_be_read(self) -> None:
        (self.site / "closed.txt").write_text("x")
        (self.site / "closed.txt").chmod(0)
        self.assertEqual(self.get("/closed.txt").status, 403)

    def test_no_path_leads_out(self) -> None:
        up = ("..", "%2e%2e", "%2E%2e", ".%2e", "..%00", "%2e%2e%2f", "..%2f", "..%5c", "..\\", "%252e%252e", "....", "%c0%ae%c0%ae", "..;")
        paths = [f"/{dots}/outside/secret.txt" for dots in up] + [f"/docs/{dots}/{dots}/outside/secret.txt" for dots in up]
        paths += ["/out.txt", "/up.txt", "/outdir/secret.txt", "/docs/updir/secret.txt", f"/proc{self.folder.name}/outside/secret.txt"]
        paths += [f"{lead}{self.folder.name}/outside/secret.txt" for lead in ("", "/", "//", "file://", "http:///", "/%2f", "/./")]
        paths += [f"http://x/../outside/secret.txt", f"http://x{'/..' * 9}/etc/passwd", "/docs/page.html/../../../outside/secret.txt"]
        for path in paths:
            response = self.get(path)
            self.assertIn(response.status, (400, 404), path)
            self.assertNotIn(b"SECRET", response.body)

    def test_a_link_swapped_in_under_load_never_leads_out(self) -> None:
        """The folder changes between two requests on one connection; no old answer is trusted."""
        name = self.site / "swap.txt"
        with Client(self.server) as client:
            for _ in range(50):
                name.write_text("fine")
                self.assertEqual(client.get("/swap.txt").body, b"fine")
                name.unlink()
                name.symlink_to("../outside/secret.txt")
                self.assertEqual(client.get("/swap.txt").status, 404)
                name.unlink()

    def test_head_is_get_without_the_body(self) -> None:
        for path in ("/", "/big.bin", "/nope", "/docs"):
            with Client(self.server) as client:
                head, get = client.get(path, method="HEAD"), client.get(path)
            self.assertEqual(head.status, get.status)
            self.assertEqual(head.fields["content-length"], str(len(get.body)))
            self.assertEqual({**head.fields, "date": ""}, {**get.fields, "date": ""})

    def test_a_copy_is_not_sent_again(self) -> None:
        first = self.get("/docs/page.html")
        again = self.get("/docs/page.html", f"If-Modified-Since: {first.fields['last-modified']}\r\n")
        self.assertEqual((again.status, again.body, "content-length" in again.fields), (304, b"", False))
        os.utime(self.site / "docs/page.html", (0, 1_000_000_000))
        changed = self.get("/docs/page.html", f"If-Modified-Since: {first.fields['last-modified']}\r\n")
        self.assertEqual((changed.status, changed.fields["last-modified"]), (200, "Sun, 09 Sep 2001 01:46:40 GMT"))

    def test_curl_gets_a_big_file_byte_by_byte(self) -> None:
        done = subprocess.run(["curl", "-sS", f"http://127.0.0.1:{self.server.port}/big.bin"], capture_output=True, timeout=LIMIT)
        self.assertEqual(hashlib.sha1(done.stdout).digest(), hashlib.sha1((self.site / "big.bin").read_bytes()).digest())
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        if "asan" not in str(BUILD):
            self.assertLess(int(re.search(r"VmHWM:\s+(\d+)", status).group(1)), 15_000, "kB: it read the file whole")  # type: ignore[union-attr]

    def test_curl_keeps_its_connection(self) -> None:
        urls = [f"http://127.0.0.1:{self.server.port}/{name}" for name in ("", "style.css", "nope")]
        done = subprocess.run(["curl", "-s", "-o", "/dev/null", *urls, "-w", "%{http_code} %{num_connects}\n"], capture_output=True, text=True)
        self.assertEqual([line.split()[-1] for line in done.stdout.splitlines() if line[-2:] in (" 0", " 1")].count("1"), 1)

    @unittest.skipUnless(shutil.which("nc"), "nc is not installed")
    def test_nc_asks_by_hand(self) -> None:
        for end in ("\n", "\r\n"):
            done = subprocess.run(["nc", "127.0.0.1", str(self.server.port)], input=f"GET / HTTP/1.0{end}{end}",
                                  capture_output=True, text=True, timeout=LIMIT)
            self.assertTrue(done.stdout.startswith("HTTP/1.1 200 OK"))
            self.assertTrue(done.stdout.endswith("<h1>home</h1>"))

    def test_a_line_for_each_request(self) -> None:
        self.get("/docs/?log=1")
        self.get("/nope\x1b[31m")
        self.assertTrue(eventually(lambda: any("31m" in line for line in self.server.log)))
        self.assertTrue(any(re.fullmatch(r"GET /docs/\?log=1 200 4 \d+\.\d ms", line) for line in self.server.log), self.server.log[-3:])
        self.assertTrue(any(line.startswith(r"GET /nope\x1b[31m 400 ") for line in self.server.log), self.server.log[-3:])


class Requests(WithSite):
    def check(self, request: str | bytes, status: int) -> Response:
        response = ask(self.server, request)
        shown = request[:70]
        self.assertEqual(response.status, status, shown)
        self.assertEqual(response.fields["content-length"], str(len(response.body)), shown)
        return response

    def test_request_lines(self) -> None:
        for line, status in (
            ("GET / HTTP/1.1", 200), ("GET / HTTP/1.9", 200), ("GET / HTTP/1.0", 200), ("GET / HTTP/2.0", 505), ("GET / HTTP/0.9", 505),
            ("GET / HTTP/3.0", 505), ("GET /", 400), ("GET", 400), ("GET / HTTP/1", 400), ("GET / http/1.1", 400), ("GET / HTTP/1.x", 400),
            ("GET / HTTP/1.1 x", 400), ("GET  / HTTP/1.1", 400), ("GET /  HTTP/1.1", 400), (" GET / HTTP/1.1", 400), ("GET\t/\tHTTP/1.1", 400),
            ("get / HTTP/1.1", 501), ("BREW / HTTP/1.1", 501), ("G@T / HTTP/1.1", 400), ("POST / HTTP/1.1", 405), ("PUT /x HTTP/1.1", 405),
            ("DELETE /x HTTP/1.1", 405), ("OPTIONS * HTTP/1.1", 405), ("TRACE / HTTP/1.1", 405), ("CONNECT a:1 HTTP/1.1", 405),
            ("PATCH / HTTP/1.1", 405), ("GET * HTTP/1.1", 400), ("GET index.html HTTP/1.1", 400), ("GET /# HTTP/1.1", 400),
            ("GET /%zz HTTP/1.1", 400), ("GET /% HTTP/1.1", 400), ("GET /%2 HTTP/1.1", 400), ("GET /%00 HTTP/1.1", 400),
            ("GET /\0 HTTP/1.1", 400), ("GET /\xfc HTTP/1.1", 400), ("GET /\x7f HTTP/1.1", 400), ("GET /docs%2fpage.html HTTP/1.1", 404),
            ("GET https://here/ HTTP/1.1", 400), ("GET /" + "a" * 7000 + " HTTP/1.1", 404), ("GET /" + "a" * 8000 + " HTTP/1.1", 414),
            ("GET /" + "a" * 100_000 + " HTTP/1.1", 414), ("A" * 20_000, 414), ("\x16\x03\x01\x02\x00\x01", 400),
        ):
            self.check(f"{line}\r\n{HOST}\r\n", status)

    def test_fields(self) -> None:
        for fields, status in (
            ("", 400), ("Host: a\r\nHost: a\r\n", 400), ("Host: a b\r\n", 400), ("Host:\r\n", 200), ("hOsT:a\r\n", 200),
            (HOST + "A : b\r\n", 400), (HOST + "A\r\n", 400), (HOST + ": b\r\n", 400), (HOST + " folded\r\n", 400), (HOST + "\tfolded\r\n", 400),
            (HOST + "A: \0\r\n", 400), (HOST + "A: a\rb\r\n", 400), (HOST + "A: \xfc\r\n", 200), (HOST + "A(: b\r\n", 400), (HOST + "A:\r\n", 200),
            (HOST + "A: b\r\n" * 98, 200), (HOST + "A: b\r\n" * 101, 431), (HOST + f"A: {'b' * 9000}\r\n", 200),
            (HOST + f"A: {'b' * 16000}\r\n", 431), (HOST + f"A: {'b' * 200_000}\r\n", 431), (HOST + "A: b\r\n" * 20000, 431),
        ):
            self.check(f"GET / HTTP/1.1\r\n{fields}\r\n", status)

    def test_bodies_are_refused(self) -> None:
        for fields, status in (
            ("Content-Length: 0\r\n", 200), ("Content-Length: 5\r\n", 413), ("Content-Length: 99999999999999999999999\r\n", 413),
            ("Content-Length: -1\r\n", 400), ("Content-Length: +5\r\n", 400), ("Content-Length: x\r\n", 400), ("Content-Length:\r\n", 400),
            ("Content-Length: 0\r\nContent-Length: 5\r\n", 400), ("Content-Length: 0, 0\r\n", 400), ("Transfer-Encoding: chunked\r\n", 501),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400), ("Content-Length: 5\r\nExpect: 100-continue\r\n", 413),
        ):
            response = self.check(f"GET / HTTP/1.1\r\n{HOST}{fields}\r\n", status)
            self.assertEqual(response.fields["connection"], "keep-alive" if status == 200 else "close")

    def test_a_body_is_never_read_as_a_request(self) -> None:
        smuggled = f"GET /docs/ HTTP/1.1\r\n{HOST}\r\n"
        for fields in (f"Content-Length: {len(smuggled)}\r\n", "Transfer-Encoding: chunked\r\n"):
            for method in ("GET", "POST"):
                with Client(self.server) as client:
                    client.send(f"{method} / HTTP/1.1\r\n{HOST}{fields}\r\n{smuggled}")
                    self.assertGreaterEqual(client.response().status, 400)
                    self.assertTrue(client.at_end())

    def test_a_refusal_arrives_whatever_else_was_sent(self) -> None:
        for _ in range(20):
            with Client(self.server) as client:
                client.send(f"POST / HTTP/1.1\r\n{HOST}Content-Length: 300000\r\n\r\n" + "x" * 300_000)
                response = client.response()
                self.assertTrue(client.at_end())  # an end, and no reset
            self.assertEqual((response.status, response.fields["allow"]), (405, "GET, HEAD"))

    def test_a_head_gets_no_body_even_when_refused(self) -> None:
        for request in ("HEAD / HTTP/1.1\r\n\r\n", "HEAD /%00 HTTP/1.1\r\nHost: a\r\n\r\n", f"HEAD /nope HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n"):
            with Client(self.server) as client:
                client.send(request)
                self.assertGreaterEqual(client.response("HEAD").status, 400)
                self.assertTrue(client.at_end())

    def test_a_request_that_ends_early(self) -> None:
        for text, status in (("GET / HTTP/1.1\r\nHost: a", 400), ("GET", 400), ("\r\n", 0), ("", 0)):
            with Client(self.server) as client:
                client.send(text)
                client.socket.shutdown(socket.SHUT_WR)
                if status:
                    self.assertEqual(client.response().status, status)
                self.assertTrue(client.at_end() or status == 0)

    def test_a_client_that_is_done_sending_is_answered(self) -> None:
        with Client(self.server) as client:
            client.send(f"GET /big.bin HTTP/1.1\r\n{HOST}\r\n")
            client.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(len(client.response().body), BIG)

    def test_byte_by_byte(self) -> None:
        with Client(self.server) as client:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in f"\r\nGET /docs/ HTTP/1.1\r\n{HOST}\r\n":
                client.send(byte)
                time.sleep(0.005)  # so that each arrives alone
            self.assertEqual(client.response().body, b"docs")


class Connections(WithSite):
    def test_who_stays_and_who_leaves(self) -> None:
        for version, fields, stays in (
            ("1.1", "", True), ("1.1", "Connection: close\r\n", False), ("1.1", "Connection: x, Close\r\n", False), ("1.0", "", False),
            ("1.1", "Connection: keep-alive\r\n", True), ("1.0", "Connection: Keep-Alive\r\n", True), ("1.0", "Connection: close\r\n", False),
        ):
            with self.subTest(version + fields), Client(self.server) as client:
                for _ in range(3 if stays else 1):
                    client.send(f"GET / HTTP/{version}\r\n{HOST}{fields}\r\n")
                    response = client.response()
                    self.assertEqual((response.status, response.fields["connection"]), (200, "keep-alive" if stays else "close"))
                if not stays:
                    self.assertTrue(client.at_end())

    def test_a_mistake_in_a_name_does_not_end_the_connection(self) -> None:
        with Client(self.server) as client:
            self.assertEqual([client.get(path).status for path in ("/nope", "/docs", "/")], [404, 301, 200])

    def test_pipelined_requests_are_answered_in_order(self) -> None:
        paths = ["/docs/", "/", "/nope", "/style.css"] * 100
        with Client(self.server) as client:
            client.send("".join(f"GET {path} HTTP/1.1\r\n{HOST}\r\n" for path in paths))
            bodies = [client.response().body for _ in paths]
        self.assertEqual(bodies, [b"docs", b"<h1>home</h1>", b"404 Not Found\n", b"h1 {}"] * 100)

    def test_nothing_behind_a_close_is_answered(self) -> None:
        with Client(self.server) as client:
            client.send(f"GET / HTTP/1.1\r\n{HOST}Connection: close\r\n\r\nGET /docs/ HTTP/1.1\r\n{HOST}\r\n")
            self.assertEqual(client.response().body, b"<h1>home</h1>")
            self.assertTrue(client.at_end())

    def test_a_flood_of_requests_does_not_keep_others_waiting(self) -> None:
        flood = f"GET / HTTP/1.1\r\n{HOST}\r\n".encode() * 20_000
        with Client(self.server) as client:
            client.socket.setblocking(False)
            try:
                client.socket.send(flood)
            except BlockingIOError:
                pass
            self.assert_serves_others()

    def test_connections_leave_no_descriptor_behind(self) -> None:
        self.get("/")
        before = self.server.descriptors()
        for number in range(300):
            self.get(("/", "/nope", "/big.bin", "/docs")[number % 4], method="HEAD")
        self.assertTrue(eventually(lambda: self.server.descriptors() <= before))

    def test_clients_that_vanish_harm_nobody(self) -> None:
        self.get("/")
        before = self.server.descriptors()
        for number in range(100):
            client = Client(self.server)
            client.send(("GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HT")[number % 2])
            if number % 4 == 0:
                client.socket.recv(1000)
            client.vanish()
        self.assert_serves_others()
        self.assertTrue(eventually(lambda: self.server.descriptors() <= before))
        self.assertTrue(eventually(lambda: any("(cut off)" in line for line in self.server.log)))

    def test_a_file_that_gets_shorter_ends_the_connection(self) -> None:
        file = self.site / "shrinking.bin"
        file.write_bytes(bytes(BIG))
        with Client(self.server) as client:
            client.send(f"GET /shrinking.bin HTTP/1.1\r\n{HOST}\r\n")
            client.socket.recv(1000)
            os.truncate(file, 1000)
            with self.assertRaises(ConnectionError):
                client.response()
        self.assert_serves_others()


class Slow(WithSite):
    """Clients who take their time, and a server with little patience."""

    options = ("--patience", "400ms", "--visitors", "50")

    def assert_shown_out(self, client: Client) -> None:
        try:
            while client.socket.recv(65536):
                pass
        except ConnectionError:
            pass

    def test_silence_half_requests_and_a_byte_now_and_then(self) -> None:
        clients = [Client(self.server) for _ in range(20)]
        for client in clients[5:]:
            client.send("GET / HTTP/1.1\r\nHo")
        begin = time.monotonic()
        while time.monotonic() - begin < 0.6:
            for client in clients[10:]:
                try:
                    client.send("s")
                except OSError:
                    pass
            self.assert_serves_others()
            time.sleep(0.05)
        for client in clients:
            self.assert_shown_out(client)
            client.socket.close()

    def test_who_asks_and_does_not_read(self) -> None:
        clients = [Client(self.server) for _ in range(10)]
        for client in clients:
            client.send(f"GET /big.bin HTTP/1.1\r\n{HOST}\r\n")
        self.assert_serves_others()
        self.assertTrue(eventually(lambda: sum("(cut off)" in line for line in self.server.log) >= 10))
        for client in clients:
            client.socket.close()

    def test_more_than_may_come_wait_for_their_turn(self) -> None:
        clients = [Client(self.server) for _ in range(80)]
        self.assertEqual(self.get("/").status, 200)
        for client in clients:
            client.socket.close()


class SlowButGoing(WithSite):
    """A client who takes longer in all than the server waits for one piece, and never nearly as long for a piece."""

    options = ("--patience", "2s")

    def test_who_is_slow_but_goes_on_gets_all(self) -> None:
        with Client(self.server) as client:
            client.send(f"GET /big.bin HTTP/1.1\r\n{HOST}\r\n")
            received, begin = 0, time.monotonic()
            while time.monotonic() - begin < 2.5:
                received += len(client.socket.recv(250_000))
                time.sleep(0.05)
            while more := client.socket.recv(1_000_000):
                received += len(more)
                if received > BIG:
                    break
        self.assertGreater(received, BIG)


class Signals(unittest.TestCase):
    def test_a_log_that_nobody_reads_stops_no_server(self) -> None:
        process = subprocess.Popen([program("book_server"), "--port", "0", str(ROOT)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        assert process.stdout is not None
        port = int(process.stdout.readline().rsplit(b":")[-1])
        process.stdout.close()
        for _ in range(3):
            done = subprocess.run(["curl", "-s", f"http://127.0.0.1:{port}/LICENSE"], capture_output=True, timeout=LIMIT)
            self.assertEqual(done.stdout, (ROOT / "LICENSE").read_bytes())

    def test_sigpipe_and_others_that_are_harmless(self) -> None:
        server = Server("book_server", str(ROOT))
        self.addCleanup(server.stop)
        for number in (signal.SIGPIPE, signal.SIGWINCH, signal.SIGCHLD, signal.SIGSTOP, signal.SIGCONT):
            server.process.send_signal(number)
        self.assertEqual(ask(server, f"GET /LICENSE HTTP/1.1\r\n{HOST}\r\n").status, 200)


class Portable(unittest.TestCase):
    """The way into the folder for systems that have no openat2."""

    def test_the_walk_opens_files_and_follows_no_link(self) -> None:
        compiler = shutil.which("clang++-19") or shutil.which("g++")
        if not compiler:
            raise unittest.SkipTest("there is no compiler")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make_site(folder)
            chapter = stages.newest().path
            kit = Path(__file__).parent / "open_in_tree.cpp"
            subprocess.run([compiler, "-std=c++20", "-DTREADLE_PORTABLE", f"-I{chapter}/include", f"-I{chapter}/examples", str(kit),
                            f"{chapter}/examples/support/file_tree.cpp", f"{chapter}/src/unique_fd.cpp", f"{chapter}/src/system.cpp", "-lfmt", "-o", f"{name}/open"], check=True)
            for path, text in (("docs/page.html", "page"), ("docs/", "docs"), ("in.html", ""), ("out.txt", ""), ("outdir/secret.txt", ""),
                               ("docs/updir/secret.txt", ""), ("nope", ""), ("index.html/x", "")):
                done = subprocess.run([f"{name}/open", f"{name}/site", path], capture_output=True, text=True)
                self.assertEqual(done.stdout, text, path)


if __name__ == "__main__":
    unittest.main()
