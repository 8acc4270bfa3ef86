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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from t2t_xfer.data.formats import is_text_only, line_of, matching, read_file
from t2t_xfer.data.sources import Source, SplitRef
from t2t_xfer.data.textfile import content_hash
from t2t_xfer.errors import AbsentError, DataError, nearest
from t2t_xfer.languages import fill, holds_language, nearest_language
from t2t_xfer.paths import advice, expanded, is_dir, is_file, outside
from t2t_xfer.records import Json, Row, Split, Value
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


T = TypeVar("T")


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
        return isinstance(self.location, Path) and is_text_only(self.location)

    @property
    def where(self) -> Mapping[str, str]:
        """Only rows whose column has this text."""
        return {name: fill(text, self.language) for name, text in self.part.where.items()}

    @property
    def where_prefix(self) -> Mapping[str, str]:
        """Only rows whose column begins with this text."""
        return {name: fill(text, self.language) for name, text in self.part.where_prefix.items()}

    @property
    def filtered(self) -> bool:
        """Whether some rows may not count."""
        return bool(self.part.where or self.part.where_prefix)

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
        return self._naming_the_part(lambda: self.source.fingerprint(location))

    def rows(self) -> Iterator[Row]:
        """The rows that pass the filter, in order, under the task's names of the columns.

        Raises:
            AbsentError, DataError: it is not there.
        """
        rows = self._all_rows()
        if self.filtered:
            exact, start = self.where, self.where_prefix
            rows = (row for n, row in enumerate(rows) if self._passes(row, n, exact, start))
        if self.part.columns:
            rows = (self._renamed(row, number) for number, row in enumerate(rows))
        return rows

    def line_of(self, number: int) -> str:
        """` See data/reviews.de.jsonl:7.` for a row, by its number among those that count; empty
        where rows have no lines."""
        if not isinstance(self.location, Path):
            return ""
        rows: Iterator[tuple[int, Row]] = enumerate(self._all_rows())
        if self.filtered:
            exact, start = self.where, self.where_prefix
            rows = ((n, row) for n, row in rows if self._passes(row, n, exact, start))
        try:
            raw = next(islice(rows, number, None), (None, None))[0]
            line = None if raw is None else line_of(self.location, raw, self.part.tsv)
        except DataError:
            return ""
        return "" if line is None else f" See {self.location}:{line}."

    def _all_rows(self) -> Iterator[Row]:
        location = self._check_there()
        if isinstance(location, Path):
            return read_file(
                location, conllu=self.part.conllu, tsv=self.part.tsv, language=self.language
            )
        return self._naming_the_part(lambda: self.source.rows(location))

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

    def _naming_the_part(self, ask: Callable[[], T]) -> T:
        if not self.named:
            return ask()
        try:
            return ask()
        except AbsentError as e:
            raise AbsentError(f"part {self.part.name!r}: {e}") from e

    def _passes(
        self, row: Row, number: int, exact: Mapping[str, str], start: Mapping[str, str]
    ) -> bool:
        missing = [column for column in (*exact, *start) if column not in row]
        if missing:
            key = "where" if missing[0] in exact else "where_prefix"
            raise self._no_column(row, number, missing[0], f"which the task's `{key}` filters by")
        return all(as_text(row[column]) == text for column, text in exact.items()) and all(
            as_text(row[column]).startswith(text) for column, text in start.items()
        )

    def _renamed(self, row: Row, number: int) -> Row:
        """The row with the task's names; a column that is taken from twice stands there twice."""
        columns = self.part.columns
        missing = [theirs for theirs in columns.values() if theirs not in row]
        if missing:
            raise self._no_column(row, number, missing[0], "which the part's `columns` names")
        kept = {name: row[name] for name in row if name not in columns.values()}
        return {**kept, **{ours: row[theirs] for ours, theirs in columns.items()}}

    def _no_column(self, row: Row, number: int, column: str, why: str) -> DataError:
        return DataError(
            f"{self}, row {number}: no column {column!r}, {why}.{nearest(column, list(row))} "
            f"It has: {', '.join(row)}."
        )


def as_text(value: Value) -> str:
    """A value as a table without types would show it: `true`, `3`, nothing for null."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


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
            named = ", ".join(part.files or ())
            raise AbsentError(
                f"task {task.task!r}: `{_key(task, part)}: files` names no {split!r} (only:"
                f" {named})."
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
    places = [str(ref) for ref in locations(task, part, language, split) if _on_the_hub(ref)]
    prefixes = {name: fill(text, language) for name, text in part.where_prefix.items()}
    return {
        "place": None if not places else places[0] if len(places) == 1 else [*places],
        "where": {name: fill(text, language) for name, text in part.where.items()},
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


def _on_the_hub(location: SplitRef | Path) -> bool:
    return isinstance(location, SplitRef)


def _key(task: TaskSpec, part: PartSpec) -> str:
    return f"data: parts: {part.name}" if task.data.parts else "data"


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
    filters = (part.where, part.where_prefix)
    filled = [[(name, fill(text, language)) for name, text in each.items()] for each in filters]
    return (locations(task, part, language, split), filled)
