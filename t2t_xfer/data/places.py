"""Where the rows of one task, language and split lie, and which of them are kept.

The zero-shot rule lives here, at the only door to the rows: training and validation data of a
language other than the source language is refused before anything is opened. There are two
exceptions: the set that a task with `mining` chooses its threshold on, as XTREME does for BUCC, and
the training rows of the languages that a task names as its `train_languages` (translate-train).

A place is a source's split or a file, and a filter, not opened yet. What a part of a task calls its
columns otherwise is renamed here, so that everything after sees the task's own names.

    for place in find_places(task, source, "de", "test"): place.rows()

A limit keeps the same rows in every language: each row draws a number from its id, the task and the
split; the smallest stay, in file order. Nothing depends on how many rows there are, so a language
with fewer rows keeps those of the same ids that it has, and a larger limit keeps all that a smaller
one kept.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from t2t_xfer.answers.label import as_text
from t2t_xfer.data.formats import TEXT_ONLY, file_kind, located_rows, matching
from t2t_xfer.data.sources import Source, SplitRef
from t2t_xfer.data.textfile import Located, content_hash
from t2t_xfer.errors import AbsentError, DataError, nearest
from t2t_xfer.languages import holds_language, nearest_language
from t2t_xfer.paths import advice, expanded, is_dir, is_file, outside
from t2t_xfer.records import Json, Row, Split
from t2t_xfer.specs.data import PartSpec
from t2t_xfer.specs.task import TaskSpec


class NumberedRow(NamedTuple):
    """A row with its place in the split."""

    number: int
    """Counted from 0 in its place, after the task's filter."""
    id: str
    row: Row
    place: int = 0
    """Which of the task's places it comes from."""
    line: int | None = None
    """The line of a file on which it begins; None where rows have no lines."""


def choose(rows: Iterable[NumberedRow], limit: int | None, seed: str) -> Iterable[NumberedRow]:
    """At most `limit` rows, chosen by id, in file order; all of them, unread, without a limit."""
    if limit is None:
        return rows
    # A checksum such as crc32 is linear: the order of similar ids would be far from random.
    start = hashlib.sha256(f"{seed}\n".encode())

    def draw(row: NumberedRow) -> bytes:
        drawn = start.copy()
        drawn.update(row.id.encode())
        return drawn.digest()

    kept = heapq.nsmallest(limit, rows, key=draw)
    return sorted(kept, key=lambda row: (row.place, row.number))


