"""What the study took: time, tokens and memory, by kind of stage and for each stage.

cost_section(page)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from t2t_xfer.report.document import (
    MISSING,
    Cell,
    Fold,
    Part,
    Section,
    Table,
    columns,
    missing,
    words,
)
from t2t_xfer.report.given import Cost, PageInput

LISTED = 200
"""Stages that are listed one by one, the longest first."""
COLUMNS = ("seconds", "tokens", "tokens per second", "memory", "memory of the accelerator")


def cost_section(page: PageInput) -> Section:
    """A table by kind of stage, and the longest stages."""
    if not page.costs:
        return Section("cost", "Cost")
    kinds = dict.fromkeys(cost.kind for cost in page.costs)
    rows = []
    for kind in kinds:
        of = [cost for cost in page.costs if cost.kind == kind]
        devices = ", ".join(sorted({cost.device for cost in of if cost.device} - {"none"}))
        rows.append(
            [*words(kind), Cell(str(len(of)), key=len(of)), *_figures(of), Cell(devices or MISSING)]
        )
    heads = columns("kind", "stages", *COLUMNS, "device", text=1)
    heads[-1] = columns("device", text=1)[0]
    legend = [
        "Of the finished stages that this study's numbers come from, whichever study ran them. "
        "Seconds: wall clock of the last attempt, one after the other. Tokens: read and written "
        "when predicting, trained on when training. Memory: the highest of any of the stages, of "
        "the whole process; stages that ran before it was measured have none."
    ]
    parts: list[Part] = [Table("cost", "Cost by kind of stage", heads, rows, legend)]
    longest = sorted(page.costs, key=lambda cost: -cost.seconds)[:LISTED]
    each = [[*words(cost.kind, cost.label), *_figures([cost])] for cost in longest]
    listed = "Every stage" if len(longest) == len(page.costs) else f"The {LISTED} longest stages"
    table = Table("cost-stages", listed, columns("kind", "stage", *COLUMNS, text=2), each)
    return Section("cost", "Cost", [*parts, Fold(listed, [table])])


def _figures(costs: Sequence[Cost]) -> list[Cell]:
    seconds = sum(cost.seconds for cost in costs)
    counted = [cost for cost in costs if cost.tokens is not None]
    tokens = sum(cost.tokens or 0 for cost in counted) if counted else None
    busy = sum(cost.seconds for cost in counted)
    rate = tokens / busy if tokens and busy else None
    return [
        Cell(f"{seconds:,.1f}", key=seconds),
        missing() if tokens is None else Cell(f"{tokens:,}", key=tokens),
        missing() if rate is None else Cell(f"{rate:,.0f}", key=rate),
        _highest(cost.memory for cost in costs),
        _highest(cost.device_memory for cost in costs),
    ]


def _highest(sizes: Iterable[int | None]) -> Cell:
    there = [size for size in sizes if size is not None]
    return Cell(f"{max(there) / 1e9:.2f} GB", key=max(there)) if there else missing()
