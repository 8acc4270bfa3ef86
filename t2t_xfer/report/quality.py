"""How answers went wrong before they were scored (unreadable, in another script, cut short), and
what the study took: time, tokens and memory.

quality_section(report), cost_section(report)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import product

from t2t_xfer.languages import LANGUAGES
from t2t_xfer.report.document import (
    MISSING,
    PAGE_ONLY,
    Column,
    Fold,
    Piece,
    Section,
    Table,
    TableCell,
    columns,
    counted,
    missing,
    percent,
    words,
)
from t2t_xfer.report.given import Cost, Report
from t2t_xfer.report.main_table import incomplete_mark
from t2t_xfer.report.numbers import Grid, average

LISTED = 200
"""Stages that are listed one by one, the longest first."""
FIGURES = ("seconds", "tokens", "tokens per second", "memory", "memory of the accelerator")


def quality_section(report: Report) -> Section | None:
    """Three tables, or a sentence where there is nothing to count."""
    if not any(grid.rows for grid in report.grids):
        return None
    pieces = [*_invalid(report), *_drift(report), *_cut(report)]
    return Section("answers", "Unreadable, drifting and shortened", pieces)


def _invalid(report: Report) -> list[Piece]:
    rows = [row for grid in report.grids for row in _invalid_rows(grid)]
    if not rows:
        return ["Every answer of every finished cell could be read."]
    heads = columns("model", "intermediate", "target", "mean", "highest", text=3)
    heads.append(Column("in", numeric=False))
    legend = [
        "Answers that could not be read. They count as wrong. Mean over languages, and the worst."
    ]
    return [Table("invalid", "Invalid answers", heads, rows, legend)]


def _invalid_rows(grid: Grid) -> list[list[TableCell]]:
    rows = []
    for place in product(grid.models, grid.intermediates, grid.targets):
        rates = grid.invalid_rates(*place)
        worst = max(rates, key=lambda code: rates[code], default="")
        if worst and rates[worst] > 0:
            mean = average(rates.values())
            shares = [
                TableCell(percent(mean), marks=incomplete_mark(grid, *place), key=mean),
                TableCell(percent(rates[worst]), key=rates[worst]),
            ]
            rows.append([*words(*place), *shares, TableCell(worst)])
    return rows


def _drift(report: Report) -> list[Piece]:
    """Language drift of generated answers, by script."""
    found = [each for each in report.drift if each.letters]
    if not found:
        return [
            "Language drift: no target whose answers are in the target language was answered by "
            "generated text, so there is nothing to measure."
        ]
    rows = []
    for each in found:
        script = LANGUAGES[each.language].script if each.language in LANGUAGES else ""
        place = words(each.model, each.intermediate, each.target, each.language, script)
        shares = [TableCell(percent(share), key=share) for share in (each.share, each.gold_share)]
        rows.append([*place, *shares, counted(each.letters)])
    names = ("model", "intermediate", "target", "language", "script")
    heads = columns(*names, "outside", "gold outside", "letters", text=len(names))
    legend = [
        "Share of the letters of generated answers that are outside the script of the language "
        "they are asked in; beside it the same of the gold answers, which also hold names and "
        "terms in other scripts. It does not see a drift between two languages of one script."
    ]
    return [Table("drift", "Language drift of generated answers", heads, rows, legend)]


def _cut(report: Report) -> list[Piece]:
    """How many inputs were longer than the model takes."""
    counts: dict[tuple[str, str, str], dict[str, list[int]]] = defaultdict(dict)
    for each in report.finished:
        place = (each.model, each.intermediate, each.target)
        now = (int((each.removed_tokens > 0).sum()), int(each.removed_tokens.sum()), len(each.ids))
        before = counts[place].get(each.language, [0, 0, 0])
        counts[place][each.language] = [a + b for a, b in zip(before, now, strict=True)]
    rows = [
        _cut_row(place, languages)
        for place, languages in counts.items()
        if any(cut for cut, _, _ in languages.values())
    ]
    if not rows:
        return ["No input had to be shortened."] if report.finished else []
    names = ("model", "intermediate", "target")
    heads = columns(*names, "shortened", "share", "tokens removed", text=len(names))
    heads.append(Column("most in", numeric=False))
    legend = [
        "Inputs that were longer than the model's limit and lost tokens at the end of their "
        "shortenable fields."
    ]
    return [Table("shortened", "Shortened inputs", heads, rows, legend)]


def _cut_row(place: Sequence[str], languages: dict[str, list[int]]) -> list[TableCell]:
    cut, tokens, n = (sum(column) for column in zip(*languages.values(), strict=True))
    most = max(languages, key=lambda code: languages[code][0] / languages[code][2])
    share = counted(cut / n, percent(cut / n))
    return [*words(*place), counted(cut), share, counted(tokens), TableCell(most)]


def cost_section(report: Report) -> Section | None:
    """A table by kind of stage, and the longest stages."""
    costs = report.costs
    if not costs:
        return None
    rows = []
    for kind in dict.fromkeys(cost.kind for cost in costs):
        of = [cost for cost in costs if cost.kind == kind]
        devices = ", ".join(sorted({cost.device for cost in of if cost.device} - {"none"}))
        rows.append([*words(kind), counted(len(of)), *_figures(of), TableCell(devices or MISSING)])
    heads = [*columns("kind", "stages", *FIGURES, text=1), Column("device", numeric=False)]
    legend = [
        "Of the finished stages that this study's numbers come from, whichever study ran them. "
        "Seconds: wall clock of the last attempt, one after the other. Tokens: read and written "
        "when predicting, trained on when training. Memory: the highest of any of the stages, of "
        "the whole process; stages that ran before it was measured have none."
    ]
    longest = sorted(costs, key=lambda cost: -cost.seconds)[:LISTED]
    each = [[*words(cost.kind, cost.label), *_figures([cost])] for cost in longest]
    listed = "Every stage" if len(longest) == len(costs) else f"The {LISTED} longest stages"
    table = Table("cost-stages", listed, columns("kind", "stage", *FIGURES, text=2), each)
    by_kind = Table("cost-kinds", "Cost by kind of stage", heads, rows, legend)
    # Seconds differ between two runs of one study, and report.md is the same bytes for both.
    return Section("cost", "Cost", [by_kind, Fold(listed, [table])], PAGE_ONLY)


def _figures(costs: Sequence[Cost]) -> list[TableCell]:
    seconds = sum(cost.seconds for cost in costs)
    measured = [cost for cost in costs if cost.tokens is not None]
    tokens = sum(cost.tokens or 0 for cost in measured) if measured else None
    busy = sum(cost.seconds for cost in measured)
    rate = tokens / busy if tokens and busy else None
    return [
        counted(seconds, f"{seconds:,.1f}"),
        missing() if tokens is None else counted(tokens),
        missing() if rate is None else counted(rate),
        _highest(cost.memory for cost in costs),
        _highest(cost.device_memory for cost in costs),
    ]


def _highest(sizes: Iterable[int | None]) -> TableCell:
    there = [size for size in sizes if size is not None]
    return counted(max(there), f"{max(there) / 1e9:.2f} GB") if there else missing()
