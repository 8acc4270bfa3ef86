"""What goes into the input: which columns are text, under which names, in which wording.

The rule: every column that holds text and is not the answer is shown once; a column that only
repeats another, names the row or never changes is left out and said to be.

    chosen, left = text_columns(found, shape)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from t2t_xfer.authoring.columns import Column
from t2t_xfer.authoring.formats import Shape

_FIRST = ("premise", "context", "passage", "paragraph", "article", "ctx", "document", "text",
          "sentence1", "question1", "sentence", "title")  # fmt: skip
_IDS = ("id", "ids", "idx", "ind", "index", "guid", "uid", "url", "uri", "source", "split",
        "domain", "annotator", "lang", "language", "pairid", "promptid")  # fmt: skip
FEW = 20
"""Rows from which on a column with few different values is a category rather than a text."""

MOST = 0.9
"""Of the rows, where a column repeats another."""


def text_columns(found: Mapping[str, Column], shape: Shape) -> tuple[list[str], dict[str, str]]:
    """The columns of the input, and of those left out why."""
    chosen: list[Column] = []
    left: dict[str, str] = {}
    for name, column in found.items():
        if name in shape.used:
            continue
        why = _why_not(column, name)
        if why:
            left[name] = why
        else:
            chosen.append(column)
    for column in [*chosen]:
        whole = next((c for c in chosen if c is not column and _repeats(column, c)), None)
        if whole is not None:
            chosen.remove(column)
            left[column.name] = f"stands in `{whole.name}` too"
    for name in shape.left:
        left.setdefault(name, "could be the answer as well")
    chosen.sort(key=lambda c: _FIRST.index(c.name) if c.name in _FIRST else len(_FIRST))
    return [column.name for column in chosen if column.name not in left], left


def _why_not(column: Column, name: str) -> str:
    if column.kind != "text":
        return "no text"
    if column.missing:
        return f"null in {column.missing} rows"
    if "." in name:
        return "inside of another column"
    if column.called(*_IDS) and (column.words < 3 or column.called("url", "uri")):
        return "names a row or its origin"
    rows = len(column.values)
    if rows >= FEW and len(column.counts) == 1:
        return "always the same"
    if rows >= FEW and column.words < 3 and len(column.counts) <= rows / 5:
        return f"a category of {len(column.counts)} values rather than a text"
    if any(not text.strip() for text in column.texts):
        return "empty in some rows"
    return ""


def _repeats(column: Column, whole: Column) -> bool:
    pairs = list(zip(column.texts, whole.texts, strict=False))[:200]
    longer = sum(len(b) for _, b in pairs) > sum(len(a) for a, _ in pairs)
    inside = sum(a.strip().casefold() in b.casefold() for a, b in pairs)
    return longer and inside >= MOST * len(pairs)


def field_name(column: str) -> str:
    """A name that a template can use: `review-text` becomes `review_text`."""
    name = re.sub(r"\W+", "_", column).strip("_") or "text"
    return name if name.isidentifier() else f"field_{name}"


def wording(fields: Sequence[str], last: str) -> str:
    """An input with a line for each field, ending in `last`."""
    lines = [f"{name.replace('_', ' ')}: " + "{{ " + name + " }}" for name in fields]
    return "\n".join([*lines, last])


def asked_for(column: str) -> str:
    """The last word of an input: what the column of the answer is called, if that says anything."""
    name = field_name(column).replace("_", " ").casefold()
    return "label" if name in ("y", "target", "gold", "gold label", "class", "key") else name
