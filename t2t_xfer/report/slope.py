"""A section for studies on the microworld: does the zero-shot score fall with the distance to
English?

The rule: the distance is that of `microworld.typology`, known before any model is trained; the
scores are means over whatever cells are there, and the rank correlation is over zero-shot languages
only, few as they are.

    slope(grid)     # '## Zero-shot score over typological distance ...'
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby, product
from statistics import StatisticsError, correlation

from t2t_xfer.microworld.lexicon import FEATURES, distance
from t2t_xfer.report.document import INCOMPLETE, number, signed, table, text
from t2t_xfer.report.grid import Grid, average


def slope(grid: Grid) -> str:
    """The section; empty where no target has zero-shot scores in two languages."""
    shown = [target for target in grid.targets if len(grid.others(target)) > 1]
    if not shown:
        return ""
    codes = sorted({row.language for row in grid.rows}, key=lambda code: (distance(code), code))
    scores = [
        [text(code), f"{distance(code):.2f}", *(_shown(grid, t, code) for t in shown)]
        for code in codes
    ]
    by_model = [
        [text(model), text(grid.architectures[model]), *(_rho(grid, t, (model,)) for t in shown)]
        for model in grid.models
    ]
    everything = ["all", "", *(_rho(grid, target, grid.models) for target in shown)]
    names = [text(target) for target in shown]
    partial = any(INCOMPLETE in cell for line in scores for cell in line)
    lacking = f" {INCOMPLETE} Some runs have no score in the language." if partial else ""
    return "\n\n".join(
        [
            "## Zero-shot score over typological distance",
            "Synthetic languages of the microworld, from near to far.",
            table(["language", "distance", *names], scores, left=1),
            f"*distance*: share of {len(FEATURES)} features of grammar in which the language "
            "differs from English (docs/microworld.md). Scores: mean over all models, intermediates"
            f" and seeds.{lacking}",
            "Spearman's rank correlation of distance and score, over the zero-shot languages:",
            table(["model", "architecture", *names], [*by_model, everything], left=2),
            "Below 0: farther languages score lower. Over four languages -1 comes by chance once in"
            " 24 times, over five once in 120.",
        ]
    )


def spearman(one: Sequence[float], two: Sequence[float]) -> float | None:
    """Spearman's rank correlation, equal values sharing their mean rank; None where one side has
    a single value or fewer.
    """
    try:
        return correlation(_ranks(one), _ranks(two))
    except StatisticsError:
        return None


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    position = 0
    for _, group in groupby(order, key=values.__getitem__):
        equal = list(group)
        for place in equal:
            ranks[place] = position + (len(equal) - 1) / 2
        position += len(equal)
    return ranks


def _rho(grid: Grid, target: str, models: Iterable[str]) -> str:
    found = {code: _mean(grid, target, code, models) for code in grid.others(target)}
    there = {code: score for code, score in found.items() if score is not None}
    rho = spearman([distance(code) for code in there], list(there.values()))
    return signed(rho, 2)


def _shown(grid: Grid, target: str, language: str) -> str:
    score = _mean(grid, target, language)
    runs = product(grid.models, grid.planned_intermediates)
    whole = all(grid.complete(*run, target, [language]) for run in runs)
    return number(score) + ("" if score is None or whole else INCOMPLETE)


def _mean(
    grid: Grid, target: str, language: str, models: Iterable[str] | None = None
) -> float | None:
    """Mean over models (default: all) and intermediates, 0 to 100."""
    return average(
        grid.mean(model, intermediate, target, [language])
        for model in (grid.models if models is None else models)
        for intermediate in grid.intermediates
    )
