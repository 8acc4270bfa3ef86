"""The parts that a page is built from, in the order in which they are read.

Section("gaps", "Transfer gap", ["English minus others."], [table, Picture(...)])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from markupsafe import Markup

from t2t_xfer.report.page.view import Table


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
