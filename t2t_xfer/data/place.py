"""One place that holds rows of a task, not opened yet: a source's split or a file, and a filter.

What a part of a task calls its columns otherwise is renamed here, so that everything after sees
the task's own names. Which places a task has is said by `places`, the only door to them.

    for row in place.rows(): ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from t2t_xfer.data.files import is_text_only, line_of, read_file
from t2t_xfer.data.location import SplitRef
from t2t_xfer.data.source import Source
from t2t_xfer.data.textfile import content_hash
from t2t_xfer.errors import AbsentError, DataError, nearest
from t2t_xfer.languages import fill
from t2t_xfer.paths import advice, is_dir, is_file, outside
from t2t_xfer.records import Row, Value
from t2t_xfer.specs.data import PartSpec

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
