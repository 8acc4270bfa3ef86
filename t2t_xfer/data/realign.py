"""Where an answer stands once its context has been translated.

The rule: nothing is guessed. An answer is marked before the translation and read from between its
marks; where a mark was lost, the answer is translated alone and looked for, first as it is, then as
the one piece of the text that resembles it far more than any other. What remains is no answer. Why:
docs/decisions/009-answers-between-marks.md.

    marked("born in Paris in 1867", 8, 13, ("[", "]"))        # 'born in [Paris] in 1867'
    unmarked("geboren in [Paris] 1867", ("[", "]"))           # ('geboren in Paris 1867', 11, 16)
    found("den Fluss", "Er sah der Fluss.", no_spaces=False)  # 7, 16, similar
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal, NamedTuple

from rapidfuzz import fuzz

Marks = tuple[str, ...]
"""What stands before the answer, and what stands behind it."""

SPARE_MARKS: tuple[Marks, ...] = (("[", "]"), ("{", "}"), ("<", ">"), ('"', '"'))
"""Taken in this order where the text holds the marks asked for."""

VARIANTS = {
    "[": "[［【〔",
    "]": "]］】〕",
    "{": "{｛",
    "}": "}｝",
    "<": "<＜〈《‹",
    ">": ">＞〉》›",
    '"': '"＂“”„«»「」『』',
}
"""How translators write a mark in other scripts."""

MIN_SIMILARITY = 75.0
"""Least likeness of a piece to the answer, 0 to 100 (normalised InDel similarity). Of 5,917 answers
of XQuAD in six languages, 13 resembled so much something in a text that they do not stand in."""
MIN_MARGIN = 10.0
"""How far the next best piece must be below it."""
MIN_LETTERS = 5
"""Shorter answers are not looked for by likeness: too many words resemble them."""


class Found(NamedTuple):
    """A place in a text: characters `[start, end)`."""

    start: int
    end: int
    how: Literal["found", "similar"]


def choose_marks(text: str, wanted: Marks) -> Marks | None:
    """The marks, or others if the text holds one of them; None if it holds some of each."""
    for marks in (wanted, *SPARE_MARKS):
        if not any(variant in text for mark in marks for variant in _variants(mark)):
            return marks
    return None


def marked(text: str, start: int, end: int, marks: Marks) -> str:
    """The text with marks around the characters `[start, end)`."""
    return f"{text[:start]}{marks[0]}{text[start:end]}{marks[1]}{text[end:]}"


def unmarked(text: str, marks: Marks) -> tuple[str, int, int] | None:
    """The text without its marks and the place of what stood between them.

    None where there is not exactly one of each in the right order, or nothing but white space and
    punctuation between them.
    """
    opening, closing = _places(text, marks[0]), _places(text, marks[1])
    if _variants(marks[0]) == _variants(marks[1]):  # quotation marks
        opening, closing = opening[:1], opening[1:]
    if len(opening) != 1 or len(closing) != 1 or opening[0][1] > closing[0][0]:
        return None
    before, inside = text[: opening[0][0]], text[opening[0][1] : closing[0][0]]
    behind = text[closing[0][1] :]
    answer = inside.strip()
    if not any(character.isalnum() for character in answer):
        return None
    # Spaces inside the marks belong outside, where there is none yet.
    left = " " if inside[:1].isspace() and before and not before[-1:].isspace() else ""
    right = " " if inside[-1:].isspace() and behind[:1].isalnum() else ""
    start = len(before) + len(left)
    return f"{before}{left}{answer}{right}{behind}", start, start + len(answer)


def found(answer: str, text: str, *, no_spaces: bool) -> Found | None:
    """The one place of an answer in a text; None if there is none, or more than one.

    Args:
        no_spaces: words are not separated, so that an answer may begin and end anywhere.
    """
    answer = answer.strip().strip(".。،").strip()
    if not answer:
        return None
    same = [
        hit.span()
        for hit in re.finditer(re.escape(answer), text, re.IGNORECASE)
        if no_spaces or _bounded(text, *hit.span())
    ]
    if same:
        return Found(*same[0], "found") if len(same) == 1 else None
    return _similar(answer, text, no_spaces)


def _similar(answer: str, text: str, no_spaces: bool) -> Found | None:
    letters = sum(character.isalnum() for character in answer)
    # Another number is another answer, however alike the two look.
    if letters < MIN_LETTERS or any(character.isdigit() for character in answer):
        return None
    scored = [
        (fuzz.ratio(answer.casefold(), text[start:end].casefold()), start, end)
        for start, end in _candidates(answer, text, no_spaces)
    ]
    if not scored:
        return None
    best, start, end = max(scored, key=lambda each: (each[0], each[1] - each[2]))
    others = (score for score, s, e in scored if e <= start or s >= end)
    if best < MIN_SIMILARITY or best - max(others, default=0.0) < MIN_MARGIN:
        return None
    return Found(start, end, "similar")


def _candidates(answer: str, text: str, no_spaces: bool) -> Iterator[tuple[int, int]]:
    """Pieces of about the answer's length: of words, or of characters where words have no space."""
    if no_spaces:
        least, most = max(1, len(answer) - 2), len(answer) + 2
        for length in range(least, most + 1):
            yield from ((start, start + length) for start in range(len(text) - length + 1))
        return
    words = [hit.span() for hit in re.finditer(r"\S+", text)]
    words = [span for span in (_bare(text, *span) for span in words) if span[0] < span[1]]
    count = len(answer.split())
    for first in range(len(words)):
        for number in range(max(1, count - 1), count + 2):
            if first + number <= len(words):
                yield words[first][0], words[first + number - 1][1]


