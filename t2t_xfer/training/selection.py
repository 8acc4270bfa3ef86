"""Choosing the weights of a training by dev scores, and stopping when these no longer rise.

Rule: the kept weights are those of the first evaluation with the best score, and everything that
the choice depends on lies in the checkpoint to resume from, so a run that was killed chooses the
same weights. The score is the task's own metric, never the loss; of several tasks the mean (the
jiant code that Phang et al. 2020 released does the same: `EqualMetricAggregator`).

    step     1000  2000  3000  4000  5000        patience: 2
    score    61.0  70.2  69.8  70.2  stopped     kept: step 2000
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import torch
from transformers import TrainerCallback

from t2t_xfer.files import whole

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
