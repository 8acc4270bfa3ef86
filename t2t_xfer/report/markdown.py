"""A study as one Markdown page: the answer first, then the numbers behind it.

The rule: the page says nothing that its numbers cannot carry. Same-data and translate-train cells
stay out of the mean changes, incomplete numbers are marked, what is missing is listed, and a change
is called significant by its adjusted paired p-value alone.

    page = render_markdown("quickstart", study_numbers(observed), ["Synthetic data."])
"""

from __future__ import annotations

from collections.abc import Sequence

from t2t_xfer.report.alarms import first_notes
from t2t_xfer.report.claims import Verdict
from t2t_xfer.report.claims_section import claims_section
from t2t_xfer.report.contrasts import contrasts_section
from t2t_xfer.report.document import (
    CONSTANT,
    INCOMPLETE,
    MISSING,
    STAR,
    between,
    code,
    number,
    percent,
    signed,
    span,
    star,
    table,
    text,
)
from t2t_xfer.report.findings import LEVEL, Change
from t2t_xfer.report.grid import NONE, Grid, average
from t2t_xfer.report.main_table import OVER_ALL, Entry, legend, main_table, metric_of
from t2t_xfer.report.marks import change_marks, constant_mark, incomplete_mark, mark, mean_marks
from t2t_xfer.report.numbers import Analysed, Numbers
from t2t_xfer.report.opening import opening, scope
from t2t_xfer.report.xtreme import xtreme_averages

ASIDE = (
    "## Read in another way\n\nThe same models and sentences by another readout. These numbers are "
    "in no mean above."
)


BY_LANGUAGE = (
    f"{STAR} adjusted p below {LEVEL:g}: by Benjamini-Hochberg among the languages, by Holm "
    "among the means."
)


def render_markdown(
    study: str, numbers: Numbers, notes: Sequence[str], verdicts: Sequence[Verdict] = ()
) -> str:
    """The page of one study, from the cells that are there.

    Args:
        notes: stand near the top, one line each: a synthetic data source, languages that were left
            out, stages that failed.
        verdicts: on claims, if some were judged.
    """
    main, aside = numbers.main, numbers.aside
    rows = (*main.grid.rows, *aside.grid.rows)
    notes = [*notes, *first_notes((main.grid, aside.grid))]
    parts = [f"# Study {text(study)}", opening(main), scope(main.grid)]
    parts.append(_read_first(notes))
    if rows:
        parts += [_what_was_run(main.grid), _main_table(main), _limits(main)]
        parts += [xtreme_averages(main.grid), _by_model(main), contrasts_section(main)]
    parts.append(claims_section(verdicts))
    if rows:
        parts.append("## Every language")
        parts += [_one_target(main, target) for target in main.grid.targets]
        if aside.grid.rows:
            parts += [ASIDE, *(_one_target(aside, target) for target in aside.grid.targets)]
        grids = (main.grid, aside.grid)
        parts += [_invalid(grids), _missing(grids), _signatures(grids)]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_summary(numbers: Numbers) -> str:
    """The answer and the main table alone, for a terminal."""
    if not numbers.main.grid.rows:
        return "No cell is finished."
    notes = _read_first(first_notes((numbers.main.grid, numbers.aside.grid)))
    return "\n\n".join(filter(None, (opening(numbers.main), notes, _main_table(numbers.main))))


