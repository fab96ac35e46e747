"""What is said about a handful of samples: the median and how far they spread. No means: one disturbed run moves them."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Iterable, Mapping


@dataclass(frozen=True)
class Spread:
    """The middle of some samples, and the smallest and largest of them."""

    median: float
    low: float
    high: float


def spread(samples: Iterable[float]) -> Spread:
    """REQUIRES: at least one sample."""
    values = list(samples)
    if not values:
        raise ValueError("a spread needs at least one sample")
    return Spread(median(values), min(values), max(values))


def ratios(above: Mapping[int, float], below: Mapping[int, float]) -> list[float]:
    """above/below, repetition by repetition: what ran minutes apart is not compared.

    The keys are the numbers of the repetitions; those that one side lacks, and zeros, are left out.
    """
    return [above[i] / below[i] for i in sorted(above) if below.get(i)]
