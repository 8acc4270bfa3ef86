"""Where the course of a training is told: a file of JSON lines, or a tracker of transformers.

The rule: what is told changes no result. The first process alone tells it.

    {"step": 40, "loss": 1.0213, "grad_norm": 2.1, "learning_rate": 9.1e-06, "epoch": 0.12}
"""

from __future__ import annotations

import json
import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from t2t_xfer.errors import MissingExtraError
from t2t_xfer.files import whole

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
