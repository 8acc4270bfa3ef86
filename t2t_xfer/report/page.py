"""A document as one HTML page that needs nothing beside itself.

The rule: styles, script and drawings are inside, its own security policy forbids every request, and
all text goes through autoescape.

    Path("report.html").write_text(render_page(document(report)), encoding="utf-8")
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from t2t_xfer.report.document import Document, Form, Piece, TableCell, bounds

SPACE = "\N{NO-BREAK SPACE}"


def render_page(document: Document) -> str:
    """The whole page."""
    template = environment().get_template("report.html.jinja")
    return template.render(document=document, sections=document.of(Form.page)) + "\n"


@cache
def environment() -> Environment:
    """The templates of the pages; everything that they show is escaped."""
    made = Environment(
        loader=PackageLoader("t2t_xfer.report", "files"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["own"] = own_file
    made.filters["signs"] = signs
    made.filters["below"] = below
    made.tests["piece"] = lambda piece, kind: _kind(piece) == kind
    return made


def signs(text: str) -> str:
    """A minus before a number is as wide as a plus."""
    return re.sub(r"(?<![\w.)\]-])-(?=\d)", "\N{MINUS SIGN}", text)


def below(cell: TableCell) -> str:
    """The small print of a cell; an interval stays on one line, and so does a p-value."""
    found = bounds(cell.interval)
    if cell.beside and found:
        found = f"{cell.beside} ({found})"
    text = "; ".join(part for part in (found or cell.beside, cell.small) if part)
    for inner in (" to ", "p = ", "p < "):
        text = text.replace(inner, inner.replace(" ", SPACE))
    return signs(text)


@cache
def own_file(name: str) -> Markup:
    """A stylesheet or script of the package, as it is. None of them holds the end of its tag."""
    text = files("t2t_xfer.report").joinpath("files", name).read_text(encoding="utf-8")
    return Markup(text.strip())


def _kind(piece: Piece) -> str:
    return "text" if isinstance(piece, str) else type(piece).__name__.lower()
