"""What names of files and configurations say: which split, which language.

>>> parts_of("data/reviews.de.test.jsonl")
NamePart(pattern='data/reviews.{language}.test.jsonl', language='de', split='test')

The rule: a name is cut at everything that is no letter or digit; a part that is a code or an
English name of a language becomes a placeholder, everywhere in the name; two languages in one name
are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from t2t_xfer.languages import LANGUAGES, PLACEHOLDERS, fill
from t2t_xfer.records import Split

_SPLITS: dict[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval"), "test"),
}
_PIECE = re.compile(r"[^\W_]+")


class NamePart(NamedTuple):
    """One name, read."""

    pattern: str
    """The name with a placeholder for its language, if it has one."""
    language: str | None
    split: Split | None


def _placeholders() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for placeholder in PLACEHOLDERS:
        for code in LANGUAGES:
            pattern = "{" + placeholder + "}"
            found.setdefault(fill(pattern, code), (pattern, code))
    return found


_LANGUAGE_OF = _placeholders()
"""`de`, `German`, `german`, `deu` -> placeholder and code."""


def parts_of(name: str) -> NamePart:
    """What a name says."""
    pieces = _PIECE.findall(name)
    splits = [split for piece in pieces if (split := split_of(piece)) is not None]
    spoken = {piece for piece in pieces if piece in _LANGUAGE_OF}
    if len(spoken) != 1:
        return NamePart(name, None, splits[-1] if splits else None)
    pattern, code = _LANGUAGE_OF[spoken.pop()]
    replaced = _PIECE.sub(lambda hit: pattern if hit[0] in _same(code, pattern) else hit[0], name)
    return NamePart(replaced, code, splits[-1] if splits else None)


def _same(code: str, pattern: str) -> tuple[str, ...]:
    return (fill(pattern, code),)


def split_of(name: str) -> Split | None:
    """Our split for a name such as `dev`, `validation_matched` or `train_r1`."""
    if name.casefold() in _SPLITS:
        return _SPLITS[name.casefold()]
    first = re.split(r"[_\-.]", name.casefold())[0]
    return _SPLITS.get(first)


def grouped(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Pattern -> language -> name, for names that differ in their language alone; the pattern with
    the most languages first. A name without a language stands for itself: `{name: {}}`."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        part = parts_of(name)
        languages = found.setdefault(part.pattern, {})
        if part.language is not None:
            languages[part.language] = name
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def chosen_splits(names: Iterable[str]) -> dict[Split, tuple[str, ...]]:
    """Our splits -> the names of a data set's own.

    Numbered names (`train_r1`, `train_r2`) are read one after the other; of others the exact name
    wins, then the first one.
    """
    found: dict[Split, list[str]] = {}
    for name in sorted(names):
        split = split_of(name)
        if split is not None:
            found.setdefault(split, []).append(name)
    chosen: dict[Split, tuple[str, ...]] = {}
    for split, all_of in found.items():
        numbered = [name for name in all_of if name[-1].isdecimal()]
        exact = [name for name in all_of if name == split]
        several = numbered if len(numbered) == len(all_of) else []
        chosen[split] = tuple(exact or several or all_of[:1])
    return chosen
