"""What a document is made of: sections of paragraphs, lists, tables, pictures; numbers in words.

The rule: a document says each thing once, as plain text, and every form renders it: `text.py` as
Markdown, for a terminal and as LaTeX, `page.py` as HTML. What a form leaves out is written at the
section or the fold (`forms`). A cell says its number and its sign in text; a shade repeats them,
and is never the only carrier.

    Section("gaps", "Transfer gap", ["English minus others.", Table("gaps", "Gaps", heads, rows)])
    signed(-0.42)           # '-0.4'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from markupsafe import Markup

    from t2t_xfer.report.intervals import Interval

MISSING = "–"
STAR = "*"
INCOMPLETE = "†"
SAME_DATA = "‡"
TRANSLATED = "§"
CONSTANT = "¶"
INTERVAL = "95\N{NO-BREAK SPACE}% interval"
STRONGEST = 60
"""Per cent of colour that the strongest shade mixes into the paper: text stays readable on it."""


class Form(StrEnum):
    """What a document can be rendered as."""

    page = "page"
    markdown = "markdown"
    terminal = "terminal"
    latex = "latex"


EVERYWHERE = frozenset(Form)
WRITTEN = frozenset({Form.page, Form.markdown})
PAGE_ONLY = frozenset({Form.page})


@dataclass(frozen=True)
class TableCell:
    """One cell of a table."""

    text: str
    beside: str = ""
    """What belongs to it, in brackets after it: the change of a score, a model's architecture."""
    interval: Interval | None = None
    marks: str = ""
    """What the number lacks: `SAME_DATA`, `TRANSLATED`, `CONSTANT`, `INCOMPLETE`."""
    small: str = ""
    """A second line in small print, which only a page has room for."""
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
    """In brackets, or on a second line: a target's metric."""
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    """A table with its caption; on a page, rows can be sorted by any column."""

    id: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[TableCell]]
    legend: Sequence[str] = ()
    dense: bool = False
    """A heatmap: cells close together."""
    intervals: bool = True
    """False: only the page has room for those of the cells; another table lists them."""


@dataclass(frozen=True)
class Picture:
    """A drawing. It shows nothing that no table says: forms of text leave it out."""

    draw: Callable[[], Markup]
    """Makes the SVG; asked for only where there is a page."""
    alt: str
    caption: str


@dataclass(frozen=True)
class Fold:
    """What a page keeps closed until it is asked for; a text has it under a heading of its own."""

    summary: str
    pieces: Sequence[Piece]
    forms: frozenset[Form] = WRITTEN


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


Piece: TypeAlias = "str | Table | Picture | Fold | Lines | Beside"
"""Strings are paragraphs."""


@dataclass(frozen=True)
class Section:
    """A heading, and what stands below it."""

    id: str
    title: str
    """Empty: it needs none."""
    pieces: Sequence[Piece]
    forms: frozenset[Form] = WRITTEN
    lead: bool = False
    """Stands before the contents of a page."""


@dataclass(frozen=True)
class Document:
    """Something to read, in whatever form."""

    title: str
    sections: Sequence[Section]
    source: str = ""
    """What it was made from; a page ends with it."""
    examples: str | None = None
    """Where the example browser lies beside the page; None: there is none."""

    def of(self, form: Form) -> list[Section]:
        """The sections that a form has."""
        return [section for section in self.sections if form in section.forms]


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


def between(interval: Interval) -> str:
    """`[-0.3, +2.7]` of a number with its interval."""
    return f"[{signed(interval.low)}, {signed(interval.high)}]"


def bounds(interval: Interval | None) -> str:
    """`-0.3 to +2.7`."""
    return "" if interval is None else f"{signed(interval.low)} to {signed(interval.high)}"


def p_number(p: float) -> str:
    """`0.042`, `< 0.001`."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_text(p: float) -> str:
    """`p < 0.001`, `p = 0.042`."""
    shown = p_number(p)
    return f"p {shown}" if shown.startswith("<") else f"p = {shown}"


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


def words(*texts: str) -> list[TableCell]:
    """Cells of text, the first of which heads its row."""
    return [TableCell(text, heading=not place) for place, text in enumerate(texts)]


def model_head(model: str, architecture: str) -> TableCell:
    """A model as the head of its row, with its architecture."""
    return TableCell(model, architecture, heading=True)


def columns(*names: str, text: int = 0) -> list[Column]:
    """Columns by their names; the first `text` of them are words."""
    return [Column(name, numeric=place >= text) for place, name in enumerate(names)]


def missing(note: str = "not finished, or not part of this study") -> TableCell:
    """A cell without a number."""
    return TableCell(MISSING, note=note)


def counted(value: float, shown: str | None = None) -> TableCell:
    """A number as it is shown; by default whole, with commas."""
    return TableCell(f"{value:,.0f}" if shown is None else shown, key=value)


def change_cell(
    interval: Interval | None,
    *,
    scale: float,
    significant: bool,
    note: str = "",
    small: str = "",
    marks: str = "",
) -> TableCell:
    """A change in points, shaded by its size against `scale`, with its interval."""
    if interval is None:
        return missing()
    return TableCell(
        signed(interval.value) + star(significant),
        interval=interval,
        marks=marks,
        small=small,
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
