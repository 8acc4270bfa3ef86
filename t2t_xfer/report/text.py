r"""A document as text: Markdown, what a terminal shows, and LaTeX for a paper.

The rule: names and notes come from users and data, so nothing in them is read as markup.

    Path("report.md").write_text(render_markdown(document(report)))
    % \usepackage{booktabs} ... \input{main_table}        what render_latex wrote
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from tabulate import tabulate

from t2t_xfer.report.document import (
    CONSTANT,
    INCOMPLETE,
    MISSING,
    SAME_DATA,
    STAR,
    TRANSLATED,
    Beside,
    Document,
    Fold,
    Form,
    Lines,
    Picture,
    Piece,
    Table,
    TableCell,
    between,
)


def render_markdown(document: Document) -> str:
    """The whole document."""
    return "\n\n".join(_Text(Form.markdown, unmarked).parts(document)) + "\n"


def render_terminal(document: Document) -> str:
    """What of a document is told where it was made."""
    return "\n\n".join(_Text(Form.terminal, one_line).parts(document))


def one_line(value: str) -> str:
    """Without line breaks."""
    return " ".join(value.split())


def unmarked(value: str) -> str:
    """Words in which Markdown and HTML see no markup, on one line."""
    plain = one_line(value).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*~|\[\]]|(?<!\w)_|_(?!\w))", r"\\\1", plain)


class _Text:
    """Markdown's layout, which reads well on a terminal too."""

    def __init__(self, form: Form, say: Callable[[str], str]) -> None:
        self.form = form
        self.say = say

    def parts(self, document: Document) -> Iterator[str]:
        """Paragraphs, to be set apart by an empty line."""
        yield f"# {self.say(document.title)}"
        for section in document.of(self.form):
            if section.title:
                title = self.say(section.title)
                yield f"**{title}**" if section.lead else f"## {title}"
            for piece in section.pieces:
                yield from self.piece(piece, section.title)

    def piece(self, piece: Piece, heading: str) -> Iterator[str]:
        """One piece; a table whose caption is the heading above it needs none."""
        match piece:
            case str():
                yield self.say(piece)
            case Lines():
                yield "\n".join(f"- {self.say(line)}" for line in piece.lines)
            case Table():
                if piece.caption != heading:
                    yield f"**{self.say(piece.caption)}**"
                yield self.table(piece)
                yield from map(self.say, piece.legend)
            case Beside():
                yield f"### {self.say(piece.heading)}"
                for table in piece.tables:
                    yield from self.piece(table, piece.heading)
            case Fold() if self.form in piece.forms:
                yield f"### {self.say(piece.summary)}"
                for each in piece.pieces:
                    yield from self.piece(each, piece.summary)
            case Fold() | Picture():
                pass

    def table(self, table: Table) -> str:
        """Words to the left, numbers to the right."""
        heads = [self.say(_with(column.text, column.small)) for column in table.columns]
        rows = [
            [
                # Numbers are ours: a star beside one is no markup, and reads better as it is.
                _shown(cell, table) if column.numeric else self.say(_shown(cell, table))
                for cell, column in zip(row, table.columns, strict=True)
            ]
            for row in table.rows
        ]
        align = ["right" if column.numeric else "left" for column in table.columns]
        return tabulate(rows, heads, tablefmt="pipe", disable_numparse=True, colalign=align)


def _with(text: str, beside: str) -> str:
    return f"{text} ({beside})" if beside else text


def _shown(cell: TableCell, table: Table) -> str:
    """`61.2 (+3.4*)†`, `+3.4* [+1.0, +5.8]`."""
    shown = _with(cell.text, cell.beside)
    if cell.interval is not None and table.intervals:
        shown += f" {between(cell.interval)}"
    return shown + cell.marks


SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    **{character: f"\\{character}" for character in "&%$#_"},
    MISSING: "--",
    "\N{NO-BREAK SPACE}": "~",
    SAME_DATA: r"$^{\ddagger}$",
    TRANSLATED: r"\S{}",
    CONSTANT: r"\P{}",
    INCOMPLETE: r"$^{\dagger}$",
}


def escaped(text: str) -> str:
    """A name as LaTeX prints it, on one line."""
    return "".join(SPECIAL.get(character, character) for character in one_line(text))


def render_latex(document: Document) -> str:
    """The tables, with booktabs and nothing that needs another package; all words are comments,
    for the caption. A comment ends with its line, and no text has two.
    """
    lines = [f"% {escaped(document.title)}, written by t2t-xfer report. Needs booktabs."]
    for section in document.of(Form.latex):
        lines += _latex(section.pieces)
    return "\n".join(lines) + "\n"


def _latex(pieces: Iterable[Piece]) -> Iterator[str]:
    for piece in pieces:
        match piece:
            case str():
                yield f"% {escaped(piece)}"
            case Lines():
                yield from (f"% - {escaped(line)}" for line in piece.lines)
            case Table():
                yield from _tabular(piece)
                yield from (f"% {escaped(line)}" for line in piece.legend)
            case Beside():
                yield from _latex(piece.tables)
            case Fold() if Form.latex in piece.forms:
                yield from _latex(piece.pieces)
            case Fold() | Picture():
                pass


def _tabular(table: Table) -> Iterator[str]:
    """Rows of one first cell stand together under one name."""
    yield r"\begin{tabular}{" + "".join("lr"[column.numeric] for column in table.columns) + "}"
    yield r"\toprule"
    yield _line(escaped(column.text) for column in table.columns)
    if any(column.small for column in table.columns):
        yield _line(f"({escaped(c.small)})" if c.small else "" for c in table.columns)
    previous = None
    for row in table.rows:
        head, *cells = (
            _latex_cell(_shown(cell, table), column.numeric)
            for cell, column in zip(row, table.columns, strict=True)
        )
        if head != previous:
            yield r"\midrule"
        yield _line(["" if head == previous else head, *cells])
        previous = head
    yield r"\bottomrule"
    yield r"\end{tabular}"


def _latex_cell(shown: str, numeric: bool) -> str:
    text = escaped(shown)
    if not numeric:
        return text
    return re.sub(r"[+-][\d.]+", r"$\g<0>$", text).replace(STAR, r"$^{*}$")


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"
