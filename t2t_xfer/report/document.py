"""What a document is made of: sections of paragraphs, lists, tables, pictures; numbers in words.

The rule: a cell says its number and its sign in text. A shade repeats them, and is never the only
carrier. Names and notes come from users and data, so nothing in them is read as markup.

    Section("gaps", "Transfer gap", ["English minus others."], [table, Picture(...)])
    signed(-0.42)           # '-0.4'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from markupsafe import Markup
from tabulate import tabulate

if TYPE_CHECKING:
    from t2t_xfer.report.intervals import Interval


MISSING = "–"
STAR = "*"
INCOMPLETE = "†"
SAME_DATA = "‡"
TRANSLATED = "§"
CONSTANT = "¶"


def star(significant: bool) -> str:
    """The mark of a significant change."""
    return STAR if significant else ""


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


@dataclass(frozen=True)
class Picture:
    """A drawing in the page, with what it shows in words."""

    svg: Markup
    alt: str
    caption: str


@dataclass(frozen=True)
class Fold:
    """What is closed until it is asked for."""

    summary: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Lines:
    """A list."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Beside:
    """Tables next to each other where there is room."""

    heading: str
    id: str
    tables: Sequence[Table]
    text: Sequence[str] = ()


Part: TypeAlias = "str | Table | Picture | Fold | Lines | Beside"


@dataclass(frozen=True)
class Section:
    """A heading, and what stands below it. Strings are paragraphs."""

    id: str
    title: str
    parts: Sequence[Part] = field(default_factory=tuple)

    @property
    def empty(self) -> bool:
        """Nothing stands below the heading."""
        return not self.parts


def part_kind(part: Part) -> str:
    """The name of a part's class, for the template."""
    return "text" if isinstance(part, str) else type(part).__name__.lower()


MINUS = "\N{MINUS SIGN}"
INTERVAL = "95\N{NO-BREAK SPACE}% interval"
STRONGEST = 60
"""Per cent of colour that the strongest shade mixes into the paper: text stays readable on it."""


@dataclass(frozen=True)
class Cell:
    """One cell of a table."""

    text: str
    small: str = ""
    """A second line in small print: an interval, a change."""
    key: float | None = None
    """What a numeric column is sorted by; None: by the text, missing ones last."""
    shade: int = 0
    """Per cent of colour, -STRONGEST to STRONGEST; the sign is the direction."""
    note: str = ""
    """Shown beside the table on hover, tap or focus; never more than a repetition in words."""
    strong: bool = False
    """Significant after adjustment, as everywhere; the text has the star too."""
    heading: bool = False
    """The row's own heading."""


@dataclass(frozen=True)
class Column:
    """The head of a column."""

    text: str
    small: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    """A table with its caption; rows can be sorted by any column."""

    id: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    legend: Sequence[str] = ()
    dense: bool = False
    """A heatmap: cells close together."""


def words(*texts: str) -> list[Cell]:
    """Cells of text, the first of which heads its row."""
    return [Cell(text, heading=not place) for place, text in enumerate(texts)]


def model_head(model: str, architecture: str) -> Cell:
    """A model as the head of its row, with its architecture below it."""
    return Cell(model, small=architecture, heading=True)


def columns(*names: str, text: int = 0) -> list[Column]:
    """Columns by their names; the first `text` of them are words."""
    return [Column(name, numeric=place >= text) for place, name in enumerate(names)]


def plain_sign(value: float | None, decimals: int = 1) -> str:
    """A change with a sign that is as wide as a plus: `−0.4`."""
    return signed(value, decimals).replace("-", MINUS)


def bounds(interval: Interval | None) -> str:
    """`−0.3 to +2.1`."""
    if interval is None:
        return ""
    return f"{plain_sign(interval.low)} to {plain_sign(interval.high)}"


def p_number(p: float) -> str:
    """`0.042`, `< 0.001`."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def missing(note: str = "not finished, or not part of this study") -> Cell:
    """A cell without a number."""
    return Cell(MISSING, note=note)


def score_cell(value: float | None, *, small: str = "", note: str = "", marks: str = "") -> Cell:
    """A score from 0 to 100."""
    return (
        missing()
        if value is None
        else Cell(number(value) + marks, small=small, key=value, note=note)
    )


def change_cell(
    interval: Interval | None,
    *,
    scale: float,
    significant: bool,
    note: str = "",
    small: str | None = None,
    marks: str = "",
) -> Cell:
    """A change in points, shaded by its size against `scale`, with its interval below it."""
    if interval is None:
        return missing()
    return Cell(
        plain_sign(interval.value) + star(significant) + marks,
        small=bounds(interval) if small is None else small,
        key=interval.value,
        shade=shade(interval.value, scale),
        note=note,
        strong=significant,
    )


def shade(value: float, scale: float) -> int:
    """Per cent of colour; full at `scale` and beyond, none for what is shown as zero."""
    if not scale or abs(value) < 0.05:
        return 0
    return round(STRONGEST * max(-1.0, min(1.0, value / scale)))


def scale_of(values: Iterable[float | None]) -> float:
    """The change that gets the strongest shade: the 95th percentile of their sizes, at least 1."""
    sizes = sorted(abs(value) for value in values if value is not None)
    return max(1.0, sizes[int(0.95 * (len(sizes) - 1))]) if sizes else 1.0
