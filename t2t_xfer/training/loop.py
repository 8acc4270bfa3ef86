"""The training loop: a thin layer over `transformers.Trainer`, blind to architecture and task.

The data loader yields one optimizer step; `training_step` walks through its micro-batches and
adds up their gradients. Optimizer, schedule, clipping, devices, checkpoints and resume are the
Trainer's.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch.utils.data import Sampler, SequentialSampler
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from t2t_xfer.architectures.head import batch_losses
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.errors import TrainingError
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.training.losses import PartLosses
from t2t_xfer.training.mixture import Stream
from t2t_xfer.training.progress import StepProgress
from t2t_xfer.training.selection import DevScores, DevSelection, Selected
from t2t_xfer.training.steps import RowsOf, Step, StepDataset, num_steps

logger = logging.getLogger(__name__)

COMPLETE = "complete.json"
"""Written last into a checkpoint: one without it was cut off while it was saved."""


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
    part_losses: tuple[dict[str, float], ...] = ()
    """Of every step of a mixture, the mean loss of each part's examples."""
    selected: Selected | None = None
    """Which step's weights were kept, if they were chosen on dev scores."""


class _StepTrainer(Trainer):
    """A Trainer whose batches are whole steps."""

    loss_is_scaled_for_ga = True

    def __init__(self, loaded: LoadedModel, **kwargs: Any) -> None:
        super().__init__(model=loaded.model, data_collator=lambda steps: steps[0], **kwargs)
        self.architecture = loaded.architecture
        self.step_losses: list[float] = []
        self.part_losses = PartLosses()
        self.selection: DevSelection | None = None
        self.tokens_seen = 0

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        dataset: Any = self.train_dataset
        return SequentialSampler(dataset)

    def training_step(
        self, model: torch.nn.Module, inputs: Any, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        step: Step = inputs
        model.train()
        total = torch.zeros((), device=self.args.device)
        for i, rows in enumerate(step.micro_batches):
            last = i == len(step.micro_batches) - 1
            with contextlib.nullcontext() if last else self.accelerator.no_sync(model):
                with self.compute_loss_context_manager():
                    losses = batch_losses(model, self.architecture, rows)
                    self.part_losses.add(rows, losses)
                    loss = losses.sum() / step.num_examples
                self.accelerator.backward(loss)
            total += loss.detach()
            self.tokens_seen += sum(row.num_tokens for row in rows)
        value = float(total)
        if not torch.isfinite(total):
            raise TrainingError(
                f"the loss is {value} at step {self.state.global_step + 1}, in a step with the"
                f" examples {', '.join(step.ids[:5])}, … . Try a lower learning_rate, more"
                " warmup, or float32."
            )
        self.step_losses.append(value)
        self.part_losses.end_step()
        return total

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
        folder = (
            Path(str(self.args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        )
        progress = {
            "step": self.state.global_step,
            "tokens": self.tokens_seen,
            "losses": self.step_losses,
            "part_losses": self.part_losses.steps,
            "dev": self.selection.state() if self.selection else [],
        }
        (folder / COMPLETE).write_text(json.dumps(progress) + "\n")

    def recall(self, checkpoint: Path) -> None:
        """Takes up the losses and the token count of the run that was cut off."""
        progress = json.loads((checkpoint / COMPLETE).read_text())
        self.step_losses, self.tokens_seen = progress["losses"], progress["tokens"]
        self.part_losses.steps = progress["part_losses"]
        if self.selection:
            self.selection.recall(progress["dev"])


def last_complete_checkpoint(directory: Path) -> Path | None:
    """The newest checkpoint that was saved to its end."""
    found = [p.parent for p in directory.glob(f"{PREFIX_CHECKPOINT_DIR}-*/{COMPLETE}")]
    return max(found, key=lambda p: int(p.name.rsplit("-", 1)[1]), default=None)


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
        TrainingError: the loss is not finite.
    """
    total = num_steps(mixture.epoch_length, spec.examples_per_step, spec.epochs, spec.steps)
    dataset = StepDataset(
        mixture,
        rows_of,
        per_step=spec.examples_per_step,
        total_steps=total,
        micro_batch_tokens=spec.micro_batch_tokens,
    )
    trainer = _StepTrainer(
        loaded,
        args=_arguments(spec, total, seed, directory, extra_arguments or {}),
        train_dataset=dataset,
        callbacks=[*callbacks, *([StepProgress()] if progress else [])],
    )
    # It prints the log as raw dictionaries.
    trainer.remove_callback(PrinterCallback)
    if spec.select is not None and dev_scores is not None:
        every = spec.select.steps_between(mixture.epoch_length, spec.examples_per_step)
        patience, saves = spec.select.patience, trainer.args.should_save
        trainer.selection = DevSelection(
            loaded.model, dev_scores, every, patience, directory, saves
        )
        trainer.add_callback(trainer.selection)
    checkpoint = last_complete_checkpoint(directory)
    for unfinished in directory.glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
        if not (unfinished / COMPLETE).exists():
            shutil.rmtree(unfinished)
    if checkpoint is not None:
        logger.info("%s: training goes on from this checkpoint", checkpoint.name)
        trainer.recall(checkpoint)
    if trainer.selection is None or not trainer.selection.stopped:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    selected = trainer.selection.load_best() if trainer.selection else None
    for finished in directory.glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
        shutil.rmtree(finished)
    if trainer.selection:
        trainer.selection.clear()
    done = len(trainer.step_losses)
    return Trained(
        done,
        done * spec.examples_per_step,
        trainer.tokens_seen,
        tuple(trainer.step_losses),
        tuple(trainer.part_losses.steps),
        selected,
    )


def _arguments(
    spec: TrainingSpec,
    total: int,
    seed: int,
    directory: Path,
    extra: Mapping[str, Any],
) -> TrainingArguments:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    settings: dict[str, Any] = {
        "output_dir": str(directory),
        "max_steps": total,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": 1,
        "learning_rate": spec.learning_rate,
        "lr_scheduler_type": spec.schedule,
        "warmup_steps": round(spec.warmup * total),
        "weight_decay": spec.weight_decay,
        "max_grad_norm": spec.max_grad_norm,
        "adam_epsilon": spec.adam_epsilon,
        "seed": seed,
        "data_seed": seed,
        "save_strategy": "steps" if total > spec.checkpoint_steps else "no",
        "save_steps": spec.checkpoint_steps,
        "save_total_limit": 2,
        "logging_strategy": "steps",
        "logging_steps": max(1, total // 20),
        # The default hides a loss that is not finite.
        "logging_nan_inf_filter": False,
        "report_to": [],
        "remove_unused_columns": False,
        "disable_tqdm": True,
        "use_cpu": not torch.cuda.is_available(),
        "dataloader_pin_memory": torch.cuda.is_available(),
        **extra,
    }
    return TrainingArguments(**settings)
