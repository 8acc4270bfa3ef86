"""A report, section by section: the one list that every form of it is made from.

The rule: a section is a function of the report's input that says what it has to say once, or has
nothing to say and is None; `SECTIONS` is the order in which they are read. Which forms have a
section is written in the section itself (docs/add_a_section.md).

    page = document(Report("quickstart", numbers))
    render_page(page), render_markdown(page), render_terminal(page), render_latex(page)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import product
from statistics import fmean
from typing import TypeAlias

from t2t_xfer.metrics.aggregate import GROUPS, averages
from t2t_xfer.report.claims import OUTCOMES
from t2t_xfer.report.document import (
    INCOMPLETE,
    MISSING,
    TRANSLATED,
    Document,
    Lines,
    Piece,
    Section,
    Table,
    TableCell,
    columns,
    listing,
    missing,
    number,
    signed,
    span,
    words,
)
from t2t_xfer.report.given import Report
from t2t_xfer.report.intervals import Interval
from t2t_xfer.report.languages import every_language
from t2t_xfer.report.main_table import main_section, metric_of
from t2t_xfer.report.models import models_section
from t2t_xfer.report.numbers import Grid
from t2t_xfer.report.opening import answer, read_first
from t2t_xfer.report.quality import cost_section, quality_section
from t2t_xfer.report.transfer import distance_section, gaps_section
from t2t_xfer.xtreme.layout import BY_TASK

ONE_SEED = (
    "One seed: the verdict goes beyond the choice of test examples, not beyond these training"
    " runs. "
)


def document(report: Report) -> Document:
    """The sections that have something to say."""
    found = [made for section in SECTIONS if (made := section(report)) is not None]
    cells = sum(len(grid.rows) for grid in report.grids)
    source = f"Made by t2t-xfer from {cells} cells."
    return Document(f"Study {report.study}", found, source)


def claims_section(report: Report) -> Section | None:
    """What the study's numbers say to the claims of a file."""
    verdicts = report.verdicts
    if not verdicts:
        return None
    ordered = sorted(verdicts, key=lambda each: OUTCOMES.index(each.verdict))
    counts = Counter(each.in_words for each in ordered)
    summary = listing(f"{count} {name}" for name, count in counts.items())
    rows = [
        [
            *words(each.claim, each.text, each.published or MISSING),
            TableCell(each.in_words, strong=each.verdict in ("supported", "contradicted")),
            _deciding(each.interval),
        ]
        for each in verdicts
    ]
    pieces: list[Piece] = [
        f"{len(verdicts)} claims: {summary}. A verdict is about the models, languages and rows "
        "of this study, with the error of a 95 % interval for each claim by itself: of twenty "
        "claims at the bound, one is judged wrongly by chance. "
        f"{ONE_SEED if any(each.seeds == 1 for each in verdicts) else ''}"
        "How verdicts are made: docs/claims.md.",
        Table(
            "verdicts",
            "Claims and verdicts",
            columns("claim", "says", "published", "verdict", "deciding number", text=4),
            rows,
            ["Deciding number: measured here, in points. The published value is not ours."],
        ),
        Lines(
            [
                f"{each.claim}: {each.in_words}. {each.why} Source: {each.source}."
                for each in verdicts
            ]
        ),
    ]
    return Section("claims", "Claims", pieces)


def _deciding(interval: Interval | None) -> TableCell:
    if interval is None:
        return missing("not tested here")
    return TableCell(signed(interval.value), interval=interval, key=interval.value)


def xtreme_section(report: Report) -> Section | None:
    """XTREME's own averages, for runs that have a whole group of its tasks in all languages.

    The means over seeds go into `metrics.aggregate`, which the command `score` uses too: so a
    number here is the one that XTREME's evaluator gives for the same predictions.
    """
    grid, rows = report.grid, []
    for model, intermediate in product(grid.models, grid.intermediates):
        found = averages(_test_scores(grid, model, intermediate))
        if all(value is None for value in found.groups.values()):
            continue
        translated = any(grid.translated(intermediate, each) for each in grid.targets)
        gone = any(not grid.complete(model, intermediate, each) for each in grid.targets)
        marks = (TRANSLATED if translated else "") + (INCOMPLETE if gone else "")
        values = (*(found.groups[group] for group in GROUPS), found.all_task)
        scores = [missing() if v is None else TableCell(number(v), key=v) for v in values]
        rows.append([*words(model), TableCell(intermediate, marks=marks), *scores])
    if not rows:
        return None
    legend = [
        "Mean over a group's tasks of the mean over all of XTREME's languages, English "
        "included; the last column is over tasks, not groups. Given only where no task and no "
        f"language is missing. {_rows_tested(grid)}"
    ]
    if any(INCOMPLETE in row[1].marks for row in rows):
        legend.append(f"{INCOMPLETE} Cells of the plan are missing, such as seeds.")
    heads = columns("model", "intermediate", *GROUPS, "all nine tasks", text=2)
    table = Table("xtreme-averages", "XTREME's averages", heads, rows, legend)
    return Section("xtreme", table.caption, [table])


