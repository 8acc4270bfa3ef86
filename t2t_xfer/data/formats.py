"""Rows of files: JSON, JSON Lines, csv, tsv, CoNLL-U and parquet, by the end of a file's name.

Types stay: `0`, `"0"`, `0.0` and `False` are four different values; csv and tsv hold nothing but
text. Bytes are text if they are UTF-8; what is no text stays out of reach, and whoever looks such a
column up is told so. Nothing is repaired: NaN, half surrogate pairs, a key that stands twice in one
object, broken quoting and rows with more cells than the header are refused with file and line.

csv follows RFC 4180 quoting. tsv has no quoting at all: a quotation mark is text there, as in the
tab-separated files of GLUE, XNLI and PAWS-X. What pandas and spreadsheets write as tsv has, and is
read so where the task says `tsv: quoted`.

    read_file(Path("data/reviews.de.jsonl"))     # .jsonl .json .csv .tsv .conllu (.gz), .parquet
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from glob import glob
from pathlib import Path
from types import MappingProxyType

from t2t_xfer.data.conllu import read_conllu, read_fused
from t2t_xfer.data.textfile import LONGEST_LINE, Located, numbered_lines
from t2t_xfer.errors import DataError, MissingExtraError
from t2t_xfer.records import Row, Value
from t2t_xfer.specs.data import Conllu, Tsv


def read_file(
    path: Path, *, conllu: Conllu = "words", tsv: Tsv = "plain", language: str = "en"
) -> Iterator[Row]:
    """Rows of a file in its order; see `located_rows`."""
    return (row for _, row in located_rows(path, conllu=conllu, tsv=tsv, language=language))


def located_rows(
    path: Path, *, conllu: Conllu = "words", tsv: Tsv = "plain", language: str = "en"
) -> Iterator[Located]:
    """Rows of a file in its order, each with the line on which it begins; the name's end says how.

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


def file_kind(path: Path) -> str:
    """`.jsonl` for `x.jsonl` and `x.jsonl.gz`. Parquet is packed in itself: no `.gz`."""
    packed = path.suffix == ".gz" and not path.stem.endswith(".parquet")
    return Path(path.stem).suffix if packed else path.suffix


def matching(pattern: Path) -> list[Path]:
    """The files that a name with `*` stands for, in the order of their names.

    A name without `*` stands for itself, whether it is there or not.
    """
    if "*" not in str(pattern):
        return [pattern]
    # Only `*` is special: brackets and question marks stand in real names.
    escaped = re.sub(r"([\[?])", r"[\1]", str(pattern))
    return sorted(map(Path, glob(escaped)), key=lambda path: (path.name, str(path)))


def _reject(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):  # of two equal keys Python would keep the last
        twice = next(key for n, (key, _) in enumerate(pairs) if key in dict(pairs[:n]))
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found


