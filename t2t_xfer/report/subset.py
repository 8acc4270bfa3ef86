"""Some of a cell's examples: those that two runs share, or one half of them.

half = [only(each, lambda id: side_of(id) == 0) for each in observed]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from zlib import crc32

from t2t_xfer.report.observed import Observed


def only(cell: Observed, keep: Callable[[str], bool]) -> Observed | None:
    """The cell with the examples whose id is kept, its score left as it was; None without any."""
    kept = [i for i, id in enumerate(cell.ids) if keep(id)]
    if not kept:
        return None
    return Observed(
        replace(cell.row, n=len(kept)),
        tuple(cell.ids[i] for i in kept),
        cell.statistics[kept],
        tuple(cell.statuses[i] for i in kept),
        cell.removed_tokens[kept],
    )


def side_of(id: str) -> int:
    """0 or 1: by chance, and the same for an example in every language, model and run."""
    return crc32(f"half {id}".encode()) & 1
