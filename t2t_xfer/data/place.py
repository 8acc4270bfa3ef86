"""Where the rows of one task, language and split lie: a source's split or a file, and a filter.

The zero-shot rule lives here, at the only door to the rows: training and validation data of a
language other than the source language is refused before anything is opened. The one exception is
the set that a task with `mining` chooses its threshold on, as XTREME does for BUCC.

    find_place(task, source, "de", "test").rows()
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from t2t_xfer.data.files import is_text_only, read_file
from t2t_xfer.data.location import SplitRef
from t2t_xfer.data.source import Source
from t2t_xfer.data.textfile import content_hash
from t2t_xfer.errors import AbsentError, DataError, nearest
from t2t_xfer.languages import fill, holds_language
from t2t_xfer.records import Row, Split, Value
from t2t_xfer.specs.task import TaskSpec


@dataclass(frozen=True)
class Place:
    """One split of a task in one language, not opened yet."""

    location: SplitRef | Path
    source: Source
    """Ignored when the location is a file: a task's own files do not depend on `--data`."""
    where: Mapping[str, str]
    """Only rows whose column has this text."""
    per_language: bool
    """Whether the location or the filter depends on the language, so that its absence says
    that the language was left out."""

    @property
    def text_only(self) -> bool:
        """Whether every value is text, as in csv."""
        return isinstance(self.location, Path) and is_text_only(self.location)

    def __str__(self) -> str:
        return str(self.location)

    def exists(self) -> bool:
        """Whether the place is there. Looks into no file.

        Raises:
            DataError: it is a file for all languages and not there: nothing was left out then.
        """
        if not isinstance(self.location, Path):
            return self.source.has(self.location)
        try:
            self._file(self.location)
        except AbsentError:
            return False
        return True

    def fingerprint(self) -> str:
        """Pins the content, rows that the filter drops included."""
        if isinstance(self.location, Path):
            return content_hash(self._file(self.location))
        return self.source.fingerprint(self.location)

    def rows(self) -> Iterator[Row]:
        """The rows that pass the filter, in order."""
        rows = self._all_rows()
        if not self.where:
            return rows
        return (row for number, row in enumerate(rows) if self._passes(row, number))

    def _all_rows(self) -> Iterator[Row]:
        if isinstance(self.location, Path):
            return read_file(self._file(self.location))
        return self.source.rows(self.location)

    def _file(self, path: Path) -> Path:
        if path.is_file():
            return path
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        kind = AbsentError if self.per_language else DataError
        raise kind(f"{path}: there is no such file.{nearest(path.name, beside)}")

    def _passes(self, row: Row, number: int) -> bool:
        missing = [column for column in self.where if column not in row]
        if missing:
            raise DataError(
                f"{self}, row {number}: no column {missing[0]!r}, which the task's `where` filters "
                f"by.{nearest(missing[0], list(row))} It has: {', '.join(row)}."
            )
        return all(as_text(row[column]) == text for column, text in self.where.items())


def find_place(
    task: TaskSpec,
    source: Source,
    language: str,
    split: Split,
    *,
    allow_target_language_training: bool = False,
) -> Place:
    """Where a task's rows lie, after the checks that need no file.

    Raises:
        AbsentError: the task names no file for this split.
        DataError: a language that the task does not have, training data in a target language, or
            data that would be the same for several languages.
    """
    _check_language(task, language)
    if not allow_target_language_training:
        _check_zero_shot(task, language, split)
    place = _place(task, source, language, split)
    if language != task.source_language:
        _check_own_rows(task, source, language, split, place)
    return place


def split_ref(task: TaskSpec, language: str, split: Split) -> SplitRef | Path:
    """Where a task's split lies, as a name or a path. Looks at no file.

    Raises:
        AbsentError: the task names no file for this split.
    """
    hub = task.data.hub
    if hub is not None:
        return SplitRef(hub.id, hub.config_for(language), hub.split_for(split), hub.revision)
    path = task.data.file_for(split, language)
    if path is None:
        named = ", ".join(task.data.files or ())
        raise AbsentError(f"task {task.task!r}: `data: files` names no {split!r} (only: {named}).")
    return path.expanduser()


def _place(task: TaskSpec, source: Source, language: str, split: Split) -> Place:
    patterns = [*task.data.where.values()]
    patterns += (
        [task.data.hub.config] if task.data.hub else [(task.data.files or {}).get(split, "")]
    )
    return Place(
        location=split_ref(task, language, split),
        source=source,
        where={column: fill(text, language) for column, text in task.data.where.items()},
        per_language=any(map(holds_language, patterns)),
    )


def _check_language(task: TaskSpec, language: str) -> None:
    if language not in task.languages and language != task.source_language:
        raise DataError(
            f"task {task.task!r} has no language {language!r}."
            f"{nearest(language, task.languages)} It has: {', '.join(task.languages)}."
        )


def _check_zero_shot(task: TaskSpec, language: str, split: Split) -> None:
    if split == "validation" and task.mining is not None:
        return  # nothing is trained or chosen on it but the threshold on margins
    if split != "test" and language != task.source_language:
        raise DataError(
            f"task {task.task!r}: {split} data in {language!r} is not read, because transfer is "
            f"zero-shot: {task.source_language!r} trains and tunes, the others are only tested."
        )


def _check_own_rows(
    task: TaskSpec, source: Source, language: str, split: Split, place: Place
) -> None:
    """Refuse a target language whose data is another language's: its score would be a lie."""
    others = [other for other in task.languages if other != language]
    same = [other for other in others if _place(task, source, other, split) == place]
    if same:
        raise DataError(
            f"task {task.task!r}: {language!r} and {same[0]!r} would both read {place}. Put "
            "{language} into the configuration, the file name or `where`."
        )


def as_text(value: Value) -> str:
    """A value as a table without types would show it: `true`, `3`, nothing for null."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
