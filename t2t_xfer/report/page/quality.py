"""How answers went wrong before they were scored: unreadable, in another script, cut short.

quality_section(page)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from t2t_xfer.languages import LANGUAGES
from t2t_xfer.report.document import Cell, Part, Section, Table, columns, percent, words
from t2t_xfer.report.given import PageInput
from t2t_xfer.report.grid import Grid, average
from t2t_xfer.report.marks import incomplete_mark


def quality_section(page: PageInput) -> Section:
    """Three tables, or a sentence where there is nothing to count."""
    parts = [*_invalid(page), *_drift(page), *_cut(page)]
    return Section("answers", "Unreadable, drifting and shortened", parts)


def _invalid(page: PageInput) -> list[Part]:
    rows = [row for grid in (page.grid, page.aside) for row in _invalid_rows(grid)]
    if not rows:
        return ["Every answer of every finished cell could be read."]
    heads = columns("model", "intermediate", "target", "mean", "highest", "in", text=3)
    heads[-1] = columns("in", text=1)[0]
    legend = ["Answers that could not be read count as wrong. Mean over languages, and the worst."]
    return [Table("invalid", "Invalid answers", heads, rows, legend)]


def _invalid_rows(grid: Grid) -> list[list[Cell]]:
    rows = []
    for model in grid.models:
        for intermediate in grid.intermediates:
            for target in grid.targets:
                rates = grid.invalid_rates(model, intermediate, target)
                worst = max(rates, key=lambda code: rates[code], default="")
                if worst and rates[worst] > 0:
                    mean = average(rates.values())
                    gone = incomplete_mark(grid, model, intermediate, target)
                    shares = [
                        Cell(percent(mean) + gone, key=mean),
                        Cell(percent(rates[worst]), key=rates[worst]),
                    ]
                    rows.append([*words(model, intermediate, target), *shares, Cell(worst)])
    return rows


def _drift(page: PageInput) -> list[Part]:
    """Language drift of generated answers, by script."""
    found = [each for each in page.drift if each.letters]
    if not found:
        return [
            "Language drift: no target whose answers are in the target language was answered by "
            "generated text, so there is nothing to measure."
        ]
    rows = []
    for each in found:
        script = LANGUAGES[each.language].script if each.language in LANGUAGES else ""
        place = words(each.model, each.intermediate, each.target, each.language, script)
        shares = [Cell(percent(share), key=share) for share in (each.share, each.gold_share)]
        rows.append([*place, *shares, Cell(f"{each.letters:,}", key=each.letters)])
    names = ("model", "intermediate", "target", "language", "script")
    heads = columns(*names, "outside", "gold outside", "letters", text=len(names))
    legend = [
        "Share of the letters of generated answers that are outside the script of the language "
        "they are asked in; beside it the same of the gold answers, which also hold names and "
        "terms in other scripts. It does not see a drift between two languages of one script."
    ]
    return [Table("drift", "Language drift of generated answers", heads, rows, legend)]


def _cut(page: PageInput) -> list[Part]:
    """How many inputs were longer than the model takes."""
    counts: dict[tuple[str, str, str], dict[str, tuple[int, int, int]]] = defaultdict(dict)
    for each in page.observed:
        place = (each.model, each.intermediate, each.target)
        cut = int((each.removed_tokens > 0).sum())
        before = counts[place].get(each.language, (0, 0, 0))
        now = (cut, int(each.removed_tokens.sum()), len(each.ids))
        counts[place][each.language] = tuple(map(sum, zip(before, now, strict=True)))  # type: ignore[assignment]
    rows = [
        _cut_row(place, languages)
        for place, languages in counts.items()
        if any(cut for cut, _, _ in languages.values())
    ]
    if not rows:
        return ["No input had to be shortened."] if page.observed else []
    names = ("model", "intermediate", "target")
    heads = columns(*names, "shortened", "share", "tokens removed", "most in", text=len(names))
    heads[-1] = columns("most in", text=1)[0]
    legend = [
        "Inputs that were longer than the model's limit and lost tokens at the end of their "
        "shortenable fields."
    ]
    return [Table("shortened", "Shortened inputs", heads, rows, legend)]


def _cut_row(place: Sequence[str], languages: dict[str, tuple[int, int, int]]) -> list[Cell]:
    cut, tokens, n = (sum(column) for column in zip(*languages.values(), strict=True))
    most = max(languages, key=lambda code: languages[code][0] / languages[code][2])
    numbers = [Cell(f"{cut:,}", key=cut), Cell(percent(cut / n), key=cut / n)]
    return [*words(*place), *numbers, Cell(f"{tokens:,}", key=tokens), Cell(most)]
