"""Local files that a task names itself (`data: {files: {...}}`), whatever `--data` says.

The end of the name says how a file is read; the file's content never does.

    read_file(Path("data/reviews.de.jsonl"))     # .jsonl .json .csv .tsv .conllu (.gz), .parquet
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from glob import glob
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from t2t_xfer.data.conllu import read_conllu
from t2t_xfer.data.fused import read_fused
from t2t_xfer.data.jsonl import read_json, read_jsonl
from t2t_xfer.data.tables import read_csv, read_parquet, read_tsv
from t2t_xfer.data.textfile import numbered_lines
from t2t_xfer.errors import DataError
from t2t_xfer.records import Row
from t2t_xfer.specs.data import Conllu, Tsv

READERS: Mapping[str, Callable[[Path], Iterator[Row]]] = MappingProxyType(
    {
        ".jsonl": read_jsonl,
        ".json": read_json,
        ".csv": read_csv,
        ".tsv": read_tsv,
        ".conllu": read_conllu,
        ".parquet": read_parquet,
    }
)
"""How each kind of file is read, by its name's end."""

_TEXT_ONLY = frozenset({".csv", ".tsv"})


def read_file(
    path: Path, *, conllu: Conllu = "words", tsv: Tsv = "plain", language: str = "en"
) -> Iterator[Row]:
    """Rows of a file in its order; the name's end says how.

    Args:
        path: the file.
        conllu: whether CoNLL-U is read as syntactic words or as XTREME makes `udpos` of it.
        tsv: whether a quotation mark is text, or cells may be quoted as in csv.
        language: of the rows; XTREME's rules for fused words depend on it.

    Raises:
        DataError: an unknown kind of file, or one that cannot be read; names file and line.
    """
    kind = file_kind(path)
    if kind not in READERS:
        known = ", ".join(READERS)
        raise DataError(f"{path}: the name must end in one of {known} (text also with .gz).")
    if kind == ".conllu" and conllu == "xtreme":
        return read_fused(path, language)
    if kind == ".tsv" and tsv == "quoted":
        return read_csv(path, "\t")
    return READERS[kind](path)


def line_of(path: Path, number: int, tsv: Tsv = "plain") -> int | None:
    """The line on which a row begins, both as people count: rows from 0, as ids do, lines from 1.

    None for formats without lines, and where the file cannot be read again.
    """
    kind = file_kind(path)
    if kind not in (".jsonl", ".tsv", ".csv", ".conllu"):
        return None
    if kind == ".conllu":
        starts = _sentences(path)
    elif kind == ".csv" or (kind, tsv) == (".tsv", "quoted"):
        starts = _records(path)
    else:
        starts = (line for line, text in numbered_lines(path) if text and not text.isspace())
    skipped = number + (kind in (".tsv", ".csv"))  # the header
    return next(islice(starts, skipped, None), None)


def _sentences(path: Path) -> Iterator[int]:
    """The first word's line of each sentence."""
    inside = False
    for line, text in numbered_lines(path):
        if not text.strip():
            inside = False
        elif not inside and not text.startswith("#"):
            inside = True
            yield line


def _records(path: Path) -> Iterator[int]:
    """The first line of each record; a quoted cell may go over several."""
    open_quote = False
    for line, text in numbered_lines(path):
        if text and not open_quote:
            yield line
        open_quote ^= text.count('"') % 2 == 1


def matching(pattern: Path) -> list[Path]:
    """The files that a name with `*` stands for, in the order of their names.

    A name without `*` stands for itself, whether it is there or not.
    """
    if "*" not in str(pattern):
        return [pattern]
    # Only `*` is special: brackets and question marks stand in real names.
    escaped = re.sub(r"([\[?])", r"[\1]", str(pattern))
    return sorted(map(Path, glob(escaped)), key=lambda path: (path.name, str(path)))


def file_kind(path: Path) -> str:
    """`.jsonl` for `x.jsonl` and `x.jsonl.gz`. Parquet is packed in itself: no `.gz`."""
    packed = path.suffix == ".gz" and not path.stem.endswith(".parquet")
    return Path(path.stem).suffix if packed else path.suffix


def is_text_only(path: Path) -> bool:
    """Whether the format knows no types, so that a label `0` can only be the text `0`."""
    return file_kind(path) in _TEXT_ONLY
