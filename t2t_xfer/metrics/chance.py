"""The below-chance alarm: a score that only labels turned round could explain.

Answers that ignore the input agree with the gold answers at least as often as the rarest label
stands there, whatever they are: one constant, a coin, a habit. So a score clearly below that share
comes from a reader that sees the difference and names it the wrong way round. A low score above it
proves nothing, and neither do answers that could not be read: leave them out of score and n.

>>> below_chance(20.0, 100, 50.0), below_chance(44.0, 100, 50.0)
(True, False)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

ALPHA = 1e-4
"""How often a reader that ignores the input may raise the alarm. A report holds hundreds of
scores, so the usual 0.05 would cry wolf in every one of them."""
MOST_LABELS = 6
"""Of renamings that are tried one by one: 720."""


def chance_level(counts: Iterable[int]) -> float:
    """The least that answers without regard to the input can be expected to score, 0 to 100.

    Args:
        counts: how often each possible answer is the gold answer, zeros included: a constant
            answer that never is one scores nothing.

    Raises:
        ValueError: nothing was counted.
    """
    found = list(counts)
    if sum(found) <= 0:
        raise ValueError("no gold answers were counted")
    return 100.0 * min(found) / sum(found)


def below_chance(score: float, n: int, chance: float, alpha: float = ALPHA) -> bool:
    """Whether an accuracy is clearly below chance: the exact binomial test, one-sided.

    Args:
        score: accuracy over n independent examples, 0 to 100.
        chance: what is tested against, 0 to 100 (`chance_level`).

    Raises:
        ValueError: n is not positive, or a percentage is outside 0..100.
    """
    if n <= 0 or not 0 <= score <= 100 or not 0 <= chance <= 100:
        raise ValueError(f"expected percentages and n > 0, got {score}, {n}, {chance}")
    from scipy.special import bdtr

    return bool(bdtr(round(score * n / 100), n, chance / 100) < alpha)


def alarm(score: float, n: int, chance: float) -> str | None:
    """The sentence that goes with a score below chance; None for any other score."""
    if not below_chance(score, n, chance):
        return None
    return (
        f"{score:.1f} on {n} answers is clearly below chance ({chance:.1f}): labels may be"
        " inverted. (Or the examples were chosen so that models like this one fail.)"
    )


class Renaming(NamedTuple):
    """Other names for the labels, under which the predictions fit the gold answers."""

    names: Mapping[str, str]
    """Predicted label -> the gold label that it seems to stand for; those that differ."""
    accuracy: float
    """0 to 100, with the labels renamed."""


def renamed(labels: Sequence[str], pairs: Mapping[tuple[str, str], int]) -> Renaming | None:
    """The renaming of labels that the predictions call for, if there is one.

    Of three labels two may be exchanged and the score still be a third. So every renaming is
    tried; one counts if it is clearly better than the best constant answer and the labels as they
    are, are not.

    Args:
        labels: all of them; more than six are not looked at.
        pairs: (gold, predicted) -> how often, readable predictions only.
    """
    from scipy.special import bdtrc

    n = sum(pairs.values())
    if not n or not 2 <= len(labels) <= MOST_LABELS:
        return None
    constant = max(sum(c for (g, _), c in pairs.items() if g == label) for label in labels)

    def right(order: Sequence[str]) -> int:
        return sum(pairs.get((to, name), 0) for name, to in zip(labels, order, strict=True))

    orders = list(permutations(labels))
    best = max(orders, key=right)

    def beats_constant(k: int) -> bool:
        return k > constant and bool(bdtrc(k - 1, n, constant / n) * len(orders) < ALPHA)

    if best == tuple(labels) or not beats_constant(right(best)) or beats_constant(right(labels)):
        return None
    names = {a: b for a, b in zip(labels, best, strict=True) if a != b}
    return Renaming(names, 100.0 * right(best) / n)