def _bare(text: str, start: int, end: int) -> tuple[int, int]:
    """A word without the punctuation at its ends."""
    while start < end and not _of_a_word(text[start]):
        start += 1
    while start < end and not _of_a_word(text[end - 1]):
        end -= 1
    return start, end


def _bounded(text: str, start: int, end: int) -> bool:
    before, behind = text[:start][-1:], text[end:][:1]
    return not (before and _of_a_word(before)) and not (behind and _of_a_word(behind))


def _of_a_word(character: str) -> bool:
    # Vowel signs of Indic and Arabic scripts are marks, not letters.
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _variants(mark: str) -> tuple[str, ...]:
    return tuple(VARIANTS.get(mark, (mark,)))


def _places(text: str, mark: str) -> list[tuple[int, int]]:
    pattern = "|".join(map(re.escape, _variants(mark)))
    return [hit.span() for hit in re.finditer(pattern, text)]


_SHORT = re.compile(
    r"(?:\b[A-Z]|\b(?:Mr|Mrs|Ms|Dr|Prof|St|No|Vol|Fig|vs|etc|ca|approx|Jr|Sr|Inc|Ltd|Co))\.$"
)
"""What a full stop follows without ending a sentence."""
_END = re.compile(r"[.!?][\"'”’)\]]*(?=\s+[\"'“‘(\[]?[A-Z0-9])")


def pieces(
    text: str, *, sentences: bool, whole: tuple[int, int] | None = None
) -> list[tuple[int, int]]:
    """What is translated at a time: the lines of an English text, or its sentences.

    Args:
        whole: characters `[start, end)` that must stay in one piece.
    """
    ends: list[int] = []
    for line in re.finditer(r"[^\n]+", text):
        stops = _END.finditer(text, *line.span()) if sentences else ()
        ends += [s.end() for s in stops if not _SHORT.search(text[line.start() : s.end()])]
        ends.append(line.end())
    if whole is not None:
        ends = [end for end in ends if not whole[0] < end < whole[1]]
    spans = [_stripped(text, *span) for span in pairwise([0, *ends])]
    return [span for span in spans if span[0] < span[1]]


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
