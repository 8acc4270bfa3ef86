"""Numbers, names and tables as Markdown text.

The rule: names and notes come from users and data, so nothing in them is read as markup.

    signed(-0.42)           # '-0.4'
    signed(-0.03)           # '0.0'
    number(None)            # '–'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tabulate import tabulate

MISSING = "–"
INCOMPLETE = "†"
SAME_DATA = "‡"
TRANSLATED = "§"
CONSTANT = "¶"


def number(value: float | None) -> str:
    """A score with one decimal."""
    return MISSING if value is None else f"{value:.1f}"


def signed(value: float | None, decimals: int = 1) -> str:
    """A change with its sign; what rounds to 0 has none, whichever side it came from."""
    if value is None:
        return MISSING
    shown = f"{value:+.{decimals}f}"
    return shown if shown.strip("+-0.") else shown[1:]


def between(interval: tuple[float, float, float]) -> str:
    """`[-0.3, +2.7]` of a number with its interval."""
    _, low, high = interval
    return f"[{signed(low)}, {signed(high)}]"


def beyond(seeds: int) -> str:
    """What a significant number goes beyond; `seeds`: the fewest that a part of it rests on.

    One seed says nothing of other training runs, so "beyond chance" would say too much.
    """
    examples = "beyond the choice of test examples"
    return examples if seeds == 1 else f"{examples} and of seeds"


def percent(share: float | None) -> str:
    """A share from 0 to 1 as `12.5 %`; more than nothing is never shown as nothing."""
    if share is None:
        return MISSING
    return "< 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %"


def span(values: Iterable[int]) -> str:
    """`200`, or `100 to 500`."""
    ends = sorted(set(values))
    return str(ends[0]) if len(ends) == 1 else f"{ends[0]} to {ends[-1]}"


def listing(items: Iterable[str]) -> str:
    """`a, b and c`."""
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last


def text(value: str) -> str:
    """Words in which Markdown and HTML see no markup, on one line."""
    plain = " ".join(value.split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*~|\[\]]|(?<!\w)_|_(?!\w))", r"\\\1", plain)


def code(value: str) -> str:
    """A code span; not inside tables, where a bar would end the cell."""
    return "`" + " ".join(value.split()).replace("`", "'") + "`"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """A table whose first `left` columns are words; the others are numbers, set to the right."""
    align = ["left"] * left + ["right"] * (len(header) - left)
    return tabulate(rows, header, tablefmt="pipe", disable_numparse=True, colalign=align)
