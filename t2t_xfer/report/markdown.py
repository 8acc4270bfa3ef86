"""A study as one Markdown page: the answer first, then the numbers behind it.

The rule: the page says nothing that its numbers cannot carry. Same-data and translate-train cells
stay out of the mean changes, incomplete numbers are marked, what is missing is listed, and no
sentence claims significance.

    Path("report.md").write_text(render_markdown("quickstart", rows, ["Synthetic data."]))
"""

from __future__ import annotations

from collections.abc import Sequence

from t2t_xfer.report.alarms import below_chance_notes
from t2t_xfer.report.cells import CellRow
from t2t_xfer.report.grid import NONE, Grid, average, by_readout, noise
from t2t_xfer.report.marks import mark, same_data_words, translated_words
from t2t_xfer.report.opening import opening, scope
from t2t_xfer.report.phrases import (
    INCOMPLETE,
    MISSING,
    code,
    number,
    percent,
    signed,
    span,
    table,
    text,
)
from t2t_xfer.report.xtreme import xtreme_averages

ASIDE = (
    "## Read in another way\n\nThe same models and sentences by another readout. These numbers are "
    "in no mean above."
)


def render_markdown(study: str, rows: Sequence[CellRow], notes: Sequence[str]) -> str:
    """The page of one study, from the rows that are there.

    `notes` stand near the top, one line each: a synthetic data source, languages that were left
    out, stages that failed.

    Raises:
        ValueError: two rows are the same cell.
    """
    main, beside = by_readout(rows)
    grid, aside = Grid(main), Grid(beside)
    notes = [*notes, *below_chance_notes(rows)]
    parts = [f"# Study {text(study)}", opening(grid), scope(grid)]
    if notes:
        parts.append("**Read this first**\n\n" + "\n".join(f"- {text(note)}" for note in notes))
    if rows:
        parts += [_what_was_run(grid), _main_table(grid), xtreme_averages(grid), _by_model(grid)]
        parts.append("## Every language")
        parts += [_one_target(grid, target) for target in grid.targets]
        if beside:
            parts += [ASIDE, *(_one_target(aside, target) for target in aside.targets)]
        grids = (grid, aside)
        parts += [_invalid(grids), _missing(grids), _signatures(grids)]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_summary(rows: Sequence[CellRow]) -> str:
    """The answer and the main table alone, for a terminal."""
    grid = Grid(by_readout(rows)[0])
    return f"{opening(grid)}\n\n{_main_table(grid)}" if rows else "No cell is finished."


def _what_was_run(grid: Grid) -> str:
    models = [
        [text(model), text(grid.architectures[model]), _readouts(grid, model)]
        for model in grid.models
    ]
    targets = []
    for target in grid.targets:
        counts = [row.n for row in grid.of(target)]
        half = noise(min(counts))
        languages = text(", ".join(grid.languages(target)))
        targets.append(
            [text(target), _metric(grid, target), languages, span(counts), f"±{half:.1f}"]
        )
    return "\n\n".join(
        [
            "## What was run",
            table(["model", "architecture", "readout"], models, left=3),
            f"Intermediates: {text(', '.join(grid.intermediates))}. "
            f"Seeds: {', '.join(str(seed) for seed in grid.seeds)}.",
            table(["target", "metric", "languages", "n per language", "noise"], targets, left=3),
            "*noise*: half-width in points of the 95 % interval of one accuracy of 50 % on the "
            "smallest n, from sampling of examples alone. For other metrics it is a rule of thumb. "
            "Confidence intervals of changes are not computed yet.",
        ]
    )


def _main_table(grid: Grid) -> str:
    header = ["model", "intermediate", *(_heading(grid, target) for target in grid.targets)]
    rows = [
        [
            text(model),
            text(intermediate),
            *(_score_cell(grid, model, intermediate, target) for target in grid.targets),
            _average_cell(grid, model, intermediate),
        ]
        for model in grid.models
        for intermediate in grid.intermediates
    ]
    legend = [
        "Mean over languages, the source language included as XTREME does, and over seeds; in "
        f"brackets the change in points against `{NONE}`, computed before rounding. The average "
        "is over all targets and only given where none is missing.",
        same_data_words(grid),
        translated_words(grid),
    ]
    if any(INCOMPLETE in cell for row in rows for cell in row):
        legend.append(
            f"{INCOMPLETE} Some languages or seeds are missing on one side; the change is over "
            "those that both runs have."
        )
    shown = table([*header, "average"], rows, left=2)
    return "\n\n".join(["## Scores and changes", shown, *(line for line in legend if line)])


def _by_model(grid: Grid) -> str:
    if not any(grid.pairs(model) for model in grid.models):
        return ""
    rows = []
    for model in grid.models:
        pairs = grid.pairs(model)
        zero_shot = [grid.change(model, *pair, grid.others(pair[1])) for pair in pairs]
        there = [change for change in zero_shot if change is not None]
        rows.append(
            [
                text(model),
                text(grid.architectures[model]),
                *(signed(grid.mean_change(model, which)) for which in ("all", "source")),
                signed(average(zero_shot)),
                f"{sum(change > 0 for change in there)} of {len(there)}" if there else MISSING,
            ]
        )
    header = ["model", "architecture", "all languages", "source language", "zero-shot languages"]
    return "\n\n".join(
        [
            "## Change by model",
            table([*header, "zero-shot pairs that rose"], rows, left=2),
            f"Mean change against `{NONE}` in points, each pair of intermediate and target "
            "weighing the same; same-data pairs left out. A pair that rose by less than the noise "
            "counts as risen too.",
        ]
    )