@dataclass(frozen=True)
class Place:
    """Rows of one part of a task in one language."""

    location: SplitRef | Path
    source: Source
    """Ignored when the location is a file: a task's own files do not depend on `--data`."""
    part: PartSpec
    """What holds the rows, with its filter and its names."""
    language: str
    per_language: bool
    """Whether the location or the filter depends on the language, so that its absence says
    that the language was left out."""
    named: bool = False
    """Whether the task has several parts, so that messages name this one."""
    prefix: str = ""
    """Stands before the ids of the rows where a task reads several places."""

    @property
    def text_only(self) -> bool:
        """Whether every value is text, as in csv."""
        return isinstance(self.location, Path) and file_kind(self.location) in TEXT_ONLY

    def __str__(self) -> str:
        return f"{self.location} (part {self.part.name!r})" if self.named else str(self.location)

    def exists(self) -> bool:
        """Whether the place is there. Looks into no file.

        Raises:
            DataError: it is a file for all languages and not there: nothing was left out then.
        """
        if isinstance(self.location, SplitRef) and not self._unhosted:
            return self.source.has(self.location)
        try:
            self._check_there()
        except AbsentError:
            return False
        return True

    def fingerprint(self) -> str:
        """Pins the content, rows that the filter drops included.

        Raises:
            AbsentError, DataError: it is not there.
        """
        location = self._check_there()
        if isinstance(location, Path):
            return content_hash(location)
        with self._naming_the_part():
            return self.source.fingerprint(location)

    def rows(self) -> Iterator[Row]:
        """The rows that pass the filter, in order, under the task's names of the columns.

        Raises:
            AbsentError, DataError: it is not there.
        """
        return (row for _, row in self.located_rows())

    def located_rows(self) -> Iterator[Located]:
        """The same, each with its line in a file."""
        location, part = self._check_there(), self.part
        if isinstance(location, Path):
            language = self.language
            rows = located_rows(location, conllu=part.conllu, tsv=part.tsv, language=language)
        else:
            with self._naming_the_part():
                rows = ((None, row) for row in self.source.rows(location))
        if part.is_filtered:
            rows = self._passing(rows)
        return self._renamed(rows) if part.columns else rows

    def line(self, number: int | None) -> str:
        """` See data/reviews.de.jsonl:7.` behind what is wrong with a row; empty where rows have no
        lines."""
        return "" if number is None else f" See {self.location}:{number}."

    def is_empty(self) -> DataError:
        """What to raise where no row is left."""
        if not self.part.is_filtered:
            return DataError(f"{self}: holds no rows.")
        exact, start = self.part.filters(self.language)
        wanted = [f"{column} = {text!r}" for column, text in exact.items()]
        wanted += [f"{column} = {text + '…'!r}" for column, text in start.items()]
        kind = AbsentError if self.per_language else DataError
        return kind(f"{self}: holds no row with {' and '.join(wanted)}.")

    @property
    def _unhosted(self) -> bool:
        hub = self.part.hub
        return hub is not None and hub.unhosted is not None and self.source.name == "hub"

    def _check_there(self) -> SplitRef | Path:
        location = self.location
        if isinstance(location, SplitRef):
            if self._unhosted and self.part.hub is not None:
                raise AbsentError(f"{self} is not on the hub. {self.part.hub.unhosted}")
            return location
        if is_file(location):
            problem = outside(location, self.part.root)
            if problem:
                raise DataError(f"{self}: {problem}. {advice(location)}")
            return location
        folder = location.parent
        beside = [file.name for file in folder.iterdir()] if is_dir(folder) else []
        kind = AbsentError if self.per_language else DataError
        raise kind(f"{self}: there is no such file.{nearest(location.name, beside)}")

    @contextmanager
    def _naming_the_part(self) -> Iterator[None]:
        try:
            yield
        except AbsentError as e:
            if not self.named:
                raise
            raise AbsentError(f"part {self.part.name!r}: {e}") from e

    def _passing(self, rows: Iterator[Located]) -> Iterator[Located]:
        exact, start = self.part.filters(self.language)
        for number, (line, row) in enumerate(rows):
            for key, wanted in (("where", exact), ("where_prefix", start)):
                self._require(row, number, wanted, f"which the task's `{key}` filters by")
            if all(as_text(row[column]) == text for column, text in exact.items()) and all(
                as_text(row[column]).startswith(text) for column, text in start.items()
            ):
                yield line, row

    def _renamed(self, rows: Iterator[Located]) -> Iterator[Located]:
        """Rows with the task's names; a column that is taken from twice stands there twice."""
        columns, theirs = self.part.columns, {*self.part.columns.values()}
        for number, (line, row) in enumerate(rows):
            self._require(row, number, columns.values(), "which the part's `columns` names")
            kept = {name: row[name] for name in row if name not in theirs}
            yield line, {**kept, **{ours: row[named] for ours, named in columns.items()}}

    def _require(self, row: Row, number: int, columns: Iterable[str], why: str) -> None:
        for column in columns:
            if column not in row:
                raise DataError(
                    f"{self}, row {number}: no column {column!r}, {why}."
                    f"{nearest(column, list(row))} It has: {', '.join(row)}."
                )


def find_places(
    task: TaskSpec,
    source: Source,
    language: str,
    split: Split,
    *,
    allow_target_language_training: bool = False,
    tested: bool = False,
) -> tuple[Place, ...]:
    """Where a task's rows lie, in the order of reading. Opens no file; `*` lists folders.

    Args:
        tested: the rows are only scored, so those of `validation` may be in a target language.

    Raises:
        AbsentError: the task names nothing for this split, or no file matches.
        DataError: a language that the task does not have, training data in a target language, or
            data that would be the same for several languages.
    """
    _check_language(task, language, split)
    if not allow_target_language_training and not (tested and split == "validation"):
        _check_zero_shot(task, language, split)
    # Before anything is looked for on the disk.
    stated = [(part, locations(task, part, language, split)) for part in task.data.sources]
    if language != task.source_language:
        _check_own_rows(task, language, split)
    several = len(stated) > 1
    places: list[Place] = []
    for part, found in stated:
        for location in found:
            place = Place(
                location=location,
                source=source,
                part=part,
                language=language,
                per_language=any(map(holds_language, part.patterns(split))),
                named=several,
            )
            steps = [part.name] if several else []
            steps += [location.split] if isinstance(location, SplitRef) and len(found) > 1 else []
            places += _expanded(place, steps)
    return tuple(places)


def readable_splits(task: TaskSpec, language: str) -> tuple[Split, ...]:
    """The splits that the rules above let be read in a language, whether they are there or not."""
    may: dict[Split, bool] = {
        "train": language in task.trained_in,
        "validation": language == task.source_language,
        "test": language == task.source_language or language in task.languages,
    }
    return tuple(split for split, allowed in may.items() if allowed)


def locations(
    task: TaskSpec, part: PartSpec, language: str, split: Split
) -> tuple[SplitRef | Path, ...]:
    """Where a part's rows lie, as names or a path. Looks at no file.

    Raises:
        AbsentError: the task names nothing for this split.
    """
    hub = part.hub
    if hub is None:
        path = part.file_for(split, language)
        if path is None:
            key = f"data: parts: {part.name}" if task.data.parts else "data"
            named = ", ".join(part.files or ())
            raise AbsentError(
                f"task {task.task!r}: `{key}: files` names no {split!r} (only: {named})."
            )
        return (expanded(path),)
    names = hub.splits_for(split)
    if not names:
        other = next(ours for ours, theirs in hub.splits.items() if split in theirs)
        raise AbsentError(
            f"task {task.task!r} has no {split} rows: {hub.id}'s own {split!r} is its {other} data."
        )
    config = hub.config_for(language)
    return tuple(SplitRef(hub.id, config, name, hub.revision) for name in names)


