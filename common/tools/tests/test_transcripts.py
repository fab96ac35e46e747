"""Recorded runs: what is normalised, and that a run that says something else is noticed."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "common" / "tools"))

import transcripts  # noqa: E402


class NormaliserTest(unittest.TestCase):
    def test_ports_are_numbered_by_order_wherever_they_stand(self) -> None:
        text = "listening on 127.0.0.1:38211\nnc 127.0.0.1 38211\npeer [::1]:40555 38211x 127.0.0.1:8000"
        self.assertEqual(transcripts.ports(text), "listening on 127.0.0.1:40001\nnc 127.0.0.1 40001\npeer [::1]:40002 38211x 127.0.0.1:8000")

    def test_a_normalised_text_stays_as_it_is(self) -> None:
        text = "127.0.0.1:51000 127.0.0.1:40001 0x7ffe1234 pid 4711 2.0031 s 1503 ms 17 us 12:31:09 2026-11-22"
        for name, normalise in transcripts.NORMALISERS.items():
            once = normalise(text)
            self.assertEqual(normalise(once), once, name)

    def test_durations_keep_what_is_stable(self) -> None:
        self.assertEqual(transcripts.durations("2.0013 s, 1503 ms, 3 ms, 17 us, 3 s, 3 sockets"), "2.0 s, 1500 ms, a few ms, a few us, 3 s, 3 sockets")

    def test_addresses_and_processes(self) -> None:
        self.assertEqual(transcripts.ids("0x7ffe1230 0xdeadbeef 0x7ffe1230 0x2a"), "0x1000 0x2000 0x1000 0x2a")
        self.assertEqual(transcripts.pids("pid 4711\n[1] 4712\nkill 4711"), "pid 1001\n[1] 1002\nkill 1001")

    def test_an_unknown_normaliser_is_told_with_the_choices(self) -> None:
        with self.assertRaisesRegex(transcripts.TranscriptError, "ports, times"):
            transcripts.declared("# normalise: ports moods\n", "x")


@unittest.skipUnless(shutil.which("bash"), "needs bash")
class RunTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        self.folder = self.root / "book" / "transcripts"
        self.folder.mkdir(parents=True)
        shutil.copy(ROOT / "book" / "transcripts" / "lib.sh", self.folder)
        (self.root / "build" / "dev").mkdir(parents=True)
        self.program = self.root / "build" / "dev" / "hello"
        self.say("hello")

    def say(self, words: str) -> None:
        self.program.write_text(f"#!/bin/sh\necho {words}\n")
        self.program.chmod(0o755)

    def test_a_run_that_differs_once_is_tried_again_and_one_that_always_differs_is_told(self) -> None:
        marks = self.root / "marks"
        self.script(f'show "echo late; cat {marks} 2>/dev/null || true"\n')
        place = transcripts.Place(self.root, self.root / "build" / "dev")
        (self.folder / "run.txt").write_text(transcripts.run("run", place))
        (self.folder / "run.sh").write_text(f'show "echo late; cat {marks} 2>/dev/null || true"\nrm -f {marks}\n')
        marks.write_text("once\n")
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(transcripts.main(["--check", "--root", str(self.root)]), 0)
        self.assertIn("run: runs once more", out.getvalue())
        (self.folder / "run.txt").write_text("something else\n")
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as told:
            self.assertEqual(transcripts.main(["--check", "--root", str(self.root)]), 1)
        self.assertEqual((out.getvalue().count("runs once more"), told.getvalue().count("says something else")), (2, 1))

    def script(self, text: str) -> None:
        (self.folder / "run.sh").write_text(text)

    def call(self, *arguments: str) -> tuple[int, str]:
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status = transcripts.main([*arguments, "--root", str(self.root)])
        return status, out.getvalue()

    def recorded(self) -> str:
        return (self.folder / "run.txt").read_text()

    def test_a_run_is_recorded_and_holds(self) -> None:
        self.script('show "build/dev/hello"\nshow_failing "ls no-such-file"\nquiet build/dev/hello\n')
        self.assertEqual(self.call("--record", "run")[0], 0)
        self.assertTrue(self.recorded().startswith("$ build/dev/hello\nhello\n$ ls no-such-file\nls: "))
        self.assertEqual(self.call("--check")[0], 0)

    def test_a_program_that_says_something_else_is_noticed(self) -> None:
        self.script('show "build/dev/hello"\n')
        self.call("--record")
        self.say("goodbye")
        status, text = self.call("--check")
        self.assertEqual(status, 1)
        self.assertIn("-hello\n+goodbye", text)

    def test_a_command_that_fails_is_no_transcript(self) -> None:
        self.script('show "build/dev/hello && false"\n')
        status, text = self.call("--record")
        self.assertEqual(status, 1)
        self.assertIn("this must succeed", text)
        self.assertFalse((self.folder / "run.txt").exists())

    def test_a_command_that_must_fail_and_does_not_is_told(self) -> None:
        self.script('show_failing "build/dev/hello"\n')
        self.assertIn("this must fail", self.call("--record")[1])

    def test_programs_of_another_build_are_shown_as_those_of_dev(self) -> None:
        (self.root / "build" / "dev").rename(self.root / "build" / "clang")
        self.script('show "build/dev/hello; ls build/dev"\n')
        self.assertEqual(self.call("--record", "--bin", str(self.root / "build" / "clang"))[0], 0)
        self.assertEqual(self.recorded(), "$ build/dev/hello; ls build/dev\nhello\nhello\n")

    def test_a_server_is_waited_for_and_ended(self) -> None:
        self.program.write_text("#!/bin/sh\necho listening on 127.0.0.1:39999\ntrap 'echo bye; exit 0' TERM\nwhile :; do sleep 0.02; done\n")
        self.script('# normalise: ports\nserve build/dev/hello\nshow "echo port $PORT"\nstop\n')
        self.assertEqual(self.call("--record"), (0, "run: recorded, 5 lines\n"))
        self.assertEqual(self.recorded(), "$ build/dev/hello &\nlistening on 127.0.0.1:40001\n$ echo port 40001\nport 40001\nbye\n")

    def test_a_recording_without_script_is_told(self) -> None:
        (self.folder / "old.txt").write_text("$ true\n")
        self.assertIn("has no script", self.call("--check")[1])

    def test_an_unknown_name_is_misuse(self) -> None:
        status, text = self.call("--check", "nowhere")
        self.assertEqual(status, 2)
        self.assertIn("there is no script", text)


if __name__ == "__main__":
    unittest.main()
