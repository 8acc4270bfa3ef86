"""Where Tatoeba's sentences stand in XTREME's files, which a line of a submission refers to.

XTREME sorts the English sentences by code points and leaves the others as they are. Line n of a
prediction file is about the n-th English sentence, and says the line (from 0) of the other
language's sentence that was found. The hub's copy has the pairs side by side, so that these places
are known only from the original files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from t2t_xfer.errors import DataError, UserError
from t2t_xfer.languages import language
from t2t_xfer.xtreme.textfile import Warn, read_lines


class Pair(NamedTuple):
    """One example of Tatoeba."""

    id: str
    english: str
    foreign: str


class SortedLines(NamedTuple):
    """The places of all sentences of a language."""

    ids: Sequence[str]
    """Of the examples, in the order of XTREME's English file."""
    line_of: Mapping[str, int]
    """Example id to the line of its foreign sentence, from 0."""


def lines_of_rows(pairs: Sequence[Pair]) -> SortedLines:
    """The places where the examples stand in the order of the original files themselves."""
    ordered = sorted(pairs, key=lambda pair: pair.english.strip())
    return SortedLines(
        [pair.id for pair in ordered], {pair.id: line for line, pair in enumerate(pairs)}
    )


def lines_of_originals(
    pairs: Sequence[Pair], originals: Path, code: str, warn: Warn
) -> SortedLines:
    """The places in the original files of a language.

    Args:
        originals: holds `de-en.en` and `de-en.de`, as XTREME's scripts leave them, or
            `tatoeba.deu-eng.eng` and `tatoeba.deu-eng.deu`, as they come from LASER; or has a
            folder `tatoeba` that does.

    Raises:
        UserError: there are no such files.
        DataError: they do not hold exactly the sentences of the examples.
    """
    english, foreign, is_sorted = _find(originals, code)
    ours = {pair.english.strip(): pair.id for pair in pairs}
    lines = [line.text for line in read_lines(english, warn)]
    for number, text in enumerate(lines, start=1):
        if text not in ours:
            raise DataError(
                f"{english}:{number}: {text[:60]!r} is none of the English sentences that were"
                f" tested in {code}. The run must have tested all sentences of these very files."
            )
    if len(lines) != len(pairs) or len(set(lines)) != len(lines):
        raise DataError(
            f"{english}:{len(lines)}: {len(lines)} sentences, but {len(pairs)} were tested in"
            f" {code}. Both must have the same ones, each once."
        )
    numbers: dict[str, int] = {}
    for number, line in enumerate(read_lines(foreign, warn)):
        numbers.setdefault(line.text, number)
    for pair in pairs:
        if pair.foreign.strip() not in numbers:
            raise DataError(
                f"{foreign}: no line is the sentence {pair.foreign[:60]!r}, which was tested in"
                f" {code}."
            )
    return SortedLines(
        [ours[text] for text in (lines if is_sorted else sorted(lines))],
        {pair.id: numbers[pair.foreign.strip()] for pair in pairs},
    )


def _find(originals: Path, code: str) -> tuple[Path, Path, bool]:
    iso3 = language(code).iso3
    for folder in (originals, originals / "tatoeba"):
        ready = folder / f"{code}-en.en", folder / f"{code}-en.{code}"
        raw = folder / f"tatoeba.{iso3}-eng.eng", folder / f"tatoeba.{iso3}-eng.{iso3}"
        for files, is_sorted in ((ready, True), (raw, False)):
            if all(file.is_file() for file in files):
                return *files, is_sorted
    raise UserError(
        f"{originals}: holds neither {code}-en.en with {code}-en.{code} (as XTREME's scripts leave"
        f" them) nor tatoeba.{iso3}-eng.eng with tatoeba.{iso3}-eng.{iso3} (as they come from"
        " LASER)."
    )
