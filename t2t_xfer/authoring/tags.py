"""Which tags a task has: those of the data, under names that somebody gave them.

The rule: numbers stay numbers until someone names them; parts of speech of Universal Dependencies
are listed all, because a few rows rarely have the rare ones.

    tag_set(column, class_names, "train")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from t2t_xfer.authoring.columns import Column
from t2t_xfer.records import Split, Value
from t2t_xfer.specs.tag_scheme import bio_mistake, made_legal, num_illegal

MOST_TAGS = 60
"""More tags than these are taken from the data (`tags_from`)."""
UPOS = (
    *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN"),
    *("PUNCT", "SCONJ", "SYM", "VERB", "X"),
)
"""The parts of speech that `prompts/pos.yaml` asks for."""


class TagSet(NamedTuple):
    """The tags of a task."""

    names: tuple[str, ...]
    """Empty: they are taken from the training split."""
    default: str
    scheme: str
    """`bio` or `iob1`; empty: none."""
    why: str
    question: str = ""


def tag_set(column: Column, class_names: tuple[str, ...], split: Split) -> TagSet:
    """The tags of a column of lists.

    Args:
        column: texts, or indices into names.
        class_names: what the hub calls the indices, if it does.
        split: where the rows are from.
    """
    common = [str(tag) for tag, _ in column.items.most_common() if tag != "_"]
    if column.kind == "wholes":
        return _numbered(column, common, class_names)
    if {*common} <= {*UPOS} and len(common) > 3:
        return TagSet(UPOS, "X", "", "Parts of speech of Universal Dependencies, all of them.")
    if len(common) > MOST_TAGS:
        return TagSet((), common[0], "", f"There are {len(common)} of them, too many to list.")
    why = f"All that stand in {len(column.values):,} rows of {split}."
    ask = "" if split == "train" else "are these all? Other rows than these may have more."
    if "O" in common and not bio_mistake(_with_begins(common)):
        return TagSet(_with_begins(common), "O", _scheme(column.lists), why, ask)
    return TagSet(tuple(sorted(common)), common[0], "", why, ask)


def _numbered(column: Column, common: list[str], class_names: tuple[str, ...]) -> TagSet:
    size = max(map(int, common)) + 1
    if len(class_names) >= size:
        bio = "O" in class_names and not bio_mistake(class_names)
        default = "O" if bio else class_names[int(common[0])]
        named = [[class_names[int(str(tag))] for tag in tags] for tags in column.lists]
        scheme = _scheme(named) if bio else ""
        return TagSet(class_names, default, scheme, "The hub's own names, by number.")
    names = tuple(f"tag{number}" for number in range(size))
    ask = (
        f"what do the numbers 0 to {size - 1} mean? Write the names in this order; the page of the"
        f" data set has them. The most frequent ones here are {', '.join(common[:3])}."
    )
    return TagSet(names, names[int(common[0])], "", "", ask)


def _scheme(lists: Sequence[Sequence[Value]]) -> str:
    """`iob1` where most spans begin with `I-X`: there only a span right behind another of its kind
    begins with `B-X`."""
    rows = [tuple(map(str, tags)) for tags in lists]
    spans = sum(tag.startswith("B-") for tags in rows for tag in made_legal(tags))
    return "iob1" if 2 * sum(map(num_illegal, rows)) > spans else "bio"


def _with_begins(tags: list[str]) -> tuple[str, ...]:
    """`O` and for each kind of span `B-…` and, where the data have it, `I-…`."""
    spans = sorted({tag[2:] for tag in tags if tag != "O"})
    both = (f"{kind}-{span}" for span in spans for kind in "BI")
    listed = ("O", *(tag for tag in both if tag.startswith("B-") or tag in tags))
    return (*listed, *sorted({*tags} - {*listed}))
