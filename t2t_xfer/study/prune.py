"""What a store no longer needs: checkpoints whose every use is done.

The rule: what a report needs stays (predictions, which can be scored again, and scores), and so
does what an unfinished stage of any study wants. A checkpoint goes when a study names it and no
study wants it any more; one that no study names was made by `train` for its own sake and stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from t2t_xfer.study.graph import load_stages, study_directories, unfinished
from t2t_xfer.study.run import damaged_results
from t2t_xfer.study.stage import Stage
from t2t_xfer.study.store import Store

WEIGHTS = ("model", "train")
"""The kinds of stages that hold weights."""


@dataclass(frozen=True)
class Removable:
    """A stage that may go."""

    stage: Stage
    size: int
    """Bytes of its files."""


def removable(store: Store, output: Path) -> list[Removable]:
    """The checkpoints that no study under `output` wants any more, largest first.

    Raises:
        UserError: a study's directory cannot be read; then nothing is known to be unwanted.
    """
    studies = [load_stages(directory) for directory in study_directories(output)]
    sizes = {
        stage.id: sum(file.size for file in record.files.values())
        for stages in studies
        for stage in stages
        if (record := store.record(stage.id)) is not None
    }
    wanted = {need for stages in studies for need in _wanted(stages, set(sizes), store)}
    found = {
        stage.digest: Removable(stage, sizes[stage.id])
        for stages in studies
        for stage in stages
        if stage.kind in WEIGHTS and stage.id in sizes and stage.digest not in wanted
    }
    return sorted(found.values(), key=lambda each: (-each.size, each.stage.id))


def _wanted(stages: Sequence[Stage], finished: set[str], store: Store) -> set[str]:
    """Digests of what the stages still to run need. Labels differ from study to study."""
    return {
        need.rpartition("-")[2]
        for stage in unfinished(stages, finished, damaged_results(stages, store))
        for need in (stage.id, *stage.needs.values())
    }
