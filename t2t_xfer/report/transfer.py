"""The transfer gap: how far the other languages are behind the source language, and for whom; and
whether scores and gaps go with the distance of a language to English, where distances are known.

The rule: a gap is English (or whatever the target was trained in) minus a group of languages, of
the same model, intermediate and target. The smaller it is, the better a model carries over what it
learnt. A distance was known before any model was trained; few languages make a weak line, and the
section shows the points and says so.

    gaps_section(report), distance_section(report)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import product

from t2t_xfer.languages import LANGUAGES
from t2t_xfer.report.document import (
    INCOMPLETE,
    INTERVAL,
    MISSING,
    PAGE_ONLY,
    STAR,
    Beside,
    Column,
    Fold,
    Picture,
    Piece,
    Section,
    Table,
    TableCell,
    bounds,
    columns,
    listing,
    missing,
    model_head,
    number,
    signed,
    star,
    words,
)
from t2t_xfer.report.findings import LEVEL, Gap
from t2t_xfer.report.given import Report
from t2t_xfer.report.main_table import change_marks
from t2t_xfer.report.numbers import NONE, Grid, average
from t2t_xfer.report.pictures import draw_distances

OTHERS = "others"
KINDS = (("family", "By language family"), ("script", "By script"))
LEAST = 2
"""Zero-shot languages without which there is nothing to draw."""


def gaps_section(report: Report) -> Section | None:
    """Gaps by model and target, and by family and script."""
    grid, gaps = report.grid, report.analysis.gaps
    if not gaps:
        return None
    pieces: list[Piece] = [
        "Score in the source language minus the mean score of other languages, in points: the "
        f"smaller, the better a model carries over what it learnt. With it the {INTERVAL}. {STAR} "
        f"It changed significantly against {NONE} (adjusted p below {LEVEL:g}).",
        _by_target(report),
    ]
    kinds = [kind for kind in KINDS if any(gap.group.startswith(f"{kind[0]}:") for gap in gaps)]
    if kinds:
        tables = [_by_group(report, *kind) for kind in kinds]
        pieces.append(Beside("By kind of language", "gap-kinds", tables))
        pieces.append(
            "Mean over the targets that have such languages, which differ between groups."
        )
    single = [gap for gap in gaps if gap.target is not None and gap.group != OTHERS]
    if single:
        rows = [
            [
                *words(g.model, g.intermediate, g.target or "", g.group, ", ".join(g.languages)),
                _gap_cell(grid, g),
                TableCell(bounds(g.change) or MISSING),
            ]
            for g in single
        ]
        heads = columns("model", "intermediate", "target", "group", "languages", "gap", text=5)
        heads.append(Column(f"change against {NONE}", numeric=False))
        table = Table("gaps-single", "Gap by target and group of languages", heads, rows)
        pieces.append(Fold(f"{table.caption} ({len(single)} rows)", [table], PAGE_ONLY))
    return Section("gap", "Transfer gap", pieces)


def _by_target(report: Report) -> Table:
    grid = report.grid
    rows = [
        [
            model_head(model, grid.architectures[model]),
            TableCell(intermediate),
            *(
                _gap_cell(grid, report.analysis.gap(model, intermediate, target))
                for target in (*grid.targets, None)
            ),
        ]
        for model, intermediate in product(grid.models, grid.intermediates)
    ]
    names = ("model", "intermediate", *grid.targets, "all targets")
    return Table("gaps", "Source language minus all others", columns(*names, text=2), rows)


def _by_group(report: Report, kind: str, caption: str) -> Table:
    """One row for each group and model, one column for each intermediate."""
    grid, analysis = report.grid, report.analysis
    groups: dict[str, Sequence[str]] = {}
    for gap in analysis.gaps:
        if gap.group.startswith(f"{kind}:"):
            groups[gap.group] = sorted({*groups.get(gap.group, ()), *gap.languages})
    rows = [
        [
            TableCell(group.removeprefix(f"{kind}:"), ", ".join(groups[group]), heading=True),
            TableCell(model),
            *(
                _gap_cell(grid, analysis.gap(model, each, None, group))
                for each in grid.intermediates
            ),
        ]
        for group in sorted(groups)
        for model in grid.models
    ]
    names = (kind, "model", *grid.intermediates)
    return Table(f"gaps-{kind}", caption, columns(*names, text=2), rows)


def _gap_cell(grid: Grid, gap: Gap | None) -> TableCell:
    if gap is None:
        return missing("no such languages, or not finished")
    targets = grid.targets if gap.target is None else (gap.target,)
    marks = "".join(
        dict.fromkeys(
            mark
            for target in targets
            for mark in change_marks(
                grid, gap.model, gap.intermediate, target, _compared(grid, target, gap)
            )
        )
    )
    note = f"{', '.join(gap.languages)}: gap {bounds(gap.interval)}"
    if gap.change is not None:
        value = signed(gap.change.value)
        note += f"; change against {NONE} {value} ({bounds(gap.change)})"
    return TableCell(
        signed(gap.interval.value) + star(gap.significant),
        interval=gap.interval,
        marks=marks,
        key=gap.interval.value,
        note=note,
        strong=gap.significant,
    )


def _compared(grid: Grid, target: str, gap: Gap) -> list[str]:
    """The languages of a target that a gap is made of."""
    others = [code for code in grid.others(target) if code in gap.languages]
    return [grid.source(target), *others] if others else []


def distance_section(report: Report) -> Section | None:
    """Gaps and scores by language, from near to far, and their rank correlation."""
    grid, distances = report.grid, report.distances
    codes = {code for target in grid.targets for code in grid.others(target)}
    known = sorted((distances[code], code) for code in codes if code in distances)
    if len(known) < LEAST:
        return None
    gaps = {
        model: [(distance, code, _gap_of(grid, model, code)) for distance, code in known]
        for model in grid.models
    }
    pieces: list[Piece] = [
        "Synthetic languages of the microworld, from near to far. Distance: share of features of "
        "grammar in which the language differs from English (docs/microworld.md).",
        Picture(
            partial(draw_distances, gaps),
            _in_words(known, gaps),
            "Transfer gap by language, over its distance to English.",
        ),
        _gap_table(report, known, gaps),
    ]
    shown = [target for target in grid.targets if len(grid.others(target)) >= LEAST]
    if shown:
        pieces += [_score_table(report, shown), _correlations(report, shown)]
    return Section("distance", "Zero-shot score over typological distance", pieces)


def _gap_table(
    report: Report,
    known: Sequence[tuple[float, str]],
    gaps: Mapping[str, Sequence[tuple[float, str, float | None]]],
) -> Table:
    grid = report.grid
    rows = [
        [
            *_far(code, distance),
            *(
                _value(gaps[model][place][2], _partly(grid, model, code), signed)
                for model in grid.models
            ),
        ]
        for place, (distance, code) in enumerate(known)
    ]
    heads = columns("language", "distance", *grid.models, text=1)
    legend = [
        "Gap: mean over the targets that have the language, and over all intermediates. Targets "
        "differ between languages, and few languages make no law."
    ]
    return Table("gaps-distance", "Gap by distance to English", heads, rows, legend)


def _score_table(report: Report, shown: Sequence[str]) -> Table:
    grid, distances = report.grid, report.distances
    codes = {row.language for row in grid.rows if row.language in distances}
    rows = [
        [
            *_far(code, distances[code]),
            *(
                _value(_score(grid, target, code, grid.models), _absent(grid, target, code), number)
                for target in shown
            ),
        ]
        for code in sorted(codes, key=lambda code: (distances[code], code))
    ]
    heads = columns("language", "distance", *shown, text=1)
    legend = ["Scores: mean over all models, intermediates and seeds."]
    if any(INCOMPLETE in cell.marks for row in rows for cell in row):
        legend.append(f"{INCOMPLETE} Some runs have no score in the language.")
    return Table("scores-distance", "Score by distance to English", heads, rows, legend)


def _correlations(report: Report, shown: Sequence[str]) -> Table:
    grid = report.grid
    rows = [
        [
            model_head(*head),
            *(
                TableCell(signed(rho, 2), key=rho)
                for target in shown
                for rho in [_rho(report, target, models)]
            ),
        ]
        for head, models in (
            *(((model, grid.architectures[model]), (model,)) for model in grid.models),
            (("all", ""), grid.models),
        )
    ]
    legend = [
        "Spearman's rank correlation of distance and score, over the zero-shot languages. Below 0: "
        "farther languages score lower. Over four languages -1 comes by chance once in 24 times, "
        "over five once in 120."
    ]
    heads = columns("model", *shown, text=1)
    return Table("rank-distance", "Does the score fall with the distance?", heads, rows, legend)


def spearman(one: Sequence[float], two: Sequence[float]) -> float | None:
    """Spearman's rank correlation, equal values sharing their mean rank; None where one side has
    a single value or fewer.
    """
    from scipy.stats import spearmanr

    if len({*one}) < 2 or len({*two}) < 2:
        return None
    return float(spearmanr(one, two).statistic)


def _rho(report: Report, target: str, models: Iterable[str]) -> float | None:
    grid, models = report.grid, tuple(models)
    found = {code: _score(grid, target, code, models) for code in grid.others(target)}
    there = {
        code: score
        for code, score in found.items()
        if score is not None and code in report.distances
    }
    return spearman([report.distances[code] for code in there], list(there.values()))


def _score(grid: Grid, target: str, language: str, models: Iterable[str]) -> float | None:
    """Mean over models and intermediates, 0 to 100."""
    return average(
        grid.mean(model, intermediate, target, [language])
        for model, intermediate in product(models, grid.intermediates)
    )


def _absent(grid: Grid, target: str, language: str) -> str:
    """The mark of a mean that lacks a run's score."""
    runs = product(grid.models, grid.planned_intermediates)
    whole = all(grid.complete(*run, target, [language]) for run in runs)
    return "" if whole else INCOMPLETE


