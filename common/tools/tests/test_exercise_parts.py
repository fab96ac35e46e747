"""The store of compiled parts: each is made once, and what nobody asks for any more does not pile up."""
from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import exercise_fixture as fixture
from treadle_tools.exercises.parts import KEPT, Parts

HOUR, DAY = 3600, 86400
ELSEWHERE = """
import sys, time
from pathlib import Path
from treadle_tools.exercises.parts import Parts
store = Path(sys.argv[1])
def make(out):
    with open(store / "made", "a") as log:
        log.write("x")
    time.sleep(0.2)
Parts(store).get("lib", "0" * 16, make)
"""


class Store(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle parts ")
        self.addCleanup(folder.cleanup)
        self.store = Path(folder.name)

    def part(self, name: str, number: int, hours: float) -> Path:
        """One that was last asked for so many hours ago."""
        place = Parts(self.store).get(name, f"{number:016x}", lambda out: (out / "part").write_text("x"))
        os.utime(place, (time.time() - hours * HOUR,) * 2)
        return place

    def left(self, *parts: Path) -> list[bool]:
        Parts(self.store).prune()
        return [part.exists() for part in parts]

    def test_a_part_is_made_once_even_if_several_processes_ask(self) -> None:
        command = [sys.executable, "-B", "-c", ELSEWHERE, str(self.store)]
        env = {**os.environ, "PYTHONPATH": str(fixture.TOOLS)}
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: subprocess.run(command, env=env, check=True, timeout=60), range(3)))
        self.assertEqual((self.store / "made").read_text(), "x")

    def test_a_part_that_could_not_be_made_is_tried_again_and_leaves_nothing(self) -> None:
        def fail(out: Path) -> None:
            raise RuntimeError("no")
        for _ in range(2):
            with self.assertRaisesRegex(RuntimeError, "no"):
                Parts(self.store).get("lib", "0" * 16, fail)
        self.assertEqual([path for path in self.store.iterdir() if not path.name.startswith(".lock")], [])

    def test_of_each_part_only_the_newest_are_kept(self) -> None:
        libraries = [self.part("lib01", number, hours=10 - number) for number in range(KEPT + 3)]
        other = self.part("kit01", 0, hours=20)
        self.assertEqual(self.left(*libraries, other), [False] * 3 + [True] * KEPT + [True])

    def test_what_may_still_be_in_use_is_kept(self) -> None:
        parts = [self.part("lib01", number, hours=0.1) for number in range(KEPT + 2)]
        self.assertEqual(self.left(*parts), [True] * (KEPT + 2))

    def test_a_month_without_use_is_enough_for_any_part_proof_or_ruin(self) -> None:
        old, young = self.part("lib01", 0, hours=31 * 24), self.part("lib02", 0, hours=29 * 24)
        proofs = [self.store / "proved" / name for name in ("a", "b.quick")]
        proofs[0].parent.mkdir()
        for proof, days in zip(proofs, (31, 1)):
            proof.touch()
            os.utime(proof, (time.time() - days * DAY,) * 2)
        ruin = self.store / "making-abc"
        ruin.mkdir()
        os.utime(ruin, (time.time() - 2 * HOUR,) * 2)
        self.assertEqual(self.left(old, young, *proofs, ruin), [False, True, False, True, False])

    def test_asking_for_a_part_keeps_it(self) -> None:
        old = self.part("lib01", 0, hours=31 * 24)
        Parts(self.store).get("lib01", f"{0:016x}", lambda out: None)
        self.assertEqual(self.left(old), [True])

    def test_a_new_part_sweeps_by_itself(self) -> None:
        old = [self.part("lib01", number, hours=9) for number in range(KEPT + 1)]
        self.part("lib01", KEPT + 1, hours=0)
        self.assertLess(sum(part.exists() for part in old), KEPT + 1)


if __name__ == "__main__":
    unittest.main()
