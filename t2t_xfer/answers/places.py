"""Finding a written text in the field that it should have been copied from.

Both sides are compared in the form of `canonical.py`'s tokens, made here with the place of every
character, so that what is found can be given back as it stands in the field.

>>> find("saint  BERNADETTE", "to Saint Bernadette Soubirous in 1858")
Found(start=3, end=19, exact=True)
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz

from t2t_xfer.answers.canonical import TURKISH
from t2t_xfer.answers.parsing import (
    FUZZY_MARGIN,
    FUZZY_MINIMUM,
    FUZZY_MINIMUM_CHARACTERS,
)

SLACK = 3
"""Characters by which each end of an alignment may move to the best piece."""


class Found(NamedTuple):
    """Characters `[start, end)` of the field."""

    start: int
    end: int
    exact: bool
    """Whether the two are equal after normalisation."""


class _Folded(NamedTuple):
    text: str
    places: tuple[tuple[int, int], ...]
    """Characters of the original behind each character of `text`."""


def find(text: str, field: str) -> Found | None:
    """Where the text stands in the field: letter for letter, normalised, or misspelt.

    Misspelt: the most similar piece, at least 90 of 100 (`rapidfuzz.fuzz.ratio`), with the same
    digits, and at least 10 above anything else in the field.
    """
    start = field.find(text)
    if start >= 0:
        return Found(start, start + len(text), True)
    wanted = _fold(text).text
    if not wanted:
        return None
    folded = _fold(field)
    at = _bounded(wanted, folded.text)
    if at >= 0:
        return _found(folded, at, at + len(wanted), True)
    return _misspelt(wanted, folded)


@lru_cache(maxsize=256)
def _fold(text: str) -> _Folded:
    """Case, width, punctuation and white space levelled. Questions share their contexts."""
    letters: list[str] = []
    places: list[tuple[int, int]] = []
    for start, end in _clusters(text):
        folded = unicodedata.normalize("NFKC", text[start:end]).casefold().translate(TURKISH)
        for character in unicodedata.normalize("NFKC", folded):
            category = unicodedata.category(character)
            if category == "Cf":
                continue
            token = category[0] in "LMN"
            if not token and (not letters or letters[-1] == " "):
                continue
            letters.append(character if token else " ")
            places.append((start, end))
    if letters and letters[-1] == " ":
        letters.pop()
        places.pop()
    return _Folded("".join(letters), tuple(places))


def _clusters(text: str) -> list[tuple[int, int]]:
    """Each character with the marks that follow it: they may become one letter."""
    starts = [i for i, c in enumerate(text) if i == 0 or not unicodedata.combining(c)]
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def _bounded(wanted: str, text: str) -> int:
    """The first occurrence between spaces or at least the first one at all (no-space scripts)."""
    match = re.search(rf"(?<!\S){re.escape(wanted)}(?!\S)", text)
    return match.start() if match else text.find(wanted)


def _found(folded: _Folded, start: int, end: int, exact: bool) -> Found:
    return Found(folded.places[start][0], folded.places[end - 1][1], exact)


def _misspelt(wanted: str, folded: _Folded) -> Found | None:
    if len(wanted) < FUZZY_MINIMUM_CHARACTERS:
        return None
    text = folded.text
    near = fuzz.partial_ratio_alignment(wanted, text, score_cutoff=FUZZY_MINIMUM - FUZZY_MARGIN)
    if near is None or len(wanted) > len(text):
        return None
    starts = range(max(0, near.dest_start - SLACK), near.dest_start + SLACK + 1)
    ends = range(near.dest_end - SLACK, min(len(text), near.dest_end + SLACK) + 1)
    pieces = [(s, e) for s in starts for e in ends if s < e and text[s:e].strip() == text[s:e]]
    if not pieces:
        return None
    start, end = max(pieces, key=lambda piece: fuzz.ratio(wanted, text[slice(*piece)]))
    score = fuzz.ratio(wanted, text[start:end])
    if score < FUZZY_MINIMUM or _digits(wanted) != _digits(text[start:end]):
        return None
    # The same words elsewhere in the field are no rival.
    rest = text.replace(text[start:end], "\n")
    second = fuzz.partial_ratio(wanted, rest) if len(rest) >= len(wanted) else 0.0
    return _found(folded, start, end, False) if score - second >= FUZZY_MARGIN else None


def _digits(text: str) -> str:
    """A number with another digit is another number, however similar."""
    return "".join(c for c in text if c.isnumeric())