def _gap_of(grid: Grid, model: str, code: str) -> float | None:
    """Mean gap of one language, over the targets that have it and over all intermediates."""
    found = []
    for target in grid.targets:
        if code not in grid.others(target):
            continue
        for intermediate in grid.intermediates:
            source = grid.mean(model, intermediate, target, [grid.source(target)])
            there = grid.mean(model, intermediate, target, [code])
            if source is not None and there is not None:
                found.append(source - there)
    return average(found)


def _partly(grid: Grid, model: str, code: str) -> str:
    """The mark of a mean that lacks a gap."""
    targets = [target for target in grid.targets if code in grid.others(target)]
    whole = all(
        grid.complete(model, intermediate, target, [grid.source(target), code])
        for intermediate, target in product(grid.planned_intermediates, targets)
    )
    return "" if whole else INCOMPLETE


def _far(code: str, distance: float) -> list[TableCell]:
    name = LANGUAGES[code].name if code in LANGUAGES else ""
    return [TableCell(code, small=name, heading=True), TableCell(f"{distance:.2f}", key=distance)]


def _value(value: float | None, marks: str, shown: Callable[[float], str]) -> TableCell:
    return missing() if value is None else TableCell(shown(value), marks=marks, key=value)


def _in_words(
    known: Sequence[tuple[float, str]],
    gaps: Mapping[str, Sequence[tuple[float, str, float | None]]],
) -> str:
    order = listing(code for _, code in known)
    ends = [
        f"{model} from {signed(line[0][2])} to {signed(line[-1][2])} points"
        for model, line in gaps.items()
    ]
    return (
        f"Chart of the transfer gap of {len(gaps)} models over the distance to English of "
        f"{order}, from near to far: {'; '.join(ends)}. All numbers are in the table below it."
    )
