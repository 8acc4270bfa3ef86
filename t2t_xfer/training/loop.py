"""The training loop: a thin layer over `transformers.Trainer`, blind to architecture and task.

The data loader yields one optimizer step; `training_step` walks through its micro-batches and
adds up their gradients. Optimizer, schedule, clipping, devices, checkpoints and resume are the
Trainer's.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch.utils.data import DataLoader, SequentialSampler
from transformers import PrinterCallback, Trainer, TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from t2t_xfer import processes
from t2t_xfer.architectures.head import batch_losses
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.training.checkpoints import (
    DevScores,
    DevSelection,
    Selected,
    mark_complete,
    newest_intact,
    read_marker,
)
from t2t_xfer.training.devices import (
    check_float16,
    check_select,
    check_sharded,
    compile_blocks,
    random_state,
    restore_random_state,
    wait_for_all,
)
from t2t_xfer.training.guards import LossGuard, PartLosses, is_out_of_memory, smaller
from t2t_xfer.training.mixture import Stream
from t2t_xfer.training.steps import (
    RowsOf,
    Step,
    StepDataset,
    num_steps,
    padded_tokens,
    padding_share,
)
from t2t_xfer.training.trainer import StepProgress, optimizer_of, trainer_arguments
from t2t_xfer.training.vocabulary import vocabulary_in_place

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What a training stage did."""

    steps: int
    examples: int
    """Examples seen, repetitions counted."""
    tokens: int
    """Tokens processed, without padding."""
    losses: tuple[float, ...]
    """Loss of every step: the mean over the step's examples."""
    padding_share: float
    """Of all tokens that were computed, 0 to 1."""
    micro_batch_tokens: int
    """The budget at the end: below the one asked for if memory did not suffice."""
    part_losses: tuple[dict[str, float], ...] = ()
    """Of every step of a mixture, the mean loss of each part's examples."""
    selected: Selected | None = None
    """Which step's weights were kept, if they were chosen on dev scores."""


