"""Tables: csv, tsv and parquet, with a header that names the columns.

csv follows RFC 4180 quoting. tsv has no quoting at all: a quotation mark is text there, as in
the tab-separated files of GLUE, XNLI and PAWS-X. What pandas and spreadsheets write as tsv has, and
is read so where the task says `tsv: quoted`. Both hold nothing but text; parquet has types.

    premise,label
    "Yes, he came.",0        ->  {"premise": "Yes, he came.", "label": "0"}
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from t2t_xfer.data.textfile import LONGEST_LINE, numbered_lines
from t2t_xfer.data.values import freeze_row
from t2t_xfer.errors import DataError, MissingExtraError
from t2t_xfer.records import Row


def read_csv(path: Path, delimiter: str = ",") -> Iterator[Row]:
    """Rows of a file whose cells may be quoted; every value is text.

    Raises:
        DataError: broken quoting, or a row with more or fewer cells than the header.
    """
    # The csv module stops at 131072 characters, which a long document passes.
    csv.field_size_limit(LONGEST_LINE)
    # The csv module needs the line ends: a quoted cell may hold one.
    lines = (line + "\n" for _, line in numbered_lines(path))
    reader = csv.reader(lines, strict=True, delimiter=delimiter)

    def numbered_cells() -> Iterator[tuple[int, Sequence[str]]]:
        try:
            for cells in reader:
                yield reader.line_num, cells
        except csv.Error as error:
            raise DataError(f"{path}:{reader.line_num}: broken csv: {error}.") from error

    return _rows(path, numbered_cells())


def read_tsv(path: Path) -> Iterator[Row]:
    """Rows of a tab-separated file without quoting; every value is text.

    Raises:
        DataError: a row has more or fewer cells than the header.
    """
    lines = numbered_lines(path)
    cells = ((number, line.split("\t") if line else ()) for number, line in lines)
    return _rows(path, cells, " If its cells are quoted, say so: `tsv: quoted` under `data`.")


def _rows(
    path: Path, lines: Iterator[tuple[int, Sequence[str]]], quoted: str = ""
) -> Iterator[Row]:
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
                f"({', '.join(header)})."
                f"{quoted if any(map(_opens_quote, cells)) else ''}"
            )
        else:
            yield dict(zip(header, cells, strict=True))


def _opens_quote(cell: str) -> bool:
    return cell.startswith('"')


def _checked_header(cells: Sequence[str], where: str) -> Sequence[str]:
    twice = [name for position, name in enumerate(cells) if name in cells[:position]]
    if twice or "" in cells:
        problem = f"column {twice[0]!r} stands twice" if twice else "a column has no name"
        raise DataError(f"{where}: {problem} in the header ({', '.join(cells)}).")
    return cells


def read_parquet(path: Path) -> Iterator[Row]:
    """Rows of a parquet file, with their types.

    Raises:
        DataError: not a parquet file, or damaged.
    """
    try:
        import pyarrow as arrow  # type: ignore[import-untyped]
        import pyarrow.parquet as parquet  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtraError(f"{path}: parquet needs pyarrow: pip install pyarrow") from error
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from (freeze_row(row, str(path)) for row in batch.to_pylist())
    except DataError:
        raise
    # Times that Python's own types cannot hold are ValueErrors and OverflowErrors.
    except (arrow.ArrowException, OSError, ValueError, OverflowError) as error:
        raise DataError(f"{path}: cannot be read as parquet: {error}") from error
