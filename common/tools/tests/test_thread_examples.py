"""The examples that have threads: they lose nothing, stall nothing, and end when they are told to, in the middle of their work."""

from __future__ import annotations

import re
import signal
import subprocess
import unittest

from example_kit import LIMIT, program, run

SLOW = 200_000_033 * 200_000_039  # a second's work, or a little less


class Factors(unittest.TestCase):
    def start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen([program("factors"), "--tick", "20ms"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_answers_each_line_and_says_what_is_no_number(self) -> None:
        done = run("factors", stdin="42\nhello\n1\n18446744073709551616\n97")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("42 = 2 * 3 * 7\n", done.stdout)
        self.assertIn("1 = 1\n", done.stdout)
        self.assertIn("97 = 97\n", done.stdout)
        self.assertIn("`hello` is no number below 2^64\n", done.stdout)
        self.assertIn("`18446744073709551616` is no number below 2^64\n", done.stdout)
        self.assertIn("3 answered, 0 not;", done.stdout)

    def test_ten_thousand_lines_are_answered_in_order(self) -> None:
        numbers = range(2, 10_002)
        lines = run("factors", stdin="".join(f"{number}\n" for number in numbers)).stdout.splitlines()
        answers = [line for line in lines if " = " in line]
        self.assertEqual([int(line.split()[0]) for line in answers], list(numbers))

    def test_the_clock_ticks_while_a_thread_computes(self) -> None:
        done = run("factors", "--tick", "20ms", stdin=f"{SLOW}\n")
        before, answer, _ = done.stdout.partition(f"{SLOW} = 200000033 * 200000039")
        self.assertTrue(answer, done.stdout)
        self.assertGreater(before.count("tick"), 2, done.stdout)

    def test_ctrl_c_ends_both_threads_at_once(self) -> None:
        process = self.start()
        assert process.stdin and process.stdout
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        process.stdin.write(f"{SLOW}\n" * 50)
        process.stdin.flush()  # and it stays open: the reader waits for more
        while "50 to do" not in (line := process.stdout.readline()):
            self.assertTrue(line, "it has ended by itself")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(LIMIT), -signal.SIGINT)
        said = process.stdout.read()
        self.assertIn("cancelled by SIGINT\n", said)
        match = re.search(r"(\d+) answered, (\d+) not;", said)
        assert match, said
        self.assertEqual(int(match[1]) + int(match[2]), 50)
        self.assertGreater(int(match[2]), 0)


class LockedLoop(unittest.TestCase):
    def test_both_lose_nothing_and_only_one_holds_the_caller_up(self) -> None:
        for _ in range(20):  # another program may hold up whom it likes
            done = run("locked_loop", "--calls", "5000")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("all have run, each thread's in order", done.stdout)
            match = re.search(r"takes 100 ms +([\d.]+) us +([\d.]+) us", done.stdout)
            assert match, done.stdout
            locked, inbox = (float(match.group(i)) for i in (1, 2))
            if locked > 50_000 > inbox:
                return
        self.fail(done.stdout)


if __name__ == "__main__":
    unittest.main()
