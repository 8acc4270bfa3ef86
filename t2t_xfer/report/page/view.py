"""Tables as the template draws them: every cell is text, a sort key, a shade and a remark.

The rule: a cell says its number and its sign in text. The shade repeats them, and is never the only
carrier.

    change_cell(Interval(1.2, 0.3, 2.1), scale=5.0, significant=True)
    # '+1.2*', shaded a little, '+0.3 to +2.1'
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from t2t_xfer.report.numbers import star
from t2t_xfer.report.phrases import MISSING, number, signed

if TYPE_CHECKING:
    from t2t_xfer.report.intervals import Interval

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
