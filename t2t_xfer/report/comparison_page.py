"""A comparison of two runs as Markdown: what moved, by language, and what could not be compared.

print(render_comparison(compare(first, second)))
"""

from __future__ import annotations

from collections.abc import Sequence

from t2t_xfer.report.compare import Comparison, Line
from t2t_xfer.report.document import (
    INCOMPLETE,
    STAR,
    beyond,
    listing,
    number,
    signed,
    star,
    table,
    text,
)
from t2t_xfer.report.findings import LEVEL

HEADER = ("model", "intermediate", "target", "language", "n", "first", "second")


def render_comparison(found: Comparison) -> str:
    """The page. It says nothing of what only one side has, but lists it."""
    parts = [f"# {text(found.second)} against {text(found.first)}", _opening(found)]
    means = [line for line in found.lines if line.language is None]
    single = [line for line in found.lines if line.language is not None]
    if means:
        parts += ["## Means over the compared languages", _table(means)]
        if any(line.languages[0] < line.languages[1] for line in means):
            parts.append(
                f"{INCOMPLETE} Not every language of the two runs is in the mean: below stand those"
                " that one side lacks, or that cannot be compared."
            )
    if single:
        parts += ["## By language", _table(single), _legend(found)]
    if found.refused:
        parts += ["## Not comparable", _items(found.refused)]
    if found.alone:
        parts += ["## On one side only", _items(found.alone)]
    return "\n\n".join(parts) + "\n"


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


def _table(lines: Sequence[Line]) -> str:
    rows = [
        [
            text(line.model),
            text(line.intermediate),
            text(line.target),
            _languages(line),
            str(line.n) if line.n == line.of else f"{line.n} of {line.of}",
            number(line.first),
            number(line.second),
            signed(line.interval.value) + star(line.significant),
            f"{signed(line.interval.low)} to {signed(line.interval.high)}",
            f"{line.p:.3f}",
            f"{line.adjusted:.3f}",
        ]
        for line in lines
    ]
    return table([*HEADER, "difference", "95 % interval", "p", "adjusted p"], rows, left=4)


def _languages(line: Line) -> str:
    """`de`, `all 5`, or `3 of 5`: a mean without the languages that only one side has."""
    if line.language is not None:
        return text(line.language)
    there, known = line.languages
    return f"all {there}" if there == known else f"{there} of {known} {INCOMPLETE}"


def _legend(found: Comparison) -> str:
    seeds = {line.seeds for line in found.lines}
    words = (
        f"*difference*: second minus first ({text(found.second)} minus {text(found.first)}), in"
        " points, over the examples that both have; the interval redraws these examples for both"
        f" alike. {STAR} adjusted p below {LEVEL:g}: by Holm among the means, by"
        " Benjamini-Hochberg among the languages."
    )
    if any(len(each) == 1 for each in seeds):
        words += (
            " With one seed, the intervals are of examples alone: training once more with another"
            " seed would move scores too."
        )
    return words


def _items(lines: Sequence[str]) -> str:
    return "\n".join(f"- {text(line)}" for line in lines)