def _rows_tested(grid: Grid) -> str:
    """Whether these are XTREME's numbers: only where its rows were tested, all of them."""
    short = [
        f"{target} (down to {min(counts)})"
        for target in grid.targets
        if target in BY_TASK and (counts := _short(grid, target))
    ]
    if short:
        return (
            "No published number compares with these: other numbers of rows than XTREME's were"
            f" tested in {listing(short)}."
        )
    return "Compare with published numbers only where every row was tested."


def _short(grid: Grid, target: str) -> list[int]:
    task = BY_TASK[target]
    return [row.n for row in grid.of(target) if task.size(row.language) not in (None, row.n)]


def _test_scores(grid: Grid, model: str, intermediate: str) -> Mapping[str, Mapping[str, float]]:
    """Task and language to the mean over seeds, of test rows alone: XTREME's are of those."""
    found: dict[str, dict[str, list[float]]] = {}
    for row in grid.rows:
        if (row.model, row.intermediate, row.split) == (model, intermediate, "test"):
            found.setdefault(row.target, {}).setdefault(row.language, []).append(row.score)
    return {
        target: {language: fmean(scores) for language, scores in by_language.items()}
        for target, by_language in found.items()
    }


def missing_section(report: Report) -> Section | None:
    """Cells without a number, and what became of stages that are not done."""
    pieces: list[Piece] = []
    gone = [words(*line) for grid in report.grids for line in grid.missing()]
    if gone:
        heads = columns("model", "intermediate", "target", "missing", text=4)
        legend = [
            f"Shown as {MISSING}, or left out of a mean above and marked {INCOMPLETE}. Counted "
            "against every cell of the study's plan."
        ]
        pieces.append(Table("gone", "Cells without a number", heads, gone, legend))
    if report.unfinished:
        rows = [words(stage, state) for stage, state in report.unfinished.items()]
        heads = columns("stage", "what became of it", text=2)
        pieces.append(Table("unfinished", "Stages that are not done", heads, rows))
    return Section("missing", "Missing", pieces) if pieces else None


def certainty_section(report: Report) -> Section | None:
    """What the intervals cover, and what they do not."""
    if not report.grid.rows:
        return None
    says = "What intervals and p-values here do not say (docs/statistics.md):"
    return Section("statistics", "What the intervals mean", [says, Lines(report.analysis.notes)])


def what_was_run(report: Report) -> Section | None:
    """Models, targets and seeds; how each number was computed."""
    grid = report.grid
    if not any(each.rows for each in report.grids):
        return None
    models = [
        words(
            model,
            grid.architectures[model],
            ", ".join(dict.fromkeys(row.readout for row in grid.rows if row.model == model)),
        )
        for model in grid.models
    ]
    targets = [
        [
            *words(target, metric_of(grid, target), ", ".join(grid.languages(target))),
            TableCell(span(row.n for row in grid.of(target)) if grid.of(target) else MISSING),
        ]
        for target in grid.targets
    ]
    signatures = []
    for each in report.grids:
        for target in each.targets:
            found: dict[str, dict[str, None]] = {}
            for row in each.of(target):
                found.setdefault(row.signature, {})[row.model] = None
            signatures += [words(target, ", ".join(found[name]), name) for name in found]
    pieces: list[Piece] = [
        Table("models", "Models", columns("model", "architecture", "readout", text=3), models),
        f"Intermediates: {', '.join(grid.intermediates)}. "
        f"Seeds: {', '.join(str(seed) for seed in grid.seeds)}.",
        Table(
            "targets",
            "Targets",
            columns("target", "metric", "languages", "n per language", text=3),
            targets,
        ),
        Table(
            "signature-table",
            "Signatures",
            columns("target", "models", "signature", text=3),
            signatures,
            ["How each number was computed. Numbers with different signatures do not compare."],
        ),
    ]
    return Section("run", "What was run", pieces)


Sections: TypeAlias = tuple[Callable[[Report], Section | None], ...]

SECTIONS: Sections = (
    answer,
    read_first,
    claims_section,
    main_section,
    models_section,
    xtreme_section,
    every_language,
    gaps_section,
    distance_section,
    quality_section,
    missing_section,
    certainty_section,
    cost_section,
    what_was_run,
)
"""What a report says, in the order in which it is read."""
