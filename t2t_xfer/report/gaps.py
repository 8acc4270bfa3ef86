"""Transfer gaps by group of languages: all others, a family, a script, one language.

The rule: a gap is the source language minus the unweighted mean of the group's languages, and a
narrower gap says nothing of which side moved: look at the changes too. Families and scripts are
those of `languages.py`; there is no distance between real languages here (docs/statistics.md).

    find_gaps(grid, resampled)[0].group     # 'others'
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from t2t_xfer.languages import LANGUAGES
from t2t_xfer.report.drawn import Drawn, certain, change_over, mean_of, p_of, score_over
from t2t_xfer.report.findings import Gap
from t2t_xfer.report.grid import NONE, Grid
from t2t_xfer.report.intervals import Family, adjust_within
from t2t_xfer.report.resampled import Resampled

OTHERS = "others"


def language_groups(codes: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Zero-shot languages by group; one that nobody described has no family and no script."""
    found: dict[str, tuple[str, ...]] = {OTHERS: codes} if codes else {}
    for code in codes:
        names = [f"language:{code}"]
        if code in LANGUAGES:
            one = LANGUAGES[code]
            names += [f"family:{one.family}", f"script:{one.script}"]
        for name in names:
            found[name] = (*found.get(name, ()), code)
    return found


def find_gaps(grid: Grid, resampled: Resampled) -> tuple[Gap, ...]:
    """The gaps of every model and intermediate: by target and group, then over targets."""
    found: list[Gap] = []
    for model, intermediate in product(grid.models, grid.intermediates):
        parts: dict[str, list[tuple[tuple[str, ...], Drawn, Drawn | None]]] = {}
        for target in grid.targets:
            for group, codes in language_groups(grid.others(target)).items():
                gap = _gap(grid, resampled, model, intermediate, target, codes)
                if gap is None:
                    continue
                change = _change(grid, resampled, model, intermediate, target, codes)
                found.append(_made(grid, model, intermediate, target, group, codes, gap, change))
                counted = change if grid.counts(intermediate, target) else None
                parts.setdefault(group, []).append((codes, gap, counted))
        for group, of_targets in parts.items():
            every = tuple(dict.fromkeys(code for codes, _, _ in of_targets for code in codes))
            gap = mean_of(gap for _, gap, _ in of_targets)
            change = mean_of(change for _, _, change in of_targets)
            assert gap is not None
            found.append(_made(grid, model, intermediate, None, group, every, gap, change))
    families = [_family(each) for each in found]
    adjusted = adjust_within([each.p for each in found], families)
    return tuple(replace(each, adjusted=p) for each, p in zip(found, adjusted, strict=True))


def _family(gap: Gap) -> Family:
    """Gaps of one printed table; those that have not changed are no tests."""
    kind, _, _ = gap.group.partition(":")
    shape = (kind, gap.target is None, gap.change is None)
    return Family("bh" if kind == "language" else "holm", shape)


def _made(
    grid: Grid,
    model: str,
    intermediate: str,
    target: str | None,
    group: str,
    codes: tuple[str, ...],
    gap: Drawn,
    change: Drawn | None,
) -> Gap:
    moved = None if change is None else certain(change, -200.0)
    p = 1.0 if change is None else p_of(change)
    architecture = grid.architectures[model]
    where = (model, architecture, intermediate, target, group, codes)
    return Gap(*where, certain(gap), moved, p, p)


def _gap(
    grid: Grid,
    resampled: Resampled,
    model: str,
    intermediate: str,
    target: str,
    codes: tuple[str, ...],
) -> Drawn | None:
    source = score_over(resampled, model, intermediate, target, (grid.source(target),))
    others = score_over(resampled, model, intermediate, target, codes)
    return None if source is None or others is None else source.minus(others)


def _change(
    grid: Grid,
    resampled: Resampled,
    model: str,
    intermediate: str,
    target: str,
    codes: tuple[str, ...],
) -> Drawn | None:
    """How much wider the gap became against no intermediate training."""
    if intermediate == NONE:
        return None
    source = change_over(resampled, model, intermediate, target, (grid.source(target),))
    others = change_over(resampled, model, intermediate, target, codes)
    return None if source is None or others is None else source.minus(others)
