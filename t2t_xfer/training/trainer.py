"""What `transformers.Trainer` is told, and what it tells: our settings in its words, a bar of
progress, and a log of JSON lines beside the trackers that it knows.

The rule: what is told changes no result. The first process alone tells it.

    {"step": 40, "loss": 1.0213, "grad_norm": 2.1, "learning_rate": 9.1e-06, "epoch": 0.12}
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainingArguments
from transformers.optimization import Adafactor

from t2t_xfer.errors import MissingExtraError
from t2t_xfer.files import whole
from t2t_xfer.progress import Progress
from t2t_xfer.specs.training import TrainingSpec

RELATIVE: Mapping[str, Any] = {
    "scale_parameter": True,
    "relative_step": False,
    "warmup_init": False,
}
"""Of Adafactor: the rate follows the schedule and is relative to each matrix."""


def optimizer_of(spec: TrainingSpec) -> tuple[type[torch.optim.Optimizer], dict[str, Any]] | None:
    """The optimizer's class and settings as the Trainer takes them. None: its own AdamW."""
    if spec.optimizer == "adamw":
        return None
    return Adafactor, {"lr": spec.learning_rate, **RELATIVE}


def trainer_arguments(
    spec: TrainingSpec,
    total: int,
    seed: int,
    directory: Path,
    extra: Mapping[str, Any],
) -> TrainingArguments:
    """What the Trainer does beside the steps: optimizer, schedule, checkpoints, devices, log.

    Args:
        total: optimizer steps.
        directory: for checkpoints.
        extra: the Trainer's own names, over all these.
    """
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
        "logging_steps": max(1, total // (20 if spec.report_to == "none" else 1000)),
        # The default hides a loss that is not finite.
        "logging_nan_inf_filter": False,
        "report_to": [] if spec.report_to in ("none", "jsonl") else [spec.report_to],
        "bf16": spec.autocast == "bfloat16",
        "fp16": spec.autocast == "float16",
        "gradient_checkpointing": spec.gradient_checkpointing,
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        # Looked for, an unused weight would lose what it gathered in earlier micro-batches; there
        # is none (see `pointers.py`).
        "ddp_find_unused_parameters": False,
        "remove_unused_columns": False,
        "disable_tqdm": True,
        "use_cpu": not torch.cuda.is_available(),
        "dataloader_pin_memory": torch.cuda.is_available(),
        **extra,
    }
    return TrainingArguments(**settings)


LOG = "log.jsonl"
"""The file, in the directory of the stage."""


class JsonLines(TrainerCallback):
    """Writes each event of the Trainer's log as one line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A run that goes on keeps the lines up to its checkpoint, and tells the others anew."""
        if not state.is_world_process_zero:
            return
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        kept = [line for line in lines if _step(line) <= state.global_step]
        with whole(self.path) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """One line. The last event tells of time, and of a resumed run its own part only."""
        if state.is_world_process_zero and logs and "train_runtime" not in logs:
            with self.path.open("a", encoding="utf-8") as out:
                out.write(json.dumps({"step": state.global_step, **logs}) + "\n")


def _step(line: str) -> float:
    """The step of a line; beyond all steps if it was cut off or changed."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return math.inf


def check_tracker(name: str) -> None:
    """Refuses a tracker of transformers that is not there, before any training.

    Raises:
        MissingExtraError: its package is not installed.
    """
    packages = ("tensorboard", "tensorboardX") if name == "tensorboard" else (name,)
    if not any(find_spec(package) for package in packages):
        raise MissingExtraError(
            f"training.report_to: {name} is not installed. Run: pip install {name}. Or use"
            f" `report_to: jsonl`, which writes {LOG} beside the checkpoint and needs nothing."
        )


class StepProgress(TrainerCallback):
    """Moves once a step and shows the loss of the last log."""

    def __init__(self) -> None:
        self.bar: Progress | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Opens the bar; a resumed run begins where it stopped."""
        self.bar = Progress(
            total=state.max_steps,
            initial=state.global_step,
            desc="train",
            unit="step",
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """One step further."""
        if self.bar is not None:
            self.bar.update(1)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """The loss, as the Trainer logs it."""
        if self.bar is not None and logs and "loss" in logs:
            self.bar.set_postfix(loss=f"{float(logs['loss']):.3f}", refresh=False)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Closes the bar."""
        if self.bar is not None:
            self.bar.close()
