"""Doing stages in this process, and reading them back from what a record or a plan holds."""

from __future__ import annotations

import gc
import logging
from collections.abc import Mapping
from pathlib import Path

from t2t_xfer.records import Json
from t2t_xfer.stages.base import Attempt, Stage
from t2t_xfer.stages.bases import read_commit
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.model import ModelStage
from t2t_xfer.stages.predict import PredictStage
from t2t_xfer.stages.score import ScoreStage
from t2t_xfer.stages.train import TrainStage

log = logging.getLogger(__name__)

CLASSES: Mapping[str, type[Stage]] = {
    each.kind: each for each in (ModelStage, TrainStage, PredictStage, ScoreStage)
}
_SHARES = (1, 4, 16)
"""A stage that runs out of memory is done again with these parts of a batch."""


def stage_from_json(
    kind: str,
    label: str,
    spec: Mapping[str, Json],
    needs: Mapping[str, str],
    how: Mapping[str, Json],
) -> Stage:
    """The stage that `Stage.to_json` describes.

    Raises:
        ValueError: it does not describe one.
    """
    if kind not in CLASSES:
        raise ValueError(f"no such kind of stage: {kind!r}")
    told = {**spec, "label": label, "needs": needs, "how": how}
    return CLASSES[kind].model_validate(told)


class StageRunner:
    """Runs stages."""

    def __init__(self, context: Context, progress: bool = True) -> None:
        self.context = context
        self.progress = progress

    def __call__(self, stage: Stage, work: Path, needs: Mapping[str, Path]) -> Mapping[str, Json]:
        """Does a stage; the results go into its record.

        Out of memory, it frees what it can and does the stage again, in smaller batches; training
        goes on from its last checkpoint.
        """
        for share in _SHARES:
            try:
                results = stage.run(Attempt(self.context, work, needs, self.progress, share))
                return {**results, **read_commit(stage.how)}
            except (MemoryError, RuntimeError) as error:
                if share == _SHARES[-1] or not _is_out_of_memory(error):
                    raise
                log.warning(
                    "a %s stage: %s. It is done again in smaller batches.", stage.kind, error
                )
            self.context.forget_model()  # outside `except`, which holds on to tensors
            gc.collect()
        raise AssertionError


def _is_out_of_memory(error: BaseException) -> bool:
    from t2t_xfer.training.guards import is_out_of_memory

    return is_out_of_memory(error)