class _StepTrainer(Trainer):
    """A Trainer whose batches are whole steps."""

    loss_is_scaled_for_ga = True

    def __init__(self, loaded: LoadedModel, dataset: StepDataset, **kwargs: Any) -> None:
        super().__init__(model=loaded.model, train_dataset=dataset, **kwargs)
        self.architecture = loaded.architecture
        self.steps = dataset
        self.step_losses: list[float] = []
        self.tokens_seen = self.tokens_padded = 0
        self.part_losses = PartLosses()
        self.selection: DevSelection | None = None
        self.guard = LossGuard(int(loaded.model.get_output_embeddings().weight.shape[0]))

    def get_train_dataloader(self) -> DataLoader[Step]:
        """Whole steps, the same in every process."""
        sampler = SequentialSampler(self.steps)
        return DataLoader(self.steps, sampler=sampler, collate_fn=lambda steps: steps[0])

    def get_decay_parameter_names(self, model: torch.nn.Module) -> list[str]:
        """Neither biases nor norms decay. The Trainer knows norms by name, and not all of them
        (`norm_f` of a Mamba)."""
        norms = {
            f"{name}.{weight}"
            for name, module in model.named_modules()
            if "norm" in type(module).__name__.lower()
            for weight, _ in module.named_parameters(recurse=False)
        }
        decayed: list[str] = super().get_decay_parameter_names(model)
        return [name for name in decayed if name not in norms]

    def training_step(
        self, model: torch.nn.Module, inputs: Any, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        step: Step = inputs
        number = self.state.global_step + 1
        model.train()
        check_sharded(model)
        random_numbers = random_state()
        done = None
        while done is None:
            try:
                done = self._accumulate(model, step)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            if done is None:  # outside `except`, which holds on to the tensors of the failed pass
                step = self._smaller(step, number)
                model.zero_grad(set_to_none=True)
                restore_random_state(random_numbers)
        total, losses = done
        self.part_losses.end_step(self.accelerator if self.args.world_size > 1 else None)
        self.guard.check(number, float(total), step, losses)
        self.step_losses.append(float(total))
        self.last_step = step
        return total

    def _accumulate(
        self, model: torch.nn.Module, step: Step
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Adds up the gradients of this process's share; the step's loss and those of its rows."""
        shares = step.shares(self.args.world_size)
        batches = shares[self.args.process_index]
        total = torch.zeros((), device=self.args.device)
        found = []
        self.part_losses.start_step({row.part for row in step.rows} - {""})
        for i, rows in enumerate(batches):
            last = i == len(batches) - 1
            with contextlib.nullcontext() if last else self.accelerator.no_sync(model):
                with self.compute_loss_context_manager():
                    losses = batch_losses(model, self.architecture, rows)
                    self.part_losses.add(rows, losses)
                    loss = losses.sum() / step.num_examples
                # DDP and FSDP take the mean over processes of what is to be a sum.
                self.accelerator.backward(loss * self.args.world_size)
            total += loss.detach()
            found.append(losses.detach())
        self.tokens_seen += step.num_tokens
        self.tokens_padded += sum(padded_tokens(share) for share in shares)
        return self.accelerator.reduce(total), found

    def _smaller(self, step: Step, number: int) -> Step:
        """Goes on in smaller micro-batches, in this step and in those to come."""
        step = smaller(step, number, self.args.world_size)
        self.steps.micro_batch_tokens = min(self.steps.micro_batch_tokens, step.micro_batch_tokens)
        logger.warning(
            "out of memory at step %d: micro_batch_tokens is %d from here on. The examples of a"
            " step stay the same",
            number,
            step.micro_batch_tokens,
        )
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return step

    def _clip_grad_norm(self, model: torch.nn.Module) -> Any:
        norm: Any = super()._clip_grad_norm(model)  # type: ignore[no-untyped-call]
        if not self.args.fp16:  # its scale is found by overflowing
            self.guard.check_gradient(self.state.global_step + 1, float(norm), self.last_step)
        return norm

    def _save(self, output_dir: Any = None, state_dict: Any = None) -> None:
        if not isinstance(self.model, PeftModel):
            super()._save(output_dir, state_dict)
        elif self.args.should_save:
            # Left to itself, PEFT asks the hub at every checkpoint whether the vocabulary grew.
            self.model.save_pretrained(
                output_dir, state_dict=state_dict, save_embedding_layers=False
            )

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        wait_for_all()
        if not self.args.should_save:
            return
        folder = (
            Path(str(self.args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        )
        progress = {
            "step": self.state.global_step,
            "tokens": self.tokens_seen,
            "padded": self.tokens_padded,
            "losses": self.step_losses,
            "part_losses": self.part_losses.steps,
            "dev": self.selection.state() if self.selection else [],
            "micro_batch_tokens": self.steps.micro_batch_tokens,
        }
        beside = self.selection.kept() if self.selection else ()
        mark_complete(folder, progress, beside)

    def recall(self, checkpoint: Path) -> None:
        """Takes up the losses, counts and budget of the run that was cut off."""
        progress = read_marker(checkpoint)
        self.step_losses, self.tokens_seen = progress["losses"], progress["tokens"]
        self.part_losses.steps = progress["part_losses"]
        if self.selection:
            self.selection.recall(progress["dev"])
        self.tokens_padded = progress["padded"]
        self.steps.micro_batch_tokens = progress["micro_batch_tokens"]
        self.guard.remember(self.step_losses)


def train(
    loaded: LoadedModel,
    mixture: Stream,
    rows_of: RowsOf,
    spec: TrainingSpec,
    *,
    seed: int,
    directory: Path,
    callbacks: Sequence[TrainerCallback] = (),
    progress: bool = True,
    dev_scores: DevScores | None = None,
    extra_arguments: Mapping[str, Any] | None = None,
) -> Trained:
    """Trains `loaded.model` in place, resuming from the newest complete checkpoint if there is one.

    Args:
        mixture: which example stands where.
        rows_of: the training rows of what stands at one place.
        directory: where checkpoints go while training; they are removed at the end.
        dev_scores: the dev score of every task, asked for if `spec.select` is set.

    Raises:
        TrainingError: the loss is not finite or explodes, or memory does not suffice.
    """
    total = num_steps(mixture.epoch_length, spec.examples_per_step, spec.epochs, spec.steps)
    dataset = StepDataset(
        mixture,
        rows_of,
        per_step=spec.examples_per_step,
        total_steps=total,
        micro_batch_tokens=spec.micro_batch_tokens,
        device=(device := loaded.model.device).type,
    )
    if spec.autocast == "float16":
        check_float16(device)
    if spec.select is not None:
        check_select()
    if spec.compile:
        compile_blocks(loaded.model)
    trainer = _StepTrainer(
        loaded,
        dataset,
        args=trainer_arguments(spec, total, seed, directory, extra_arguments or {}),
        optimizer_cls_and_kwargs=optimizer_of(spec),
        callbacks=[*callbacks, *([StepProgress()] if progress and processes.is_first() else [])],
    )
    # It prints the log as raw dictionaries.
    trainer.remove_callback(PrinterCallback)
    if spec.select is not None and dev_scores is not None:
        every = spec.select.steps_between(mixture.epoch_length, spec.examples_per_step)
        patience, saves = spec.select.patience, trainer.args.should_save
        arguments = (loaded.model, dev_scores, every, patience, directory, saves)
        trainer.selection = DevSelection(*arguments)
        trainer.add_callback(trainer.selection)
    checkpoint = newest_intact(directory)
    wait_for_all()
    _remove(p for p in directory.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if p != checkpoint)
    if checkpoint is not None:
        logger.info("%s: training goes on from this checkpoint", checkpoint.name)
        trainer.recall(checkpoint)
    if trainer.selection is None or not trainer.selection.stopped:
        with vocabulary_in_place(loaded.model, alone=trainer.args.world_size == 1):
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    wait_for_all()
    selected = trainer.selection.load_best() if trainer.selection else None
    _remove(directory.glob(f"{PREFIX_CHECKPOINT_DIR}-*"))
    if trainer.selection:
        trainer.selection.clear()
    return Trained(
        len(trainer.step_losses),
        len(trainer.step_losses) * spec.examples_per_step,
        trainer.tokens_seen,
        tuple(trainer.step_losses),
        padding_share(trainer.tokens_seen, trainer.tokens_padded),
        dataset.micro_batch_tokens,
        tuple(trainer.part_losses.steps),
        selected,
    )


def _remove(checkpoints: Iterable[Path]) -> None:
    for checkpoint in checkpoints:
        if processes.is_first():
            shutil.rmtree(checkpoint) if checkpoint.is_dir() else checkpoint.unlink()
