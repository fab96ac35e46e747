"""The stages in which a mutant runs.

A stage is a full copy of the one before it, and most of its files are unchanged. To run a mutant in every stage would
cost as much as there are copies; to run it in its first stage only would leave the code that readers use untested. So:

1. A mutant applies to its first stage and to the following ones, up to the first in which its find text does not occur
   exactly once, or from which on another entry replaces it. If the text occurs again in a later stage, that does not count.
2. It runs in the last of these stages whose copy of the mutated file differs from the previous stage's.
3. It also runs in the newest stage, if the range reaches it, unless its test is the same program there: everything of
   the stage that the test can reach is byte-identical. The file itself is, by rule 2; what the test compiles and links
   besides it may differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutation.listing import ListError, Mutant
from treadle_tools.stages import Stage

KeyOf = Callable[[Stage, str], str]  # a digest of all that a test of tests/ can reach in a stage


@dataclass(frozen=True)
class Selection:
    """The stages to which a mutant applies, and those of them in which it runs."""

    mutant: Mutant
    applies: tuple[Stage, ...]
    runs: tuple[Stage, ...]
    fits_newest: bool  # or is replaced by an entry that does
    same_in_newest: bool = False  # not run there, because nothing differs


def select(mutant: Mutant, stages: Sequence[Stage], key_of: KeyOf, replaced_in: str = "") -> Selection:
    """Choose from all stages of the tree; ListError if the mutant does not fit its first stage.

    `replaced_in` is the stage from which on another entry of the same name replaces this one.
    """
    applies = _range(mutant, stages, replaced_in)
    changed, newest = _last_changed(mutant.file, applies), stages[-1]
    if applies[-1] != newest:
        return Selection(mutant, applies, (changed,), fits_newest=bool(replaced_in))
    same = changed != newest and key_of(changed, mutant.test) == key_of(newest, mutant.test)
    runs = (changed,) if same or changed == newest else (changed, newest)
    return Selection(mutant, applies, runs, fits_newest=True, same_in_newest=same)


def _range(mutant: Mutant, stages: Sequence[Stage], replaced_in: str) -> tuple[Stage, ...]:
    numbers = [stage.number for stage in stages]
    if mutant.stage not in numbers:
        raise ListError(f"{mutant.name}: there is no stage {mutant.stage!r}; the stages are {', '.join(numbers)}")
    first, *later = stages[numbers.index(mutant.stage):]
    if not (first.path / mutant.file).is_file():
        raise ListError(f"{mutant.name}: there is no {first.name}/{mutant.file}")
    mutant.apply(first.path)
    ends = (i for i, stage in enumerate(later) if stage.number == replaced_in or not mutant.fits(stage.path))
    return first, *later[:next(ends, len(later))]


def _last_changed(file: str, applies: Sequence[Stage]) -> Stage:
    """The last stage whose copy differs from the one before it in the range; the first if none does."""
    texts = [(stage.path / file).read_bytes() for stage in applies]
    return applies[max(i for i in range(len(applies)) if i == 0 or texts[i] != texts[i - 1])]


def replacements(mutants: Sequence[Mutant]) -> dict[Mutant, str]:
    """For each mutant that another one of the same name replaces, the stage from which on it does."""
    def later(mutant: Mutant) -> list[str]:
        return [each.stage for each in mutants if each.name == mutant.name and each.stage > mutant.stage]

    return {mutant: min(later(mutant)) for mutant in mutants if later(mutant)}
