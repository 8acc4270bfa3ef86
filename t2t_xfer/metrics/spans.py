"""Spans of tagged words, read exactly as seqeval 0.0.12 reads them.

XTREME scores UDPOS and PAN-X with that version, and its reading decides the numbers: a bare tag
is a span's type, so equal neighbours are *one* span (`NOUN NOUN` is one NOUN), and the first
character of a bare tag is taken for a BIOES prefix (`SYM` and `SCONJ` for `S-`, so they never
merge; `INTJ` for `I-`; anything with `O` for "outside"). Later versions read other types.

>>> sorted(read_spans(("DET", "NOUN", "NOUN")))
[('DET', 0, 0), ('NOUN', 1, 2)]
>>> sorted(read_spans(("B-PER", "I-PER", "O", "I-LOC")))
[('LOC', 3, 3), ('PER', 0, 1)]
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeAlias

from t2t_xfer.errors import UserError

Span: TypeAlias = tuple[str, int, int]
"""Type, first word, last word (included)."""


class _Tag(NamedTuple):
    prefix: str
    """The first character, whatever it is."""
    type: str
    """What stands after the last hyphen, or the whole tag."""


OUTSIDE = _Tag("O", "O")
"""The reference puts an `O` between sentences; it stands at both ends of each of ours."""


@lru_cache(maxsize=4096)  # a few tags stand on millions of words
def _read(tag: str) -> _Tag:
    return _Tag(tag[:1], tag.rsplit("-", 1)[-1])


def _ends(before: _Tag, tag: _Tag) -> bool:
    """Whether a span ends with the word before this one."""
    if before.prefix in ("E", "S"):
        return True
    if before.prefix in ("B", "I") and tag.prefix in ("B", "S", "O"):
        return True
    return before.prefix not in ("O", ".") and before.type != tag.type


def _starts(before: _Tag, tag: _Tag) -> bool:
    """Whether a span starts at this word."""
    if tag.prefix in ("B", "S"):
        return True
    if before.prefix in ("E", "S", "O") and tag.prefix in ("E", "I"):
        return True
    return tag.prefix not in ("O", ".") and before.type != tag.type


def read_spans(tags: tuple[str, ...]) -> set[Span]:
    """The spans of one sentence.

    Because of the `O` around it, a sentence's spans do not depend on its neighbours, so the sums
    over sentences are the reference's numbers over the whole file.

    Raises:
        UserError: a span ends that never started. The reference would let it start somewhere in
            an earlier sentence. Only tags like `X-O` or `.-PER` can do this.
    """
    spans: set[Span] = set()
    first: int | None = None
    before = OUTSIDE
    for i, tag in enumerate((*map(_read, tags), OUTSIDE)):
        if _ends(before, tag):
            if first is None:
                raise UserError(
                    f"tag {tags[i - 1]!r} (word {i - 1}) ends a span that no tag has started."
                    " Name tags without a hyphen, or with the prefix B-, I-, E- or S-."
                )
            # `first` stays: in `B-A . I-.` the reference lets the second span start where the
            # first one did.
            spans.add((before.type, first, i - 1))
        if _starts(before, tag):
            first = i
        before = tag
    return spans
