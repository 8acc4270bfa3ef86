"""The paper's main table: rows are intermediates by model, columns targets and their average.

The rules: an entry knows what its number lacks, so that every form of the report says the same; the
change beside a score is over the same languages as the score; a marked change stays out of every
mean change (`Grid.counts`). The star has one meaning everywhere: an adjusted p below `LEVEL`.

    main_section(report)            # the same cells on a page, in Markdown, LaTeX and a terminal
    mark(grid, "mnli", "xnli")      # '‡'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from t2t_xfer.report.document import (
    CONSTANT,
    EVERYWHERE,
    INCOMPLETE,
    INTERVAL,
    MISSING,
    SAME_DATA,
    STAR,
    TRANSLATED,
    Column,
    Fold,
    Section,
    Table,
    TableCell,
    bounds,
    columns,
    listing,
    missing,
    number,
    p_number,
    p_text,
    scale_of,
    shade,
    signed,
    star,
    words,
)
from t2t_xfer.report.findings import LEVEL, Analysed, Change
from t2t_xfer.report.given import Report
from t2t_xfer.report.numbers import ALL, NONE, Grid, average

OVER_ALL = (
    "Mean over languages, the source language included as XTREME does, and over seeds; with it the"
    f" change in points against {NONE}, on the languages and seeds that both have. The average is"
    " over all targets and only given where none is missing; the change beside it is over those"
    " that count."
)
SIGNIFICANT = (
    f"{STAR} The change is significant: its paired p-value is below {LEVEL:g} after adjustment "
    "for the number of changes in the table (Holm)."
)
INCOMPLETE_WORDS = (
    f"{INCOMPLETE} Some languages or seeds are missing on one side; the change is over "
    "those that both runs have."
)
BASELINE = "has the majority baseline's score, with every seed, on"


def main_section(report: Report) -> Section | None:
    """The main table; written out or folded: over the zero-shot languages, and every change."""
    grid, numbers = report.grid, report.numbers.main
    if not grid.rows:
        return None
    heads = [*columns("model", "intermediate", text=2), *targets_heads(grid), Column("average")]
    scale = scale_of(
        change.interval.value
        for change in report.analysis.changes
        if change.language is None and change.target and change.intermediate
    )

    def table(id: str, caption: str, view: str | None, says: str) -> Table:
        found = main_table(numbers, view)
        rows = [
            [*words(row.model, row.intermediate), *(entry_cell(e, scale) for e in row.entries)]
            for row in found
        ]
        entries = [entry for row in found for entry in row.entries]
        marks = legend(grid, entries) if view == ALL else []
        return Table(id, caption, heads, rows, [says, *marks], intervals=False)

    zero_shot = table(
        "scores-zero-shot",
        "Over the zero-shot languages",
        None,
        "The same over the zero-shot languages alone, with the same marks.",
    )
    every = _every_change(report)
    folds = [
        Fold(each.caption, [each])
        for each in (zero_shot, every)
        if any(cell.key is not None for row in each.rows for cell in row)
    ]
    shown = table("scores", "Over all languages", ALL, OVER_ALL)
    return Section("main", "Scores and changes", [shown, *folds], EVERYWHERE)


@dataclass(frozen=True)
class MeanScore:
    """A mean score over languages and seeds, and its change against none."""

    score: float | None
    """0 to 100."""
    change: Change | None = None
    """None: nothing to compare with."""
    has_change: bool = False
    """The line is of an intermediate, so that a change belongs here, known or not."""
    marks: str = ""
    """What the number lacks: `SAME_DATA`, `TRANSLATED`, `CONSTANT`, `INCOMPLETE`."""

    @property
    def significant(self) -> bool:
        """Whether the change is marked."""
        return self.change is not None and self.change.significant


@dataclass(frozen=True)
class MainLine:
    """One model after one intermediate."""

    model: str
    intermediate: str
    entries: tuple[MeanScore, ...]
    """A target each, then the average."""


def main_table(numbers: Analysed, view: str | None = ALL) -> list[MainLine]:
    """The lines, models and intermediates in the order of the grid.

    Args:
        view: `ALL`: means over all languages, as XTREME's. None: over the zero-shot languages.
    """
    grid = numbers.grid
    targets = [target for target in grid.targets if _languages(grid, target, view)]
    lines = []
    for model, intermediate in product(grid.models, grid.intermediates):
        place = _Place(numbers, model, intermediate, view)
        entries = {target: place.entry(target) for target in targets}
        shown = [entries.get(target, MeanScore(None)) for target in grid.targets]
        average = place.average(list(entries.values()), targets)
        lines.append(MainLine(model, intermediate, (*shown, average)))
    return lines


def entry_cell(entry: MeanScore, scale: float) -> TableCell:
    """A score, with its change beside it."""
    if entry.score is None:
        return missing()
    shown = number(entry.score)
    if not entry.has_change:
        return TableCell(shown, marks=entry.marks, key=entry.score)
    if entry.change is None:
        note = "no change known"
        return TableCell(shown, MISSING, marks=entry.marks, key=entry.score, note=note)
    interval = entry.change.interval
    return TableCell(
        shown,
        signed(interval.value) + star(entry.significant),
        interval,
        marks=entry.marks,
        key=entry.score,
        shade=shade(interval.value, scale),
        note=told(entry.change),
        strong=entry.significant,
    )


def told(change: Change) -> str:
    """All that is known of a change, on one line."""
    return (
        f"{signed(change.interval.value)} points, {INTERVAL} {bounds(change.interval)}, "
        f"{p_text(change.p)}, adjusted {p_text(change.adjusted)}, effect size "
        f"{signed(change.effect, 2)}, n = {change.n}, seeds: {change.seeds}"
    )


def targets_heads(grid: Grid) -> list[Column]:
    """A column for each target, with its metric."""
    return [Column(target, small=metric_of(grid, target)) for target in grid.targets]


def metric_of(grid: Grid, target: str) -> str:
    """The metric's name, several where cells differ in it, and the split if it is not `test`.

    A dash where no cell is finished.
    """
    rows = grid.of(target)
    splits = [f"{row.split} rows" for row in rows if row.split != "test"]
    return ", ".join(dict.fromkeys([*(row.metric for row in rows), *splits])) or MISSING


def legend(grid: Grid, entries: Iterable[MeanScore]) -> list[str]:
    """What the marks mean that stand in these entries."""
    entries = list(entries)
    shown = "".join(entry.marks for entry in entries)
    return [
        *([SIGNIFICANT] if any(entry.significant for entry in entries) else []),
        *filter(None, (*same_data_words(grid), translated_words(grid))),
        *([constant_words(grid)] if CONSTANT in shown else []),
        *([INCOMPLETE_WORDS] if INCOMPLETE in shown else []),
    ]


def _languages(grid: Grid, target: str, view: str | None) -> tuple[str, ...]:
    return grid.languages(target) if view == ALL else grid.others(target)


class _Place(NamedTuple):
    numbers: Analysed
    model: str
    intermediate: str
    view: str | None

    def entry(self, target: str) -> MeanScore:
        """The mean score in a target."""
        grid = self.numbers.grid
        place = (self.model, self.intermediate, target)
        languages = _languages(grid, target, self.view)
        score = grid.mean(*place, languages)
        if score is None:
            return MeanScore(None)
        return MeanScore(
            score,
            self._change(target),
            has_change=self.intermediate != NONE,
            marks=mark(grid, self.intermediate, target) + change_marks(grid, *place, languages),
        )

    def average(self, entries: Sequence[MeanScore], targets: Sequence[str]) -> MeanScore:
        """Over all targets, where none is missing; its change over those that count."""
        score = average(entry.score for entry in entries)
        if score is None or any(entry.score is None for entry in entries):
            return MeanScore(None)
        counted = [
            entry
            for entry, target in zip(entries, targets, strict=True)
            if self.numbers.grid.counts(self.intermediate, target)
        ]
        known = all(entry.change is not None for entry in counted)
        shown = "".join(entry.marks for entry in entries)
        return MeanScore(
            score,
            self._change(None) if known else None,
            has_change=self.intermediate != NONE,
            marks="".join(each for each in (CONSTANT, INCOMPLETE) if each in shown),
        )

    def _change(self, target: str | None) -> Change | None:
        if self.intermediate == NONE:
            return None
        return self.numbers.analysis.change(self.model, self.intermediate, target, self.view)


def _every_change(report: Report) -> Table:
    """The zero-shot changes with all that is known of them."""
    rows = [
        [
            *words(each.model, each.intermediate or "", each.target or "all targets"),
            TableCell("" if each.counts else "in no mean"),
            TableCell(
                signed(each.interval.value) + star(each.significant),
                interval=each.interval,
                key=each.interval.value,
            ),
            TableCell(p_number(each.p), key=each.p),
            TableCell(p_number(each.adjusted), key=each.adjusted),
            TableCell(signed(each.effect, 2), key=each.effect),
            TableCell(str(each.n), key=each.n),
            TableCell(str(each.seeds), key=each.seeds),
        ]
        for each in report.analysis.changes
        if each.language is None and each.intermediate is not None
    ]
    named = ("model", "intermediate", "target", "counts", "change", "p", "adjusted p")
    heads = columns(*named, "effect size", "n", "seeds", text=4)
    says = (
        "Zero-shot changes, paired by example. p: two-sided, of no change; adjusted: for the "
        "number of tests. Effect size: Cohen's h, the change on the arcsine scale. n: examples of "
        "the smallest language. docs/statistics.md says what each column means."
    )
    return Table("changes", "Every change with its test", heads, rows, [says])


def mark(grid: Grid, intermediate: str, target: str) -> str:
    """The marks of a cell; mostly none."""
    same = SAME_DATA if grid.same_data(intermediate, target) else ""
    return same + (TRANSLATED if grid.translated(intermediate, target) else "")


def constant_mark(
    grid: Grid, model: str, intermediate: str, target: str, languages: Sequence[str] | None = None
) -> str:
    """The mark of a number that a constant answer is part of, on either side of a change."""
    found = {
        code
        for side in (intermediate, NONE)
        for code in grid.collapsed(model, side, target)
        if languages is None or code in languages
    }
    return CONSTANT if found else ""


def incomplete_mark(
    grid: Grid, model: str, intermediate: str, target: str, languages: Sequence[str] | None = None
) -> str:
    """The mark of a mean that some of its languages or seeds have no part in."""
    return "" if grid.complete(model, intermediate, target, languages) else INCOMPLETE


def change_marks(
    grid: Grid, model: str, intermediate: str, target: str, languages: Sequence[str] | None = None
) -> str:
    """What a change lacks on either side: constant answers, missing cells."""
    sides = dict.fromkeys((intermediate, NONE))
    gone = any(incomplete_mark(grid, model, side, target, languages) for side in sides)
    constant = constant_mark(grid, model, intermediate, target, languages)
    return constant + (INCOMPLETE if gone else "")


def mean_marks(grid: Grid, models: Sequence[str], targets: Sequence[str]) -> str:
    """What mean changes over the intermediates of these lack, in the zero-shot languages."""
    places = [
        (model, intermediate, target)
        for model, intermediate, target in product(models, grid.planned_intermediates, targets)
        if intermediate != NONE and grid.counts(intermediate, target) and grid.others(target)
    ]
    shown = "".join(change_marks(grid, *place, grid.others(place[2])) for place in places)
    return "".join(mark for mark in (CONSTANT, INCOMPLETE) if mark in shown)


def constant_words(grid: Grid) -> str:
    """What the mark of constant answers means; empty where there are none."""
    if not collapse_notes(grid):
        return ""
    return (
        f"{CONSTANT} Some of the cells in it, or in what it is compared with, hold one constant"
        " answer, or the majority baseline's score in every language and seed: a model that has not"
        " learnt the task. Its change is not known to be exactly 0: the interval leaves open what"
        " the tested examples cannot show (the rule of three; docs/statistics.md)."
    )


def collapse_notes(grid: Grid) -> list[str]:
    """A sentence for each model and target with constant answers, which names the cells."""
    found: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for model, intermediate, target in product(grid.models, grid.intermediates, grid.targets):
        codes = grid.collapsed(model, intermediate, target)
        if codes:
            constant = grid.constant(model, intermediate, target) == codes
            does = "gives one answer to every example of" if constant else BASELINE
            found.setdefault((model, does, target, codes), []).append(intermediate)
    notes = []
    for (model, does, target, codes), intermediates in found.items():
        whole = len(codes) == len(grid.languages(target))
        where = "every language" if whole else ", ".join(codes)
        notes.append(
            f"Constant answers ({CONSTANT}): {model} {does} {target} after"
            f" {listing(intermediates)}, in {where}. It has not learnt the task there, and its"
            " change says nothing of transfer."
        )
    return notes


def same_data_words(grid: Grid) -> list[str]:
    """What the mark of same-data cells means, with the pairs that have it."""
    pairs = _pairs(grid, grid.same_data)
    found = []
    if pairs:
        found.append(
            f"{SAME_DATA} Same-data cells, kept out of every mean change: {listing(pairs)}. The "
            "intermediate task trains on examples that train the target too, all of them or some, "
            "so such a run trains longer on the same data and shows no transfer between tasks "
            "(docs/decisions/005-same-data.md). The change beside "
            "an average is therefore over fewer targets than the average where such a cell is."
        )
    if any(row.same_data is None for row in grid.rows):
        found.append(
            "Whether an intermediate task shares the target's training data is not known here "
            "(cells.csv does not hold it): such cells may be inside the mean changes."
        )
    return found


def translated_words(grid: Grid) -> str:
    """What the mark of translate-train cells means, with the pairs that have it."""
    pairs = _pairs(grid, grid.translated)
    if not pairs:
        return ""
    return (
        f"{TRANSLATED} Translate-train cells, not zero-shot, kept out of every mean change:"
        f" {listing(pairs)}. Rows in other languages than the source language trained the"
        " intermediate task or the target (docs/translate.md)."
    )


def _pairs(grid: Grid, marked: Callable[[str, str], bool]) -> list[str]:
    return [
        f"{intermediate} before {target}"
        for intermediate in grid.intermediates
        for target in grid.targets
        if marked(intermediate, target)
    ]
