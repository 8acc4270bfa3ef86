"""Verdicts on claims: what a study's numbers say to each statement of a claims file.

The rule, for a statement of n parts that is to hold for u of them (`each`: n, `any`: 1, `most`:
more than half): each part has a one-sided p for the bound and one against it, from the paired
redrawings. The statement is supported where the partial conjunction p, (n - u + 1) times the u-th
smallest p for it, is at most 0.025 (Benjamini and Heller 2008). For `each` that is the
intersection-union test: no part needs an adjustment. It is contradicted where the same holds of its
opposite, that n - u + 1 parts are on the other side of the bound; for `each` that is Holm's first
step. Otherwise it is undecided. With one part: supported or contradicted where the 95 % interval
lies on one side of the bound.

    judge(catalogue.claims("phang2020"), evidence)      # [Verdict("best-per-target", ...), ...]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias, get_args

from t2t_xfer.report.document import between, signed
from t2t_xfer.report.intervals import Interval
from t2t_xfer.report.numbers import Drawn
from t2t_xfer.report.statements import (
    Cells,
    Evidence,
    NotTestedError,
    Quantities,
    StatementPart,
    both_sides,
    sides,
)
from t2t_xfer.specs.claims import ClaimsSpec, Statement

Outcome: TypeAlias = Literal["supported", "contradicted", "undecided", "not tested here"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
ONE_SIDED = 0.025
"""The level of each direction: that of a two-sided 95 % interval."""
SHOWN = 6
"""So many parts are told one by one."""
NOT_COUNTED = "same-data or translate-train"
BOUNDS_IN_WORDS = {
    "above": "above",
    "below": "below",
    "within": "nearer to 0 than",
    "outside": "farther from 0 than",
}
SYNTHETIC = (
    "the data is synthetic (the embedded microworld), and claims are about natural languages"
)


@dataclass(frozen=True)
class Verdict:
    """What a study says to one claim."""

    claim: str
    text: str
    published: str | None
    source: str
    verdict: Outcome
    interval: Interval | None
    """Of the part that decides: for `each` the weakest one. None: not tested."""
    why: str
    """The numbers of the parts, or what is missing."""
    seeds: int | None = None
    """The fewest that a part rests on. None: not tested."""

    @property
    def in_words(self) -> str:
        """The verdict, and with it whether it rests on one seed: it then holds of these trained
        models, and another training run may give another one."""
        judged = self.verdict in ("supported", "contradicted")
        return f"{self.verdict} (one seed)" if judged and self.seeds == 1 else self.verdict


def judge(claims: ClaimsSpec, evidence: Evidence) -> list[Verdict]:
    """A verdict on each statement, in the order of the file. Synthetic data tests no claim."""
    if evidence.synthetic:
        return [_not_tested(each, SYNTHETIC) for each in claims.statements]
    if not evidence.grid.rows:
        return [_not_tested(each, "no cell is finished") for each in claims.statements]
    quantities = Quantities(evidence)
    return [_verdict(each, claims.targets, quantities) for each in claims.statements]


def partial_conjunction(p: Sequence[float], u: int) -> float:
    """The p that fewer than `u` of the hypotheses are false, at most 1 (Benjamini and Heller 2008,
    Screening for partial conjunction hypotheses, Biometrics 64, equation for Bonferroni's).
    """
    return min(1.0, (len(p) - u + 1) * sorted(p)[u - 1])


class _Sides(NamedTuple):
    """One part's p-values: that the bound does not hold, and that it does."""

    holds: float
    fails: float


def _verdict(
    statement: Statement,
    targets: tuple[str, ...] | None,
    quantities: Quantities,
) -> Verdict:
    try:
        parts = _parts(statement, targets, quantities)
    except NotTestedError as error:
        return _not_tested(statement, str(error))
    counted = [(part, part.drawn) for part in parts if part.drawn is not None]
    gone = [part.name for part in parts if part.drawn is None]
    if not counted or (gone and _named_one_by_one(statement)):
        return _not_tested(statement, f"no cell counts in {', '.join(gone)} ({NOT_COUNTED})")
    found = [_sides(drawn, *statement.bound) for _, drawn in counted]
    outcome, decisive = _outcome(found, statement.holds_for)
    shown = [(part.name, drawn.interval(-200.0)) for part, drawn in counted]
    why = _why(statement, shown, decisive, _left_out(parts))
    seeds = min(int(drawn.seeds) for _, drawn in counted)
    return _made(statement, outcome, shown[decisive][1], why, seeds)


def _parts(
    statement: Statement,
    targets: tuple[str, ...] | None,
    quantities: Quantities,
) -> list[StatementPart]:
    evidence = quantities.evidence
    if statement.difference is not None:
        pairs = both_sides(statement.difference, evidence, targets)
        return [quantities.difference(*pair) for pair in pairs]
    if statement.change is not None:
        return [quantities.change(each) for each in sides(statement.change, evidence, targets)]
    assert statement.best is not None
    options: dict[tuple[object, ...], list[Cells]] = {}
    for cells in sides(statement.best, evidence, targets):
        options.setdefault((cells.models, cells.targets), []).append(cells)
    return [quantities.best(each) for each in options.values()]


def _named_one_by_one(statement: Statement) -> bool:
    """Whether every part was asked for by name, so that none may be left out in silence."""
    form = statement.change or statement.best
    if form is None:
        assert statement.difference is not None
        sides_of = (statement.difference.first, statement.difference.second)
    else:
        sides_of = (form, form)
    return not any(side.has_keyword() for side in sides_of)


def _sides(drawn: Drawn, kind: str, bound: float) -> _Sides:
    over, not_over = _beyond(drawn, bound), _beyond(drawn, bound, -1)
    if kind == "above":
        return _Sides(over, not_over)
    if kind == "below":
        return _Sides(not_over, over)
    farther = min(over, _beyond(drawn, -bound, -1))
    nearer = max(not_over, _beyond(drawn, -bound))
    return _Sides(farther, nearer) if kind == "outside" else _Sides(nearer, farther)


def _beyond(drawn: Drawn, bound: float, direction: int = 1) -> float:
    """p of the hypothesis that the number is not above the bound (-1: not below it)."""
    values = direction * (drawn.values - bound)
    half = replace(drawn, values=values).p / 2
    return half if values[0] > 0 else 1 - half


def _outcome(found: Sequence[_Sides], holds_for: str) -> tuple[Outcome, int]:
    """The verdict, and which part decides it."""
    n = len(found)
    u = {"each": n, "most": n // 2 + 1, "any": 1}[holds_for]
    by_holds = sorted(range(n), key=lambda i: (found[i].holds, -found[i].fails))
    if partial_conjunction([each.holds for each in found], u) <= ONE_SIDED:
        return "supported", by_holds[u - 1]
    if partial_conjunction([each.fails for each in found], n - u + 1) <= ONE_SIDED:
        by_fails = sorted(range(n), key=lambda i: found[i].fails)
        return "contradicted", by_fails[n - u]
    return "undecided", by_holds[u - 1]


def _why(
    statement: Statement,
    shown: Sequence[tuple[str, Interval]],
    decisive: int,
    left_out: str,
) -> str:
    kind, bound = statement.bound
    words = f"{BOUNDS_IN_WORDS[kind]} {bound:g}"
    if len(shown) == 1:
        asked = f"Asked: {words}."
    else:
        holds = {"each": "each", "most": "more than half", "any": "at least one"}
        asked = (
            f"Asked: {words} for {holds[statement.holds_for]} of {len(shown)} parts; decided by"
            f" {shown[decisive][0]}."
        )
    ordered = sorted(shown, key=lambda item: -item[1].value)
    told = "; ".join(
        f"{name or 'all'}: {signed(each.value)} {between(each)}" for name, each in ordered[:SHOWN]
    )
    more = f"; and {len(shown) - SHOWN} parts below these" if len(shown) > SHOWN else ""
    return f"{asked} {told}{more}.{left_out}"


def _left_out(parts: Sequence[StatementPart]) -> str:
    pairs = dict.fromkeys(pair for part in parts for pair in part.left_out)
    if not pairs:
        return ""
    named = [f"{intermediate} before {target}" for intermediate, target in pairs]
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    return (
        f" Left out ({NOT_COUNTED}, or nothing to compare with): {', '.join(named[:SHOWN])}{more}."
    )


def _not_tested(statement: Statement, why: str) -> Verdict:
    return _made(statement, "not tested here", None, f"{why[0].upper()}{why[1:]}.")


def _made(
    statement: Statement,
    verdict: Outcome,
    shown: Interval | None,
    why: str,
    seeds: int | None = None,
) -> Verdict:
    what = (statement.claim, statement.text, statement.published, statement.source)
    return Verdict(*what, verdict, shown, why, seeds)
