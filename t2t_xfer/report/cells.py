"""`cells.csv` and `cells.parquet`: one line per number of a study.

The rule: the same numbers give the same bytes. Lines are sorted, floats have four decimals,
lines end in a newline, and no time or place is written. Names come from files of anybody, so no
text is written that a spreadsheet would run.

    write_cells(Path("eval_outputs/cells.csv"), rows)
    study,model,architecture,intermediate,target,language,seed,metric,score,n,invalid_rate,...

In `cells.parquet` the same columns come first, with their own types, and beside each number what
its interval is; what is not known is null, and the scores are not rounded.

    write_parquet(Path("eval_outputs/cells.parquet"), numbers)
    pandas.read_parquet("eval_outputs/cells.parquet")
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t2t_xfer.errors import DataError
from t2t_xfer.files import replaced, write_text
from t2t_xfer.study.results import Result

if TYPE_CHECKING:
    from t2t_xfer.report.findings import Analysed, Numbers

COLUMNS = (
    "study",
    "model",
    "architecture",
    "intermediate",
    "target",
    "language",
    "seed",
    "metric",
    "score",
    "n",
    "invalid_rate",
    "readout",
    "signature",
)
"""The columns of `cells.csv`, in this order. Scripts depend on them."""
RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")
"""How texts begin that spreadsheets take for formulas (OWASP, CSV injection), and how escaped
ones do."""


def write_cells(path: Path, rows: Sequence[Result]) -> None:
    """Write `cells.csv` whole or not at all.

    Raises:
        ValueError: two rows are the same cell.
        UserError: the place cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    previous = None
    for row in sorted(rows, key=lambda row: (row.study, row.key)):
        if previous == (row.study, row.key):
            raise ValueError(f"two rows of one cell: {row.study} {row.key}")
        previous = (row.study, row.key)
        values = {key: no_formula(value) for key, value in vars(row).items()}
        values["score"] = f"{row.score + 0.0:.4f}"
        values["invalid_rate"] = f"{row.invalid_rate + 0.0:.4f}"
        writer.writerow(values[column] for column in COLUMNS)
    write_text(path, text.getvalue())


def no_formula(value: object) -> object:
    """A text that a spreadsheet does not run: one that could begin a formula gets an apostrophe.

    Numbers stay what they are, negative ones too. A text that begins with an apostrophe gets one
    more, so that `plain_text` gives back what was written.
    """
    if not isinstance(value, str):
        return value
    plain = value.replace("\r", " ")  # csv leaves it bare, and readers take it for a line's end
    return f"'{plain}" if value.startswith(RISKY) else plain


def plain_text(cell: str) -> str:
    """What `no_formula` was given."""
    return cell[1:] if cell.startswith("'") else cell


def read_cells(path: Path) -> list[Result]:
    """The rows of a `cells.csv`, sorted as the file is. What the file does not hold is None.

    Raises:
        DataError: the file is missing, has other columns, or a value that is no number.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as cells: {error}") from error
    if not lines or tuple(lines[0]) != COLUMNS:
        raise DataError(f"{path}:1: expected the columns {', '.join(COLUMNS)}")
    return [_row(path, number, line) for number, line in enumerate(lines[1:], start=2)]


def _row(path: Path, number: int, line: list[str]) -> Result:
    if len(line) != len(COLUMNS):
        raise DataError(f"{path}:{number}: {len(line)} values, expected {len(COLUMNS)}")
    cell = dict(zip(COLUMNS, map(plain_text, line), strict=True))
    try:
        return Result(
            study=cell["study"],
            model=cell["model"],
            architecture=cell["architecture"],
            intermediate=cell["intermediate"],
            target=cell["target"],
            language=cell["language"],
            seed=int(cell["seed"]),
            metric=cell["metric"],
            score=float(cell["score"]),
            n=int(cell["n"]),
            invalid_rate=float(cell["invalid_rate"]),
            readout=cell["readout"],
            signature=cell["signature"],
        )
    except ValueError as error:
        raise DataError(f"{path}:{number}: {error}") from error


ORDER = ("study", "model", "intermediate", "target", "language", "seed", "readout")
"""As `cells.csv` is sorted."""
FLOATS = ("score", "invalid_rate")
INTEGERS = ("seed", "n")
FLAGS = ("same_data", "translate_train", "constant")
"""`constant`: every example got one answer (`Result.constant`)."""
INTERVALS = ("mean", "low", "high", "change", "change_low", "change_high", "p", "adjusted")
"""`mean`: over seeds, with its 95 % interval; `change`: of that mean against none, with its own,
the paired p-value and the adjusted one. The same in the lines of all seeds."""


def write_parquet(path: Path, numbers: Numbers) -> None:
    """Write `cells.parquet` whole or not at all.

    Raises:
        UserError: the place cannot be written.
    """
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    types = {
        **dict.fromkeys(COLUMNS, pa.string()),
        **dict.fromkeys(FLAGS, pa.bool_()),
        **dict.fromkeys((*FLOATS, *INTERVALS), pa.float64()),
        **dict.fromkeys(INTEGERS, pa.int64()),
    }
    lines = sorted(_lines(numbers), key=lambda line: [line[name] for name in ORDER])
    columns = {name: [line[name] for line in lines] for name in types}
    table = pa.table(columns, schema=pa.schema(list(types.items())))
    with replaced(path) as temporary:
        pq.write_table(table, temporary)


def _lines(numbers: Numbers) -> Iterator[dict[str, Any]]:
    for analysed in (numbers.main, numbers.aside):
        for row in analysed.grid.rows:
            values = {name: getattr(row, name) for name in (*COLUMNS, *FLAGS)}
            # `by_readout` gave the second reading a target of its own.
            values["target"] = row.target.removesuffix(f", {row.readout}")
            yield {**values, **_intervals(analysed, row)}


def _intervals(analysed: Analysed, row: Result) -> dict[str, float | None]:
    place = (row.model, row.intermediate, row.target, row.language)
    found: dict[str, float | None] = dict.fromkeys(INTERVALS)
    score = analysed.analysis.score(*place)
    if score is not None:
        found |= {"mean": score.value, "low": score.low, "high": score.high}
    change = analysed.analysis.change(*place)
    if change is not None:
        interval = change.interval
        found |= {"change": interval.value, "change_low": interval.low}
        found |= {"change_high": interval.high, "p": change.p, "adjusted": change.adjusted}
    return found
