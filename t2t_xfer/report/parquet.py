"""`cells.parquet`: the lines of `cells.csv`, and beside each what its interval is.

The rule: the columns of `cells.csv` come first, by the same names, with their own types; what is
not known is null. The scores are not rounded.

    write_parquet(Path("eval_outputs/cells.parquet"), numbers)
    pandas.read_parquet("eval_outputs/cells.parquet")
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from t2t_xfer.files import replaced
from t2t_xfer.report.cells import COLUMNS, CellRow
from t2t_xfer.report.numbers import Analysed, Numbers

ORDER = ("study", "model", "intermediate", "target", "language", "seed", "readout")
"""As `cells.csv` is sorted."""
FLOATS = ("score", "invalid_rate")
INTEGERS = ("seed", "n")
FLAGS = ("same_data", "translate_train", "constant")
"""`constant`: every example got one answer (`CellRow.constant`)."""
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


def _intervals(analysed: Analysed, row: CellRow) -> dict[str, float | None]:
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
