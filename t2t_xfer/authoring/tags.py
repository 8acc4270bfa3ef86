"""Which tags a task has: those of the data, under names that somebody gave them.

The rule: numbers stay numbers until someone names them; parts of speech of Universal Dependencies
are listed all, because a few rows rarely have the rare ones.

    tag_set(column, class_names, "train")
"""

from __future__ import annotations

from typing import NamedTuple

from t2t_xfer.authoring.columns import Column
from t2t_xfer.records import Split
from t2t_xfer.specs.tag_scheme import bio_mistake

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
    bio: bool
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
        return _numbered(common, class_names)
    if {*common} <= {*UPOS} and len(common) > 3:
        return TagSet(UPOS, "X", False, "Parts of speech of Universal Dependencies, all of them.")
    if len(common) > MOST_TAGS:
        return TagSet((), common[0], False, f"There are {len(common)} of them, too many to list.")
    why = f"All that stand in {len(column.values):,} rows of {split}."
    ask = "" if split == "train" else "are these all? Other rows than these may have more."
    if "O" in common and not bio_mistake(_with_begins(common)):
        return TagSet(_with_begins(common), "O", True, why, ask)
    return TagSet(tuple(sorted(common)), common[0], False, why, ask)


def _numbered(common: list[str], class_names: tuple[str, ...]) -> TagSet:
    size = max(map(int, common)) + 1
    if len(class_names) >= size:
        bio = "O" in class_names and not bio_mistake(class_names)
        default = "O" if bio else class_names[int(common[0])]
        return TagSet(class_names, default, bio, "The hub's own names, by number.")
    names = tuple(f"tag{number}" for number in range(size))
    ask = (
        f"what do the numbers 0 to {size - 1} mean? Write the names in this order; the page of the"
        f" data set has them. The most frequent ones here are {', '.join(common[:3])}."
    )
    return TagSet(names, names[int(common[0])], False, "", ask)


def _with_begins(tags: list[str]) -> tuple[str, ...]:
    """`O` and for each kind of span `B-…` and, where the data have it, `I-…`."""
    spans = sorted({tag[2:] for tag in tags if tag != "O"})
    both = (f"{kind}-{span}" for span in spans for kind in "BI")
    listed = ("O", *(tag for tag in both if tag.startswith("B-") or tag in tags))
    return (*listed, *sorted({*tags} - {*listed}))
