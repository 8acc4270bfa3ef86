"""What an analysis finds, as records: changes, contrasts of two models, transfer gaps.

The rule: a record says what it is a mean over, how many examples and seeds it rests on, and whether
it counts towards the means over pairs.

    Change(..., interval=Interval(1.2, 0.3, 2.1), p=0.01, adjusted=0.04, effect=0.03, n=500, ...)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from t2t_xfer.report.intervals import Interval

LEVEL = 0.05
"""A change is marked as significant where its adjusted p is below this."""
ALL = "all"
"""As a language: the mean over all languages of a target, the source language included."""

Place: TypeAlias = tuple[str, str, str, str | None]
"""Model, intermediate, target and language; for the language None (the zero-shot ones) or `ALL`."""


@dataclass(frozen=True)
class Change:
    """A change against no intermediate training, paired by example and seed."""

    model: str
    architecture: str
    intermediate: str | None
    """None: the mean over all of them that count."""
    target: str | None
    """None: the mean over all of them that count (`Grid.counts`), each weighing the same."""
    language: str | None
    """None: the mean over the zero-shot languages; `ALL`: over all languages."""
    interval: Interval
    """In points."""
    p: float
    """Two-sided, of no change."""
    adjusted: float
    """By Holm within its printed grid, or Benjamini-Hochberg in a grid of single languages."""
    effect: float
    """Cohen's h: the change on the arcsine scale; 0.2 is small, 0.5 medium, 0.8 large."""
    n: int
    """Examples (clusters) of the smallest language in it."""
    seeds: int
    """The fewest seeds of a cell in it. 1: the interval covers examples only."""
    unseen: float
    """In points, inside the interval: what cells leave open in which no example differs (the rule
    of three). 0: there is no such cell."""
    counts: bool
    """False: a same-data or translate-train cell, which is in no mean over pairs."""

    @property
    def significant(self) -> bool:
        """Whether the change is marked."""
        return self.adjusted < LEVEL


@dataclass(frozen=True)
class Contrast:
    """The interaction: the change of one model minus that of another, on the same cells."""

    first: str
    second: str
    target: str | None
    """None: the mean over the pairs that count and both models have."""
    intermediate: str | None
    interval: Interval
    """In points, over the zero-shot languages that both models have."""
    p: float
    adjusted: float
    n: int
    seeds: int

    @property
    def significant(self) -> bool:
        """Whether the difference is marked."""
        return self.adjusted < LEVEL


@dataclass(frozen=True)
class Gap:
    """A transfer gap: the source language minus the mean of other languages, in points."""

    model: str
    architecture: str
    intermediate: str
    target: str | None
    """None: the mean over the targets that have the group."""
    group: str
    """`others` (all zero-shot languages), `family:Turkic`, `script:Latin`, `language:tr`."""
    languages: tuple[str, ...]
    interval: Interval
    change: Interval | None
    """The gap minus the gap without intermediate training. Below 0: it narrowed."""
    p: float = 1.0
    """Two-sided, of no change; 1 without one."""
    adjusted: float = 1.0
    """By Holm among the gaps of one kind of group, by Benjamini-Hochberg among single languages."""

    @property
    def significant(self) -> bool:
        """Whether the change of the gap is marked."""
        return self.adjusted < LEVEL