def described(task: TaskSpec, language: str, split: Split) -> dict[str, Json]:
    """Which rows a task reads, for a stage's identity, beside the `fingerprint` of their content.

    Raises:
        AbsentError: the task names nothing for this split.
    """
    parts = task.data.sources
    told = [_described(task, part, language, split) for part in parts]
    if len(parts) == 1:
        return told[0]
    named: list[Json] = [{"name": p.name, **each} for p, each in zip(parts, told, strict=True)]
    return {"parts": named}


def _described(task: TaskSpec, part: PartSpec, language: str, split: Split) -> dict[str, Json]:
    """A place on the hub, filter and names. Paths of files do not count."""
    found = locations(task, part, language, split)
    places = [str(ref) for ref in found if isinstance(ref, SplitRef)]
    exact, prefixes = part.filters(language)
    return {
        "place": None if not places else places[0] if len(places) == 1 else [*places],
        "where": {**exact},
        **({"where_prefix": {**prefixes}} if prefixes else {}),
        **({"conllu": part.conllu} if part.conllu != "words" else {}),
        **({"tsv": part.tsv} if part.tsv != "plain" else {}),
        **({"columns": {**part.columns}} if part.columns else {}),
        **({"labels": {**part.labels}} if part.labels else {}),
    }


def joint_fingerprint(places: Sequence[Place]) -> str:
    """Pins the content of all places; of one, its own fingerprint.

    Raises:
        AbsentError, DataError: one is not there.
    """
    if len(places) == 1:
        return places[0].fingerprint()
    lines = "".join(f"{place.prefix}\t{place.fingerprint()}\n" for place in places)
    return hashlib.sha256(lines.encode()).hexdigest()


def _expanded(place: Place, steps: list[str]) -> Iterator[Place]:
    """The place with the prefix of its ids; of a file name with `*` one for each match.

    Raises:
        AbsentError, DataError: no file matches.
    """
    pattern = place.location
    if isinstance(pattern, SplitRef) or "*" not in str(pattern):
        yield replace(place, prefix="".join(f"{step}:" for step in steps))
        return
    found = matching(pattern)
    if not found:
        kind = AbsentError if place.per_language else DataError
        raise kind(f"{place}: no file has such a name.")
    names = [path.name.partition(".")[0] for path in found]
    if len(set(names)) < len(names):
        names = [str(number) for number in range(len(found))]
    for path, name in zip(found, names, strict=True):
        prefix = "".join(f"{step}:" for step in (*steps, name))
        yield replace(place, location=path, prefix=prefix)


def _check_language(task: TaskSpec, language: str, split: Split) -> None:
    if split == "train" and language in task.train_languages:
        return
    if language not in task.languages and language != task.source_language:
        hint = nearest(language, task.languages) or nearest_language(language)
        raise DataError(
            f"task {task.task!r} has no language {language!r}.{hint} It has:"
            f" {', '.join(task.languages)}."
        )


def _check_zero_shot(task: TaskSpec, language: str, split: Split) -> None:
    if split == "validation" and task.mining is not None:
        return  # nothing is trained or chosen on it but the threshold on margins
    if split == "train" and task.train_languages:
        if language not in task.train_languages:
            raise DataError(
                f"task {task.task!r}: training data in {language!r} is not read, because the task"
                f" is trained in {', '.join(task.train_languages)} (`train_languages`)."
            )
        return
    if split != "test" and language != task.source_language:
        raise DataError(
            f"task {task.task!r}: {split} data in {language!r} is not read, because transfer is "
            f"zero-shot: {task.source_language!r} trains and tunes, the others are only tested."
        )


def _check_own_rows(task: TaskSpec, language: str, split: Split) -> None:
    """Refuse a target language whose data is another language's: its score would be a lie."""
    languages = task.languages if split == "test" else (*task.languages, task.source_language)
    if split == "train" and task.train_languages:
        languages = task.train_languages
    for part in task.data.sources:
        own = _rows_of(task, part, language, split)
        others = (other for other in languages if other != language)
        same = [other for other in others if _rows_of(task, part, other, split) == own]
        if same:
            found = " and ".join(map(str, locations(task, part, language, split)))
            raise DataError(
                f"task {task.task!r}: {language!r} and {same[0]!r} would both read {found}. Put "
                "{language} into the configuration, the file name or a filter."
            )


def _rows_of(task: TaskSpec, part: PartSpec, language: str, split: Split) -> tuple[object, ...]:
    return (locations(task, part, language, split), part.filters(language))
