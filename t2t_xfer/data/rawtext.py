"""Raw text for co-training: documents of one language from files, the hub, or the source's own.

The rule: a document is a line of a `.txt` file, or the text column of a row; blank ones do not
count; the first so many are taken, in order, so that the same content gives the same documents.

    read_documents(TextSpec(languages=["de"]), open_source("microworld"), "de")
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from t2t_xfer.data.formats import file_kind, matching, read_file
from t2t_xfer.data.sources import Source, SplitRef
from t2t_xfer.data.textfile import content_hash, numbered_lines
from t2t_xfer.errors import DataError, nearest
from t2t_xfer.paths import expanded
from t2t_xfer.records import Row
from t2t_xfer.specs.data import ANY, TextSpec


def read_documents(text: TextSpec, source: Source, language: str) -> list[str]:
    """The documents of a language, at most `text.documents`.

    Args:
        language: one of `text.codes`.

    Raises:
        AbsentError: the source has no text in this language.
        DataError: a file or a column is not there, or there is no text in it.
    """
    found = list(islice(_documents(text, source, language), text.documents))
    if not found:
        raise DataError(f"{_named(language)}: there is nothing but blank lines.")
    return found


def text_identity(text: TextSpec, source: Source, language: str) -> list[str]:
    """Pins the content that documents are read from.

    Raises:
        AbsentError, DataError: it is not there.
    """
    if text.files is not None:
        return [content_hash(path) for path in _files(text, language)]
    if text.hub is not None:
        return [source.fingerprint(ref) for ref in _splits(text, language)]
    return [source.text_fingerprint(language)]


def _documents(text: TextSpec, source: Source, language: str) -> Iterator[str]:
    if text.files is not None:
        for path in _files(text, language):
            if file_kind(path) == ".txt":
                yield from _filled(line for _, line in numbered_lines(path, marks=True))
            else:
                yield from _column(read_file(path), text.field, str(path))
    elif text.hub is not None:
        for ref in _splits(text, language):
            yield from _column(source.rows(ref), text.field, str(ref))
    else:
        yield from source.documents(language)


def _files(text: TextSpec, language: str) -> list[Path]:
    found = []
    for pattern in text.patterns(language):
        files = matching(expanded(pattern))
        if not files:
            raise DataError(f"{_named(language)}: {pattern}: no file has such a name.")
        found += files
    return found


def _splits(text: TextSpec, language: str) -> list[SplitRef]:
    assert text.hub is not None
    config = text.hub.config if language == ANY else text.hub.config_for(language)
    names = text.hub.splits_for("train")
    return [SplitRef(text.hub.id, config, name, text.hub.revision) for name in names]


def _column(rows: Iterator[Row], field: str, where: str) -> Iterator[str]:
    for number, row in enumerate(rows, 1):
        value = row.get(field)
        if not isinstance(value, str):
            raise DataError(
                f"raw text: {where}, row {number}: the column {field!r} holds no text. Name the"
                f" column in `text: {{field: …}}`.{nearest(field, list(row))}"
            )
        yield from _filled([value])


def _filled(lines: Iterator[str] | list[str]) -> Iterator[str]:
    return (line for line in lines if line and not line.isspace())


def _named(language: str) -> str:
    return "raw text" if language == ANY else f"raw text in {language!r}"