def _read_first(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    return "**Read this first**\n\n" + "\n".join(f"- {text(note)}" for note in notes)


def _what_was_run(grid: Grid) -> str:
    models = [
        [text(model), text(grid.architectures[model]), _readouts(grid, model)]
        for model in grid.models
    ]
    targets = []
    for target in grid.targets:
        counts = span(row.n for row in grid.of(target)) if grid.of(target) else MISSING
        languages = text(", ".join(grid.languages(target)))
        targets.append([text(target), text(metric_of(grid, target)), languages, counts])
    return "\n\n".join(
        [
            "## What was run",
            table(["model", "architecture", "readout"], models, left=3),
            f"Intermediates: {text(', '.join(grid.intermediates))}. "
            f"Seeds: {', '.join(str(seed) for seed in grid.seeds)}.",
            table(["target", "metric", "languages", "n per language"], targets, left=3),
        ]
    )


def _main_table(numbers: Analysed) -> str:
    grid = numbers.grid
    found = main_table(numbers)
    header = ["model", "intermediate", *(_heading(grid, target) for target in grid.targets)]
    rows = [[text(row.model), text(row.intermediate), *map(_entry, row.entries)] for row in found]
    shown = table([*header, "average"], rows, left=2)
    return "\n\n".join(["## Scores and changes", shown, OVER_ALL, *legend(numbers, found)])


def _limits(numbers: Analysed) -> str:
    """What the intervals do not cover."""
    lines = "\n".join(f"- {text(note)}" for note in numbers.analysis.notes)
    return f"What intervals and p-values here do not say (docs/statistics.md):\n\n{lines}"


def _by_model(numbers: Analysed) -> str:
    grid = numbers.grid
    if not any(grid.pairs(model) for model in grid.models):
        return ""
    rows = []
    for model in grid.models:
        zero_shot = numbers.analysis.change(model, None, None)
        marks = mean_marks(grid, [model], grid.targets)
        found = [
            change
            for pair in grid.pairs(model)
            if (change := numbers.analysis.change(model, *pair)) is not None
        ]
        rose = [change for change in found if change.interval.value > 0]
        clear = [change for change in found if change.significant]
        up = sum(change.interval.value > 0 for change in clear)
        rows.append(
            [
                text(model),
                text(grid.architectures[model]),
                *(signed(grid.mean_change(model, which)) + marks for which in ("all", "source")),
                MISSING if zero_shot is None else _with_interval(zero_shot) + marks,
                MISSING if zero_shot is None else f"{zero_shot.adjusted:.3f}",
                f"{len(rose)} of {len(found)}" if found else MISSING,
                f"{up} up, {len(clear) - up} down" if found else MISSING,
            ]
        )
    incomplete = any(INCOMPLETE in cell for row in rows for cell in row)
    header = ["model", "architecture", "all languages", "source language", "zero-shot languages"]
    header += ["adjusted p", "zero-shot pairs that rose", "significant ones"]
    return "\n\n".join(
        [
            "## Change by model",
            table(header, rows, left=2),
            f"Mean change against `{NONE}` in points, each pair of intermediate and target "
            "weighing the same; same-data pairs left out. In brackets the 95 % interval. "
            + (f"{INCOMPLETE} Cells of the plan are missing from the mean." if incomplete else ""),
        ]
    )


def _with_interval(change: Change) -> str:
    return f"{signed(change.interval.value)} {between(change.interval)}{star(change.significant)}"


def _one_target(numbers: Analysed, target: str) -> str:
    grid, analysis = numbers
    languages = grid.languages(target)
    header = ["model", "intermediate", *(_language(grid, target, code) for code in languages)]
    scores, changes = [], []
    for model in grid.models:
        for intermediate in grid.intermediates:
            marked = text(intermediate) + mark(grid, intermediate, target)
            place = (model, intermediate, target)
            collapsed = grid.collapsed(*place)
            means = [
                number(grid.mean(*place, [code])) + (CONSTANT if code in collapsed else "")
                for code in languages
            ]
            scores.append(
                [
                    text(model),
                    marked,
                    *means,
                    signed(grid.gap(*place)) + incomplete_mark(grid, *place),
                ]
            )
            if intermediate != NONE:
                moved = [
                    _moved(analysis.change(*place, code)) + constant_mark(grid, *place, [code])
                    for code in languages
                ]
                others = analysis.change(*place)
                mean = MISSING if others is None else _with_interval(others)
                changes.append(
                    [
                        text(model),
                        marked,
                        *moved,
                        mean + change_marks(grid, *place, grid.others(target)),
                    ]
                )
    majority = [grid.majority(target, code) for code in languages]
    if any(value is not None for value in majority):
        scores.append(["majority", "", *map(number, majority), ""])
    parts = [
        f"### {_heading(grid, target)}",
        table([*header, "transfer gap"], scores, left=2),
        "*transfer gap*: source language minus the mean of the other languages that are there.",
    ]
    if changes:
        parts += [
            f"Change against `{NONE}` in points:",
            table([*header, "mean zero-shot"], changes, left=2),
            *([BY_LANGUAGE] if any(STAR in cell for line in changes for cell in line) else []),
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
                    mean += incomplete_mark(grid, model, intermediate, target)
                    shown = f"{text(worst)} {percent(rates[worst])}"
                    rows.append([text(model), text(intermediate), text(target), mean, shown])
    return rows


def _missing(grids: Sequence[Grid]) -> str:
    rows = [[text(value) for value in line] for grid in grids for line in grid.missing()]
    if not rows:
        return ""
    words = (
        f"Shown as {MISSING}, or left out of a mean above and marked {INCOMPLETE}. Counted against "
        "every cell of the study's plan."
    )
    shown = table(["model", "intermediate", "target", "missing"], rows, left=4)
    return "\n\n".join(["## Missing", words, shown])


def _signatures(grids: Sequence[Grid]) -> str:
    lines = []
    for grid in grids:
        for target in grid.targets:
            found = dict.fromkeys(row.signature for row in grid.of(target))
            if found:
                lines.append(f"- {text(target)}: " + ", ".join(map(code, found)))
    return "## Signatures\n\nHow each number was computed:\n\n" + "\n".join(lines)


def _moved(change: Change | None) -> str:
    return MISSING if change is None else signed(change.interval.value) + star(change.significant)


def _entry(entry: Entry) -> str:
    """`61.2 (+3.4*)` and its marks."""
    if entry.score is None:
        return MISSING
    shown = number(entry.score)
    if entry.has_change:
        change = MISSING if entry.change is None else signed(entry.change.interval.value)
        shown += f" ({change}{star(entry.significant)})"
    return shown + entry.marks


def _heading(grid: Grid, target: str) -> str:
    return f"{text(target)} ({text(metric_of(grid, target))})"


def _language(grid: Grid, target: str, code: str) -> str:
    return f"{text(code)} (source)" if code == grid.source(target) else text(code)


def _readouts(grid: Grid, model: str) -> str:
    return text(", ".join(dict.fromkeys(row.readout for row in grid.rows if row.model == model)))
