"""A progress bar for training: steps, rate, time left, loss. Silent where no terminal watches."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback

from t2t_xfer.progress import Progress


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
