"""A data set that was found: its rows by language and split, and which language they are in.

The rule: a language is what a name says (a file's, a configuration's), else what a column says,
else what the script or English function words say; else it is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeAlias

from t2t_xfer.errors import UserError
from t2t_xfer.languages import (
    LANGUAGES,
    PLACEHOLDERS,
    fill,
    language_of,
    may_be,
    script_of,
    written_in,
)
from t2t_xfer.records import SPLITS, Json, Row, Split

MOST_ROWS = 5000
"""Rows of a split that are looked at."""
COMPARED = 2
"""Other languages of which test rows are read."""

Read: TypeAlias = Callable[[str, Split], Iterator[Row]]
"""The rows of a language in a split, all of them where the place does not depend on it."""


@dataclass(frozen=True)
class Found:
    """A data set, as far as it was looked at."""

    name: str
    """What the user called it."""
    data: dict[str, Json]
    """The task's `data`."""
    languages: tuple[str, ...]
    source_language: str
    """Empty: not known yet."""
    splits: tuple[Split, ...]
    """Ours, those that are there."""
    rows: Mapping[Split, Sequence[Row]]
    """Of the source language, or of the first one that has rows."""
    others: Mapping[str, Sequence[Row]]
    """Test rows of some other languages."""
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Column -> the names that the hub has for its numbers."""
    reasons: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    """About the languages."""
    data_questions: tuple[str, ...] = ()
    """About the places."""

    @property
    def seen(self) -> Sequence[Row]:
        """The rows that a proposal is made from: training rows if there are any."""
        return next((self.rows[split] for split in SPLITS if self.rows.get(split)), ())

    @property
    def seen_split(self) -> Split:
        """Where `seen` is from."""
        return next((split for split in SPLITS if self.rows.get(split)), "test")


def settled(found: Found, read: Read, stated: str | None) -> Found:
    """The data set with its languages and rows.

    Args:
        found: with the languages that names tell, if any.
        read: its rows.
        stated: the language that the user says it is in.

    Raises:
        UserError: names say another language.
    """
    if stated is not None and found.languages and stated not in found.languages:
        raise UserError(
            f"--language {stated}: the names in {found.name} say {', '.join(found.languages)}."
            " Leave the option out, or name what holds these rows alone."
        )
    if not found.languages:
        found = _languages_of_one_place(found, read, stated)
    codes = found.languages
    source = found.source_language or ("en" if "en" in codes else codes[0])
    filters = _filters(found.data)
    rows = {split: _rows(read, source, split, filters) for split in found.splits}
    rows = {split: some for split, some in rows.items() if some}
    tested: Split = "test" if "test" in found.splits else "validation"
    others = [code for code in codes if code != source][:COMPARED]
    return replace(
        found,
        source_language=source,
        splits=tuple(split for split in found.splits if split in rows),
        rows=rows,
        others={code: _rows(read, code, tested, filters) for code in others},
        questions=(*found.questions, *_doubts(source, rows)),
    )


def _rows(
    read: Read, code: str, split: Split, filters: Mapping[str, Mapping[str, str]]
) -> tuple[Row, ...]:
    def counts(row: Row) -> bool:
        exact = (row.get(c) == fill(text, code) for c, text in filters["where"].items())
        start = filters["where_prefix"].items()
        return all(exact) and all(str(row.get(c)).startswith(fill(t, code)) for c, t in start)

    return tuple(islice(filter(counts, read(code, split)), MOST_ROWS))


def _filters(data: Mapping[str, Json]) -> dict[str, dict[str, str]]:
    filters: dict[str, dict[str, str]] = {"where": {}, "where_prefix": {}}
    for key, pairs in filters.items():
        stated = data.get(key)
        if isinstance(stated, dict):
            pairs.update({column: str(text) for column, text in stated.items()})
    return filters


def _languages_of_one_place(found: Found, read: Read, stated: str | None) -> Found:
    """For a place that no name gives a language to."""
    some = [row for split in found.splits for row in islice(read("", split), 20 * MOST_ROWS)]
    for key, tell in (("where", _by_value), ("where_prefix", _by_prefix)):
        for column in some[0] if some and stated is None else ():
            told = tell([row.get(column) for row in some])
            if told is not None:
                pattern, codes = told
                why = f"The column `{column}` says which language a row is in."
                data: dict[str, Json] = {**found.data, key: {column: pattern}}
                return replace(found, data=data, languages=codes, reasons=(*found.reasons, why))
    if stated is not None:
        why = f"The language is the one of --language: {LANGUAGES[stated].name}."
        return replace(found, languages=(stated,), reasons=(*found.reasons, why))
    by_column = _texts_by_column(some[:MOST_ROWS])
    told_by = (language_of(texts) for texts in by_column)
    code = next((each for each in told_by if each is not None), None)
    if code is not None:
        why = f"Nothing names the language; the text looks like {LANGUAGES[code].name}."
        return replace(found, languages=(code,), reasons=(*found.reasons, why))
    known = " ".join(written_in(script_of(by_column[0]))) if by_column else ""
    ask = "which language are the rows in? Nothing says so; `en` is only a place holder."
    if known:
        ask += f" With this script: {known}."
    return replace(found, languages=("en",), questions=(*found.questions, ask))


def _texts_by_column(rows: Sequence[Row]) -> list[list[str]]:
    """A text for each row of each column, the longest column first; without columns of single words
    (labels), unless there are no others (Chinese)."""
    names = dict.fromkeys(name for row in rows for name in row)
    joined = [[" ".join(texts_in({"": row.get(name)})) for row in rows] for name in names]
    joined.sort(key=lambda texts: -sum(map(len, texts)))
    worded = [texts for texts in joined if sum(len(t.split()) for t in texts) > len(texts)]
    return worded or joined[:1]


def _by_value(values: Sequence[object]) -> tuple[str, tuple[str, ...]] | None:
    """`{language}` for a column that holds nothing but codes (or names) of languages."""
    counts = Counter(value for value in values if isinstance(value, str))
    if counts.total() < len(values) or len(counts) < 2:
        return None
    for placeholder in PLACEHOLDERS:
        pattern = "{" + placeholder + "}"
        codes = tuple(code for code in LANGUAGES if fill(pattern, code) in counts)
        if len(codes) == len(counts):
            return pattern, codes
    return None


def _by_prefix(values: Sequence[object]) -> tuple[str, tuple[str, ...]] | None:
    """`{language_name_lower}-` for a column such as the ids `english-12`."""
    starts = [value.partition("-") for value in values if isinstance(value, str)]
    if len(starts) < len(values) or not all(dash for _, dash, _ in starts):
        return None
    told = _by_value([start for start, _, _ in starts])
    return None if told is None else (f"{told[0]}-", told[1])


def _doubts(source: str, rows: Mapping[Split, Sequence[Row]]) -> Iterator[str]:
    """Rows whose letters are not those of their language."""
    for split, some in rows.items():
        texts = [text for row in some[:200] for text in texts_in(row)]
        if not may_be(source, texts):
            yield (
                f"are the {split} rows really {LANGUAGES[source].name}? Their script is"
                f" {script_of(texts)}."
            )


def texts_in(row: Row) -> Iterator[str]:
    """Every text of a row, also inside of lists; codes and numbers among them."""
    pending: list[object] = [*row.values()]
    while pending:
        value = pending.pop(0)
        if isinstance(value, str):
            yield value
        elif isinstance(value, tuple):
            pending[:0] = value
        elif isinstance(value, Mapping):
            pending[:0] = value.values()
