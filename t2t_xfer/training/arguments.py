"""Training settings in the words of `transformers.TrainingArguments`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments
from transformers.optimization import Adafactor

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
