"""Weights that a training keeps: checkpoints to resume from, and the best by dev scores.

The rule: whole or not used. The Trainer writes a checkpoint's files in place; the marker that makes
them a checkpoint comes last, beside its place and renamed, after every file is on the disk. It
holds their checksums. What is not as its marker says is passed over with a word, for the one before
or for the start: a resumed run ends with the weights of an undisturbed one, or goes the way again.

    training/best-2.safetensors             the weights that dev scores chose, if they choose
    training/checkpoint-4/complete.json     {"files": {"optimizer.pt": …}, "beside": {…}, …}
    training/checkpoint-6/                  no marker: cut off while it was saved

The best weights are those of the first evaluation with the best score, and everything that the
choice depends on lies in the checkpoint to resume from, so a run that was killed chooses the same.
The score is the task's own metric, never the loss; of several tasks the mean (the jiant code that
Phang et al. 2020 released does the same: `EqualMetricAggregator`).

    step     1000  2000  3000  4000  5000        patience: 2
    score    61.0  70.2  69.8  70.2  stopped     kept: step 2000
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import torch
from transformers import TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from t2t_xfer.files import FileSum, settled, sum_problem, sync_directory, whole

logger = logging.getLogger(__name__)

COMPLETE = "complete.json"
"""The marker."""


def mark_complete(folder: Path, progress: Mapping[str, Any], beside: Iterable[Path] = ()) -> None:
    """Makes a checkpoint of what lies in `folder`.

    Args:
        progress: what else is needed to go on; `read_marker` gives it back.
        beside: files next to the folder that this checkpoint needs.

    Raises:
        OSError: the disk takes no more.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    marker = {
        **progress,
        "files": {path.relative_to(folder).as_posix(): asdict(settled(path)) for path in files},
        "beside": {path.name: asdict(settled(path)) for path in beside},
    }
    for directory in (path for path in folder.rglob("*") if path.is_dir()):
        sync_directory(directory)
    with whole(folder / COMPLETE) as temporary:
        text = json.dumps({**marker, "sha256": _checksum(marker)})
        temporary.write_text(f"{text}\n", encoding="utf-8")
    sync_directory(folder.parent)


def read_marker(checkpoint: Path) -> dict[str, Any]:
    """What `mark_complete` was told.

    Raises:
        OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError: the marker is not
            what was written.
    """
    found: dict[str, Any] = json.loads((checkpoint / COMPLETE).read_text(encoding="utf-8"))
    if found.pop("sha256") != _checksum(found):
        raise ValueError("its checksum does not fit its text")
    return found


def newest_intact(directory: Path) -> Path | None:
    """The newest checkpoint all of whose files are what was written. None: from the start.

    Each newer one that is not is named in a warning; one without a marker was cut off while it was
    saved, which needs no word.
    """
    places = sorted(directory.glob(f"{PREFIX_CHECKPOINT_DIR}-*"), key=_step, reverse=True)
    for number, place in enumerate(places):
        if not (place / COMPLETE).exists():
            continue
        problem = _problem(place)
        if problem is None:
            return place
        older = any((other / COMPLETE).exists() for other in places[number + 1 :])
        logger.warning(
            "%s: %s. It is not used: training goes on from %s.",
            *(place, problem, "the checkpoint before it" if older else "the start"),
        )
    return None


def _problem(checkpoint: Path) -> str | None:
    """The first thing that is not as the marker says."""
    try:
        marker = read_marker(checkpoint)
        wanted = {checkpoint / name: FileSum(**entry) for name, entry in marker["files"].items()}
        beside = marker["beside"].items()
        wanted |= {checkpoint.parent / name: FileSum(**entry) for name, entry in beside}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return f"{COMPLETE} is not what was written ({type(error).__name__})"
    problems = (sum_problem(path, path.name, entry) for path, entry in wanted.items())
    return next((problem for problem in problems if problem), None)


def _checksum(marker: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(marker).encode()).hexdigest()


def _step(checkpoint: Path) -> int:
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else -1


