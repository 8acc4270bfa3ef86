"""A comparison of two runs as a document: what moved, by language, and what could not be compared.

print(render_markdown(comparison(compare(first, second))))
"""

from __future__ import annotations

from collections.abc import Sequence

from t2t_xfer.report.compare import Compared, Comparison
from t2t_xfer.report.document import (
    EVERYWHERE,
    INCOMPLETE,
    STAR,
    Document,
    Lines,
    Section,
    Table,
    TableCell,
    beyond,
    change_cell,
    columns,
    listing,
    number,
    p_number,
    scale_of,
    words,
)
from t2t_xfer.report.findings import LEVEL

WORDS = ("model", "intermediate", "target", "language")
NUMBERS = ("n", "first", "second", "difference", "p", "adjusted p")
PARTIAL = (
    f"{INCOMPLETE} Not every language of the two runs is in the mean: below stand those that one"
    " side lacks, or that cannot be compared."
)


def comparison(found: Comparison) -> Document:
    """The document. It says nothing of what only one side has, but lists it."""
    sections = [Section("answer", "", [_opening(found)], EVERYWHERE, lead=True)]
    means = [line for line in found.lines if line.language is None]
    single = [line for line in found.lines if line.language is not None]
    if means:
        partial = any(line.languages[0] < line.languages[1] for line in means)
        table = _table("means", "Means over the compared languages", means, [PARTIAL] * partial)
        sections.append(Section("by-mean", table.caption, [table], EVERYWHERE))
    if single:
        table = _table("languages", "By language", single, [_legend(found)])
        sections.append(Section("by-language", table.caption, [table], EVERYWHERE))
    for id, title, lines in (
        ("refused", "Not comparable", found.refused),
        ("alone", "On one side only", found.alone),
    ):
        if lines:
            sections.append(Section(id, title, [Lines(lines)], EVERYWHERE))
    return Document(f"{found.second} against {found.first}", sections)


def _opening(found: Comparison) -> str:
    if not found.lines:
        return (
            "Nothing can be compared: the two have no cell with the same model, intermediate,"
            " target, language and seed that measures the same rows in the same way."
        )
    single = [line for line in found.lines if line.language is not None]
    further = beyond(min(len(line.seeds) for line in single))
    moved = [line for line in single if line.significant]
    if not moved:
        return (
            f"{len(single)} scores are compared, each on the same examples. None differs"
            f" {further} (Benjamini-Hochberg, {LEVEL:g})."
        )
    rose = sum(line.interval.value > 0 for line in moved)
    verb = "differs" if len(moved) == 1 else "differ"
    counts = listing(
        [f"{n} {word}" for n, word in ((rose, "higher"), (len(moved) - rose, "lower")) if n]
    )
    return (
        f"{len(single)} scores are compared, each on the same examples. {len(moved)} {verb}"
        f" {further} (Benjamini-Hochberg, {LEVEL:g}): in the second run, {counts}."
    )


def _table(id: str, caption: str, lines: Sequence[Compared], legend: Sequence[str]) -> Table:
    scale = scale_of(line.interval.value for line in lines)
    rows = [
        [
            *words(line.model, line.intermediate, line.target, _languages(line)),
            TableCell(str(line.n) if line.n == line.of else f"{line.n} of {line.of}", key=line.n),
            TableCell(number(line.first), key=line.first),
            TableCell(number(line.second), key=line.second),
            change_cell(line.interval, scale=scale, significant=line.significant),
            TableCell(p_number(line.p), key=line.p),
            TableCell(p_number(line.adjusted), key=line.adjusted),
        ]
        for line in lines
    ]
    return Table(id, caption, columns(*WORDS, *NUMBERS, text=len(WORDS)), rows, legend)


def _languages(line: Compared) -> str:
    """`de`, `all 5`, or `3 of 5`: a mean without the languages that only one side has."""
    if line.language is not None:
        return line.language
    there, known = line.languages
    return f"all {there}" if there == known else f"{there} of {known} {INCOMPLETE}"


def _legend(found: Comparison) -> str:
    seeds = {line.seeds for line in found.lines}
    says = (
        f"Difference: second minus first ({found.second} minus {found.first}), in points, over the"
        " examples that both have; in brackets its 95 % interval, which redraws these examples for"
        f" both alike. {STAR} adjusted p below {LEVEL:g}: by Holm among the means, by"
        " Benjamini-Hochberg among the languages."
    )
    if any(len(each) == 1 for each in seeds):
        says += (
            " With one seed, the intervals are of examples alone: training once more with another"
            " seed would move scores too."
        )
    return says