def _one_target(grid: Grid, target: str) -> str:
    languages = grid.languages(target)
    header = ["model", "intermediate", *(_language(grid, target, code) for code in languages)]
    scores, changes = [], []
    for model in grid.models:
        for intermediate in grid.intermediates:
            marked = text(intermediate) + mark(grid, intermediate, target)
            means = [grid.mean(model, intermediate, target, [code]) for code in languages]
            gap = grid.gap(model, intermediate, target)
            scores.append([text(model), marked, *map(number, means), signed(gap)])
            if intermediate != NONE:
                moved = [grid.change(model, intermediate, target, [code]) for code in languages]
                others = grid.change(model, intermediate, target, grid.others(target))
                changes.append([text(model), marked, *map(signed, moved), signed(others)])
    for name in ("majority", "oracle"):
        values = [grid.baseline(target, code, name) for code in languages]
        shown = [value for value in values if value is not None]
        if shown and (name == "majority" or min(shown) < 99.995):  # an oracle of 100 says nothing
            scores.append([name, "", *map(number, values), ""])
    parts = [
        f"### {_heading(grid, target)}",
        table([*header, "transfer gap"], scores, left=2),
        "*transfer gap*: source language minus the mean of the other languages that are there.",
    ]
    if changes:
        parts += [
            f"Change against `{NONE}` in points:",
            table([*header, "mean zero-shot"], changes, left=2),
        ]
    return "\n\n".join(parts)


def _invalid(grids: Sequence[Grid]) -> str:
    rows = [row for grid in grids for row in _invalid_rows(grid)]
    if not rows:
        return "## Invalid answers\n\nEvery answer of every finished cell could be read."
    header = ["model", "intermediate", "target", "mean over languages", "highest"]
    words = "Answers that could not be read. They count as wrong."
    return "\n\n".join(["## Invalid answers", words, table(header, rows, left=3)])


def _invalid_rows(grid: Grid) -> list[list[str]]:
    rows = []
    for model in grid.models:
        for intermediate in grid.intermediates:
            for target in grid.targets:
                rates = grid.invalid_rates(model, intermediate, target)
                worst = max(rates, key=lambda language: rates[language], default="")
                if worst and rates[worst] > 0:
                    mean = percent(average(rates.values()))
                    shown = f"{text(worst)} {percent(rates[worst])}"
                    rows.append([text(model), text(intermediate), text(target), mean, shown])
    return rows


def _missing(grids: Sequence[Grid]) -> str:
    rows = [[text(value) for value in line] for grid in grids for line in grid.missing()]
    if not rows:
        return ""
    words = (
        f"Shown as {MISSING}, or left out of a mean above and marked {INCOMPLETE}. Counted against "
        "every model, intermediate, target, language and seed that any finished cell names."
    )
    shown = table(["model", "intermediate", "target", "missing"], rows, left=4)
    return "\n\n".join(["## Missing", words, shown])


def _signatures(grids: Sequence[Grid]) -> str:
    lines = []
    for grid in grids:
        for target in grid.targets:
            found = dict.fromkeys(row.signature for row in grid.of(target))
            lines.append(f"- {text(target)}: " + ", ".join(map(code, found)))
    return "## Signatures\n\nHow each number was computed:\n\n" + "\n".join(lines)


def _score_cell(grid: Grid, model: str, intermediate: str, target: str) -> str:
    """`61.2 (+3.4)` and its marks."""
    score = number(grid.mean(model, intermediate, target))
    if score == MISSING:
        return MISSING
    whole = grid.complete(model, intermediate, target)
    if intermediate != NONE:
        score += f" ({signed(grid.change(model, intermediate, target))})"
        whole = whole and grid.complete(model, NONE, target)
    return score + mark(grid, intermediate, target) + ("" if whole else INCOMPLETE)


def _average_cell(grid: Grid, model: str, intermediate: str) -> str:
    scores = [grid.mean(model, intermediate, target) for target in grid.targets]
    if None in scores:
        return MISSING
    shown = number(average(scores))
    if intermediate == NONE:
        sides: tuple[str, ...] = (NONE,)
    else:
        counted = [t for t in grid.targets if grid.counts(intermediate, t)]
        changes = [grid.change(model, intermediate, target) for target in counted]
        shown += f" ({MISSING if None in changes else signed(average(changes))})"
        sides = (NONE, intermediate)
    whole = all(grid.complete(model, side, t) for side in sides for t in grid.targets)
    return shown + ("" if whole else INCOMPLETE)


def _metric(grid: Grid, target: str) -> str:
    return text(", ".join(dict.fromkeys(row.metric for row in grid.of(target))))


def _heading(grid: Grid, target: str) -> str:
    return f"{text(target)} ({_metric(grid, target)})"


def _language(grid: Grid, target: str, code: str) -> str:
    return f"{text(code)} (source)" if code == grid.source(target) else text(code)


def _readouts(grid: Grid, model: str) -> str:
    return text(", ".join(dict.fromkeys(row.readout for row in grid.rows if row.model == model)))
