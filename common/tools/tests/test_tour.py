"""The tour: what a tour.txt may say, servers that are started and stopped, the port that is taken."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path
from unittest import mock

import tour
from treadle_tools import stages

ROOT = Path(__file__).resolve().parents[3]
SERVER = f"""#!{sys.executable}
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"hi")
        print("GET", self.path, flush=True)
    def log_message(self, *words): pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler)
print(f"listening on 127.0.0.1:{{server.server_port}}", flush=True)
server.serve_forever()
"""


class Steps(unittest.TestCase):
    def test_a_line_is_a_command_and_what_to_look_at(self) -> None:
        text = "# comment\n\nword_count a b | the turns\n& echo_server --port 0 | it waits\n$ echo a | cat | the pipe\n^C | the end\n"
        self.assertEqual(tour.parse(text, "t"), [tour.Step("", "word_count a b", "the turns"),
                                                 tour.Step("&", "echo_server --port 0", "it waits"),
                                                 tour.Step("$", "echo a | cat", "the pipe"),
                                                 tour.Step("^", "", "the end")])

    def test_a_line_without_a_sentence_is_refused_with_its_place(self) -> None:
        with self.assertRaisesRegex(tour.TourError, "tour.txt:2: write"):
            tour.parse("a | b\nword_count a b\n", "tour.txt")


class Plans(unittest.TestCase):
    """What of three stages is shown, and built for it."""

    TOURS = {"01-a": "first one | x\nsecond | y\n",
             "02-b": "& server --port 0 | a\n$ echo hi | {examples}/client {port} | b\nthird | c\n",
             "03-c": "$ sleep 1; {examples}/late | p\n& server | q\n^C | r\n$ nc 127.0.0.1 {port} | s\n"}

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle tour ")
        self.addCleanup(folder.cleanup)
        found = []
        for name, text in self.TOURS.items():
            stage = stages.Stage(name[:2], name, Path(folder.name) / name)
            (stage.path / "examples").mkdir(parents=True)
            (stage.path / "examples/tour.txt").write_text(text)
            for example in ("first", "second", "third", "server", "client", "late", "book_server"):
                (stage.path / f"examples/{example}.cpp").touch()
            found.append(stage)
        self.plan = tour.plan(found)

    def test_all_of_the_last_and_the_first_sight_of_those_before(self) -> None:
        self.assertEqual([[step.look for step in steps] for steps in self.plan.values()],
                         [["x"], ["a", "b"], ["p", "q", "r", "s"]])

    def test_only_what_is_shown_is_built(self) -> None:
        self.assertEqual(tour.targets(self.plan, ["book_server"]), [
            "example-01-a-first", "example-02-b-client", "example-02-b-server", "example-03-c-late",
            "example-03-c-server", "example-03-c-book_server", "treadle-01-a", "treadle-02-b", "treadle-03-c"])

    def test_what_is_left_out_is_told_with_the_door_that_shows_it(self) -> None:
        out = io.StringIO()
        with contextlib.redirect_stdout(out), mock.patch.object(tour.Guide, "show", return_value=True):
            self.assertTrue(tour.tour(self.plan, Path("nowhere")))
        self.assertIn("01-a\n\n  1 more to see: make demo CH=01\n\n02-b\n\n  1 more to see: make demo CH=02\n\n03-c\n",
                      out.getvalue())


class TrueTours(unittest.TestCase):
    """What the stages themselves say."""

    def test_every_example_but_the_book_server_is_shown_by_the_stage_that_brings_it(self) -> None:
        known = {"book_server"}
        for stage in stages.stages(ROOT):
            steps = tour.steps_of(stage)
            there = {path.stem for path in (stage.path / "examples").glob("*.cpp")}
            named = {step.command.split()[0] for step in steps if step.kind not in ("$", "^")}
            self.assertLessEqual(named, there, f"{stage.name}/examples/tour.txt names an example that is not there")
            shell = " ".join(step.command for step in steps)
            missing = {name for name in there - known if name not in shell}
            self.assertFalse(missing, f"{stage.name}/examples/tour.txt leaves out {missing}")
            known |= there


class Guided(unittest.TestCase):
    """A stage whose examples are scripts."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle tour ")
        self.addCleanup(folder.cleanup)
        self.tree = Path(folder.name)
        stage = stages.Stage("03", "03-x", self.tree)
        (self.tree / "chapters/03-x/examples").mkdir(parents=True)
        self.guide = tour.Guide(stage, self.tree)
        self.addCleanup(self.guide.stop_servers)

    def example(self, name: str, text: str) -> Path:
        path = self.tree / "chapters/03-x/examples" / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def show(self, kind: str, command: str) -> tuple[bool, str]:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            return self.guide.show(tour.Step(kind, command, "the thing")), out.getvalue()

    def test_an_example_is_run_and_its_output_shown_under_what_to_look_at(self) -> None:
        self.example("hello", "#!/bin/sh\necho hello $1\n")
        well, said = self.show("", "hello 'you there'")
        self.assertTrue(well)
        self.assertEqual(said, "\n  Look: the thing\n  $ hello 'you there'\n  hello you there\n")

    def test_long_output_is_cut(self) -> None:
        self.example("long", "#!/bin/sh\nseq 100\n")
        self.assertIn("... and 86 more lines", self.show("", "long")[1])

    def test_a_failing_example_is_told(self) -> None:
        self.example("bad", "#!/bin/sh\nexit 3\n")
        self.assertEqual(self.show("", "bad")[0], False)
        self.assertIn("ended with status 3", self.show("", "bad")[1])
        self.assertIn("cannot be started", self.show("", "none")[1])

    def test_a_server_gives_its_port_to_what_follows_and_is_stopped(self) -> None:
        self.example("server", SERVER)
        self.assertIn("listening on 127.0.0.1:", self.show("&", "server --port 0")[1])
        (server,) = self.guide._servers
        self.assertIn("hi", self.show("$", f"{sys.executable} -c 'import urllib.request as u; "
                                           "print(u.urlopen(\"http://127.0.0.1:{port}/\").read())'")[1])
        self.guide.stop_servers()
        self.assertIsNotNone(server.returncode)

    def test_ctrl_c_shows_what_a_server_says_until_it_has_ended(self) -> None:
        self.example("server", """#!/bin/sh
trap 'echo goodbye >&2; exit '$1 INT
echo listening on 127.0.0.1:7000
while :; do sleep 0.05; done
""")
        self.show("&", "server 0")
        self.assertEqual(self.show("^", ""), (True, "\n  Look: the thing\n  ^C\n  goodbye\n"))
        self.show("&", "server 3")
        self.assertIn("ended with status 3", self.show("^", "")[1])
        self.assertIn("there is no server", self.show("^", "")[1])


