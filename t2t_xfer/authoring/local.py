"""Files of the user's own: which of them are one task, by their names.

The rule: files whose names differ in split and language alone belong together. Of several such
families the one with the most splits, then languages, is proposed, and the others are named.

    data/reviews.train.en.jsonl   ->  files:
    data/reviews.test.en.jsonl          train: data/reviews.train.en.jsonl
    data/reviews.test.de.jsonl          test: data/reviews.test.{language}.jsonl
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from t2t_xfer.authoring.found import Found, settled
from t2t_xfer.authoring.names import parts_of, split_of
from t2t_xfer.data.files import read_file
from t2t_xfer.errors import UserError
from t2t_xfer.languages import LANGUAGES, fill
from t2t_xfer.records import SPLITS, Json, Row, Split


class _Family(NamedTuple):
    """The files of one data set in one split."""

    pattern: str
    split: Split | None
    files: dict[str, Path]
    """By language; by an empty text where the name has none."""


def look_at_files(
    name: str, files: Sequence[Path], base: Path, folder: Path, stated: str | None
) -> Found:
    """The data set that some files are.

    Args:
        name: what the user called them.
        files: at least one.
        base: the folder below which names tell split and language.
        folder: what relative files of the task start from.
        stated: the language that the user says they are in.

    Raises:
        UserError: a name holds what only placeholders may hold.
        DataError: rows cannot be read.
    """
    families = _families(files, base, folder)
    chosen, left = _chosen(families)
    reasons, questions = [], []
    if left:
        names = ", ".join(sorted(each.pattern for each in left)[:12])
        reasons.append(f"Left out, because the names are of another kind: {names}.")
    unsplit = next((each for each in chosen.values() if each.split is None), None)
    if unsplit is not None:
        questions.append(
            "are these rows for testing? No file's name says train, validation or test. Files to"
            " train on stand beside it: `train: FILE`, never the tested rows themselves."
        )
    codes = {code for family in chosen.values() for code in family.files} - {""}
    tested = {*chosen["test"].files} - {""} if "test" in chosen else set()

    def read(code: str, split: Split) -> Iterator[Row]:
        of = chosen[split].files
        path = of.get(code) or of.get("") or (None if codes else next(iter(of.values())))
        if path is not None:
            yield from read_file(path, language=code or "en")

    found = Found(
        name,
        {"files": _named(chosen, codes)},
        tuple(code for code in LANGUAGES if code in (tested or codes)),
        source_language="en" if "en" in codes else "",
        splits=tuple(split for split in SPLITS if split in chosen),
        rows={},
        others={},
        reasons=tuple(reasons),
        data_questions=tuple(questions),
    )
    return settled(found, read, stated)


def _named(chosen: dict[Split, _Family], codes: set[str]) -> dict[str, Json]:
    """Split -> file. Training and validation rows are the source language's, so a file that is in
    one language alone stands there under its own name."""
    named: dict[str, Json] = {}
    for split in SPLITS:
        if split in chosen:
            family = chosen[split]
            alone = len(family.files) == 1 and (split != "test" or len(codes) < 2)
            code = next(iter(family.files))
            named[split] = fill(family.pattern, code) if alone and code else family.pattern
    return named


def _families(files: Sequence[Path], base: Path, folder: Path) -> list[_Family]:
    found: dict[str, _Family] = {}
    start = _relative(base, folder)
    for file in files:
        name = file.relative_to(base).as_posix()
        if "{" in start + name or "}" in start + name:
            raise UserError(
                f"--from {file}: the name holds a brace, which would stand for a language in a"
                " task. Rename it."
            )
        part = parts_of(name)
        pattern = part.pattern if start == "." else f"{start}/{part.pattern}"
        family = found.setdefault(pattern, _Family(pattern, part.split, {}))
        family.files[part.language or ""] = file
    return list(found.values())


def _relative(file: Path, folder: Path) -> str:
    """From the folder where possible: the task goes with its data wherever both go."""
    own, root = file.absolute(), folder.absolute()
    return own.relative_to(root).as_posix() if own.is_relative_to(root) else own.as_posix()


def _chosen(families: Sequence[_Family]) -> tuple[dict[Split, _Family], list[_Family]]:
    """One family for each split, those that are named most alike; and the rest."""
    kin: dict[str, list[_Family]] = {}
    for family in families:
        kin.setdefault(_without_split(family), []).append(family)
    best = max(kin.values(), key=lambda each: (len(each), sum(len(f.files) for f in each)))
    chosen: dict[Split, _Family] = {}
    for family in sorted(best, key=lambda each: -len(each.files)):
        chosen.setdefault(family.split or "test", family)
    return chosen, [each for each in families if each not in chosen.values()]


def _without_split(family: _Family) -> str:
    """What is the same in the names of a data set's splits."""
    pieces = re.split(r"([\W_]+)", family.pattern.replace("{language}", ""))
    kept = [piece for piece in pieces if piece.isalnum() and split_of(piece) is None]
    return " ".join(piece for piece in kept if piece not in LANGUAGES)