DevScores: TypeAlias = Callable[[], Mapping[str, float]]
"""The dev score of every task, of the model as it is now."""


class DevPoint(NamedTuple):
    """One evaluation."""

    step: int
    score: float
    """The mean over the tasks."""
    scores: dict[str, float]


class Selected(NamedTuple):
    """Which weights were kept."""

    best: DevPoint
    curve: tuple[DevPoint, ...]
    """Every evaluation, in order."""


class DevSelection(TrainerCallback):
    """Evaluates while a model trains, and keeps its best weights in a file of the directory."""

    def __init__(
        self,
        model: torch.nn.Module,
        dev_scores: DevScores,
        every: int,
        patience: int | None,
        directory: Path,
        saves: bool = True,
    ) -> None:
        """Evaluates every `every` steps and after the last one.

        Args:
            patience: so many evaluations without a better score end the training. None: never.
            saves: whether this process keeps the weights; one of several does.
        """
        self.model = model
        self.dev_scores = dev_scores
        self.every = every
        self.patience = patience
        self.directory = directory
        self.saves = saves
        self.curve: list[DevPoint] = []
        self._needed: tuple[int, ...] = ()
        """The steps whose weights the two newest checkpoints name as the best."""

    @property
    def best(self) -> DevPoint:
        """The first evaluation with the best score."""
        return max(self.curve, key=lambda point: (point.score, -point.step))

    @property
    def stopped(self) -> bool:
        """Whether the score has not risen for as long as `patience` says."""
        if self.patience is None or not self.curve:
            return False
        return len(self.curve) - 1 - self.curve.index(self.best) >= self.patience

    def state(self) -> list[list[Any]]:
        """What a checkpoint keeps."""
        return [list(point) for point in self.curve]

    def recall(self, state: Sequence[Sequence[Any]]) -> None:
        """Takes up the evaluations of the run that was cut off, up to its checkpoint."""
        self.curve = [DevPoint(*point) for point in state]
        self._needed = (self.best.step,) if self.curve else ()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Evaluates where it is due."""
        step = state.global_step
        if step % self.every and step != state.max_steps:
            return
        scores = dict(self.dev_scores())
        self.curve.append(DevPoint(step, sum(scores.values()) / len(scores), scores))
        if self.best.step == step and self.saves:
            self._keep(step)
        control.should_training_stop = control.should_training_stop or self.stopped

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A checkpoint is whole: weights that it does not name will not be asked for again."""
        if self.curve and self.saves:
            self._needed = (*self._needed[-1:], self.best.step)
            self._remove_others()

    def kept(self) -> list[Path]:
        """The file of the best weights so far, which a checkpoint needs beside it."""
        return [self._file(self.best.step)] if self.curve and self.saves else []

    def load_best(self) -> Selected:
        """Puts the best weights into the model of the process that keeps them."""
        from safetensors.torch import load_file

        if self.saves:
            kept = load_file(self._file(self.best.step))
            with torch.no_grad():
                for name, parameter in self._trained().items():
                    parameter.copy_(kept[name])
        return Selected(self.best, tuple(self.curve))

    def clear(self) -> None:
        """Removes the files, once no checkpoint is left that names one."""
        if self.saves:
            for file in self.directory.glob("best-*.safetensors*"):
                file.unlink()

    def _keep(self, step: int) -> None:
        from safetensors.torch import save_file

        file = self._file(step)
        with whole(file) as temporary:
            save_file(
                {name: p.detach().cpu().contiguous() for name, p in self._trained().items()},
                temporary,
            )
        self._remove_others()

    def _remove_others(self) -> None:
        wanted = {self._file(step) for step in (self.best.step, *self._needed)}
        for file in self.directory.glob("best-*.safetensors*"):
            if file not in wanted:
                file.unlink()

    def _file(self, step: int) -> Path:
        return self.directory / f"best-{step}.safetensors"

    def _trained(self) -> dict[str, torch.nn.Parameter]:
        return {name: p for name, p in self.model.named_parameters() if p.requires_grad}
