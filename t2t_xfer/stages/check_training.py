"""What `tasks check` must know of the rows that a task is trained on: answers and texts.

trained = trained_rows(context, "mnli", limit=None)
trained.golds, trained.keys          # ["neutral", …], {hash of a text: id of a row}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from t2t_xfer.data.examples import read_examples
from t2t_xfer.errors import UserError
from t2t_xfer.records import Gold
from t2t_xfer.stages.check_data import row_keys, used_fields
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.task import render


class Trained(NamedTuple):
    """Of the training rows of one task; nothing where there are none that can be read."""

    golds: Sequence[Gold | None]
    keys: dict[int, str]
    """See `check_data.row_keys`; the id of one row for each."""
    name: str


def trained_rows(context: Context, name: str, limit: int | None) -> Trained:
    """The training rows of a task in the first language that it is trained in."""
    try:
        task = context.task(name)
        if task.answer.name == "pair":
            return Trained((), {}, name)
        language = task.spec.trained_in[0]
        rows = read_examples(task.spec, context.source, language, "train", limit)
        names = used_fields([render(task, rows[0])])
    except UserError:  # absent, or a failed check of the training task itself
        return Trained((), {}, name)
    keys = {key: id for id, key in row_keys(rows, names)}
    return Trained([row.gold for row in rows], keys, name)