_DECODER = json.JSONDecoder(parse_constant=_reject, object_pairs_hook=_object)
LONGEST_JSON = 2**30
"""Bytes of a file that holds one JSON list, since all of it is read at once."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_jsonl(path: Path) -> Iterator[Located]:
    """One object a line; blank lines are passed over."""
    for number, line in numbered_lines(path):
        if line and not line.isspace():
            where = f"{path}:{number}"
            yield number, _row(parse_json(line, where), where)


def read_json(path: Path) -> Iterator[Located]:
    """One list of objects, whose rows have no lines."""
    lines: list[str] = []
    left = LONGEST_JSON
    for _, line in numbered_lines(path, longest=LONGEST_JSON):
        left -= len(line) + 1
        if left < 0:
            raise DataError(
                f"{path}: more than {LONGEST_JSON >> 20} MiB in one JSON list, which is read at"
                " once. Write one object a line into a file that ends in .jsonl."
            )
        lines.append(line)
    content = parse_json("\n".join(lines), str(path))
    if not isinstance(content, list):
        raise DataError(f"{path}: expected a list of objects, found {_kind(content)}.")
    for number, item in enumerate(content):
        yield None, _row(item, f"{path}, item {number}")


def parse_json(text: str, where: str) -> object:
    """One JSON value. NaN and half surrogate pairs are refused: nothing later could write them."""
    try:
        value: object = _DECODER.decode(text)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise DataError(f"{where}: broken JSON: lists or objects are nested too deep.") from error
    except ValueError as error:
        raise DataError(f"{where}: broken JSON: {error}.") from error
    return value


def _row(value: object, where: str) -> Row:
    if not isinstance(value, dict):
        raise DataError(f"{where}: expected an object with columns, found {_kind(value)}.")
    return freeze_row(value, where)


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return kinds.get(type(value), "null" if value is None else "a number")


def read_csv(path: Path, delimiter: str = ",") -> Iterator[Located]:
    """Rows of a table whose cells may be quoted; every value is text."""
    # The csv module stops at 131072 characters, which a long document passes.
    csv.field_size_limit(LONGEST_LINE)
    # The csv module needs the line ends: a quoted cell may hold one.
    lines = (line + "\n" for _, line in numbered_lines(path))
    reader = csv.reader(lines, strict=True, delimiter=delimiter)

    def numbered_cells() -> Iterator[tuple[int, Sequence[str]]]:
        begins = 1
        try:
            for cells in reader:
                yield begins, cells
                begins = reader.line_num + 1
        except csv.Error as error:
            raise DataError(f"{path}:{reader.line_num}: broken csv: {error}.") from error

    return _rows(path, numbered_cells())


def read_tsv(path: Path) -> Iterator[Located]:
    """Rows of a tab-separated table without quoting; every value is text."""
    lines = numbered_lines(path)
    cells = ((number, line.split("\t") if line else ()) for number, line in lines)
    return _rows(path, cells, " If its cells are quoted, say so: `tsv: quoted` under `data`.")


def _rows(
    path: Path, lines: Iterator[tuple[int, Sequence[str]]], quoted: str = ""
) -> Iterator[Located]:
    """`quoted`: said beside the wrong number of cells where one begins with a quotation mark."""
    header: Sequence[str] = ()
    for number, cells in lines:
        if not cells:
            continue
        if not header:
            header = _checked_header(cells, f"{path}:{number}")
        elif len(cells) != len(header):
            raise DataError(
                f"{path}:{number}: {len(cells)} cells, but the header names {len(header)} columns "
                f"({', '.join(header)}).{quoted if any(map(_is_quoted, cells)) else ''}"
            )
        else:
            yield number, dict(zip(header, cells, strict=True))


def _is_quoted(cell: str) -> bool:
    return cell.startswith('"')


def _checked_header(cells: Sequence[str], where: str) -> Sequence[str]:
    twice = [name for position, name in enumerate(cells) if name in cells[:position]]
    if twice or "" in cells:
        problem = f"column {twice[0]!r} stands twice" if twice else "a column has no name"
        raise DataError(f"{where}: {problem} in the header ({', '.join(cells)}).")
    return cells


def read_parquet(path: Path) -> Iterator[Located]:
    """Rows with their types, and without lines."""
    try:
        import pyarrow as arrow  # type: ignore[import-untyped]
        import pyarrow.parquet as parquet  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtraError(f"{path}: parquet needs pyarrow: pip install pyarrow") from error
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from ((None, freeze_row(row, str(path))) for row in batch.to_pylist())
    except DataError:
        raise
    # Times that Python's own types cannot hold are ValueErrors and OverflowErrors.
    except (arrow.ArrowException, OSError, ValueError, OverflowError) as error:
        raise DataError(f"{path}: cannot be read as parquet: {error}") from error


_SCALARS = frozenset({str, int, bool, type(None)})
DEEPEST = 64
"""Lists and objects inside of each other. Data sets have three or four."""


class Unreadable(str):
    """Stands for bytes that are no text; what they look like, for messages."""


def freeze(value: object, depth: int = 0) -> Value:
    """Lists become tuples, deeply; decimals become numbers, NaN (as pandas writes a missing value)
    null, and what JSON does not know (dates, …) its text.

    Raises:
        DataError: more than `DEEPEST` lists inside of each other.
    """
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return None if value != value else value
    if depth == DEEPEST:
        raise DataError(f"a value is nested more than {DEEPEST} deep. Flatten it.")
    if isinstance(value, list | tuple):
        return _whole(tuple([v if type(v) in _SCALARS else freeze(v, depth + 1) for v in value]))
    if isinstance(value, Mapping):
        return {str(key): freeze(item, depth + 1) for key, item in value.items()}
    if isinstance(value, bytes | bytearray | memoryview):
        return _text(bytes(value))
    if isinstance(value, Decimal):  # of the database's type DECIMAL(10, 0) whole numbers
        whole = value.is_finite() and value.as_tuple().exponent == 0
        return int(value) if whole else float(value)
    return str(value)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Unreadable(f"{len(raw)} bytes that begin {raw[:8]!r}")


def _whole(items: tuple[Value, ...]) -> Value:
    """A list; if something in it cannot be read, it cannot."""
    bad = next((item for item in items if type(item) is Unreadable), None)
    return items if bad is None else bad


def freeze_row(row: Mapping[str, object], where: str) -> Row:
    """One row with every value frozen.; `where` begins the message of an error."""
    try:
        return {key: freeze(value) for key, value in row.items()}
    except DataError as error:
        raise DataError(f"{where}: {error}") from error


READERS: Mapping[str, Callable[[Path], Iterator[Located]]] = MappingProxyType(
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
TEXT_ONLY = frozenset({".csv", ".tsv"})
"""Formats that know no types, so that a label `0` can only be the text `0`."""