class Ports(unittest.TestCase):
    def test_a_port_in_use_is_told_with_what_to_do(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with self.assertRaisesRegex(tour.TourError, rf"Port {port} is in use .* make run PORT=\d+, or PORT=0"):
                tour.check_port(port)
        tour.check_port(0)

    def test_the_port_is_read_from_the_first_line(self) -> None:
        self.assertEqual(tour.port_of("listening on 127.0.0.1:8000\n"), "8000")
        self.assertEqual(tour.port_of("oh no"), "0")


class Serving(unittest.TestCase):
    def test_the_book_is_served_its_address_printed_and_a_stop_ends_it_all(self) -> None:
        with tempfile.TemporaryDirectory(prefix="treadle serve ") as folder:
            root = Path(folder)
            program = root / "build/dev/chapters/03-x/examples/book_server"
            program.parent.mkdir(parents=True)
            (root / "chapters/03-x").mkdir(parents=True)
            program.write_text(SERVER)
            program.chmod(0o755)
            code = ("import sys, tour; from pathlib import Path; tour.ROOT = Path(sys.argv[1]); "
                    "sys.exit(tour.serve(tour.ROOT / 'build/dev', 0))")
            child = subprocess.Popen([sys.executable, "-B", "-c", code, str(root)], stdout=subprocess.PIPE, text=True,
                                     env={**os.environ, "PYTHONPATH": str(ROOT / "common/tools")})
            self.addCleanup(child.wait)
            self.addCleanup(child.kill)
            assert child.stdout is not None
            self.addCleanup(child.stdout.close)
            lines = [child.stdout.readline() for _ in range(4)]
            address = lines[3].split()[2]
            self.assertRegex(lines[3], r"^The book: http://127\.0\.0\.1:\d+/")
            self.assertEqual(urllib.request.urlopen(address + "page", timeout=60).read(), b"hi")
            self.assertEqual(child.stdout.readline(), "GET /page\n")
            child.send_signal(signal.SIGTERM)
            child.wait(60)
            end = time.monotonic() + 60
            with self.assertRaises(OSError):
                while time.monotonic() < end:  # until the server is gone as well
                    urllib.request.urlopen(address, timeout=60).close()


if __name__ == "__main__":
    unittest.main()
