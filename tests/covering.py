"""Made-up studies whose truth is known, and how often the report's intervals hold it.

Each study has two runs, three parallel languages and questions that are hard or easy, helped or
harmed in all languages at once.

    python -m tests.covering        # the table of docs/statistics.md, in some minutes
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.random import Generator, default_rng

from t2t_xfer.report.intervals import interval
from t2t_xfer.report.numbers import redraw
from t2t_xfer.study.results import Floats, Result

from .observing import cell

LANGUAGES = ("de", "tr", "sw")


class Maker(NamedTuple):
    """Statistics from each question's chance of being right, and the score that they tend to."""

    statistics: Callable[[Generator, Floats], Floats]
    truth: Callable[[float], float]


def right(rng: Generator, chance: Floats) -> Floats:
    return (rng.random(len(chance)) < chance).astype(float)


def spans(rng: Generator, chance: Floats) -> Floats:
    """Sentences of 1, 2, 3, ... spans; some are found that are not there."""
    gold = 1 + rng.poisson(1.5, len(chance))
    hit = rng.binomial(gold, chance)
    found = hit + rng.poisson(0.5, len(chance))
    return np.stack([hit, found, gold, hit, gold], axis=1).astype(float)


def words(rng: Generator, chance: Floats) -> Floats:
    exact = right(rng, chance)
    return np.stack([exact, np.maximum(exact, 0.6 * rng.random(len(chance)))], axis=1)


MAKERS = {
    "accuracy": Maker(lambda rng, chance: right(rng, chance)[:, None], lambda p: 100 * p),
    "span_f1": Maker(spans, lambda p: 200 * 2.5 * p / (2.5 * p + 0.5 + 2.5)),
    "squad": Maker(words, lambda p: 50 * (2 * p + 0.3 * (1 - p))),
}


class Case(NamedTuple):
    """One kind of study."""

    metric: str = "accuracy"
    n: int = 100
    gain: float = 0.0
    """What intermediate training adds to the chance of a right answer."""
    seeds: int = 1
    spread: float = 0.0
    """Standard deviation that a training run adds to the chance of a right answer."""
    base: float = 0.55
    """The mean chance of a right answer."""

    @property
    def chances(self) -> tuple[float, float]:
        """Without and with intermediate training."""
        return self.base - self.gain / 2, self.base + self.gain / 2

    @property
    def hard(self) -> float:
        """What hard questions lose and easy ones gain."""
        return 0.67 * min(self.base, 1 - self.base)

    @property
    def helped(self) -> float:
        """What intermediate training gives to half of the questions and takes from the others."""
        return self.hard / 3


class Rates(NamedTuple):
    """Shares of the studies."""

    covered: float
    """The interval of the change holds the true one."""
    score_covered: float
    rejected: float
    """p <= 0.05 for the change."""


def studies(case: Case, count: int) -> list[Result]:
    """Every study is a target."""
    rng = default_rng(case.n)
    found = []
    for study in range(count):
        hard, helped = rng.choice([-1.0, 1.0], (2, case.n))
        for intermediate, sign, mean in zip(("none", "mnli"), (-1, 1), case.chances, strict=True):
            for seed in range(case.seeds):
                chance = mean + case.hard * hard + sign * case.helped * helped
                chance = np.clip(chance + case.spread * rng.normal(), 0, 1)
                found += [
                    cell(
                        MAKERS[case.metric].statistics(rng, chance),
                        intermediate=intermediate,
                        target=str(study),
                        language=language,
                        seed=seed,
                        metric=case.metric,
                    )
                    for language in LANGUAGES
                ]
    return found


def rates(case: Case, observed: Sequence[Result], replicates: int = 600) -> Rates:
    """How the intervals of these studies do."""
    redrawn = redraw(observed, replicates=replicates)
    before, after = map(MAKERS[case.metric].truth, case.chances)
    found = []
    for target in dict.fromkeys(each.target for each in observed):
        change = redrawn.changes.over("enc", "mnli", target, LANGUAGES)
        score = redrawn.scores.over("enc", "none", target, LANGUAGES)
        assert change is not None
        assert score is not None
        moved, level = interval(change.values), interval(score.values)
        found.append(
            (
                moved.low <= after - before <= moved.high,
                level.low <= before <= level.high,
                change.p <= 0.05,
            )
        )
    return Rates(*map(float, np.mean(found, axis=0)))


TABLE = (
    *(Case(n=n) for n in (30, 100, 300, 1000)),
    *(Case(metric, 200) for metric in ("span_f1", "squad")),
    *(Case(n=200, base=base) for base in (0.9, 0.98)),
    *(Case(n=200, gain=gain) for gain in (0.03, 0.06)),
    *(Case(n=200, seeds=seeds, spread=0.03) for seeds in (1, 2, 3, 5)),
    *(Case(n=200, seeds=seeds, gain=0.06, spread=0.01) for seeds in (1, 3, 5)),
    Case(n=200, seeds=3),
)


def main(count: int = 3000) -> None:
    """Prints the table."""
    print(
        "| metric | n | seeds | spread of runs | score | gain | change covered | score covered |"
        " p <= 0.05 |"
    )
    print("|---|" + "---:|" * 8)
    for case in TABLE:
        found = rates(case, studies(case, count), 1000)
        before, after = map(MAKERS[case.metric].truth, case.chances)
        told = [case.metric, case.n, case.seeds, f"{100 * case.spread:.0f}", f"{before:.0f}"]
        shares = (f"{100 * share:.1f} %" for share in found)
        print(
            "| " + " | ".join([*map(str, told), f"{after - before:.0f}", *shares]) + " |",
            flush=True,
        )


if __name__ == "__main__":
    main()
