"""How a model is trained. The defaults are published settings, named beside each.

Two sources: Phang et al. 2020 (arXiv 2005.13013), as its authors' own jiant scripts state it; and
this program's rule that a step is a number of examples, the same for every architecture.

    training: {steps: 400, learning_rate: 3e-5, max_input_tokens: 128}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Strict, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from t2t_xfer.specs.base import Count, NotNegative, Positive, Share, Spec, mistake
from t2t_xfer.specs.problems import choices_of, expected_words
from t2t_xfer.specs.scalars import Scalar


class TrainingSpec(Spec):
    """The settings of one training run."""

    not_identity: ClassVar[frozenset[str]] = frozenset({"checkpoint_steps"})

    examples_per_step: Count = 32
    """Examples in one optimizer step, each weighing 1 (Phang et al.: batch 4 × accumulation 8)."""
    epochs: Positive | None = 3
    """Passes over the training rows (Phang et al. and jiant's simple API: 3)."""
    steps: Count | None = None
    """Optimizer steps. Beats `epochs`."""
    learning_rate: Positive = 1e-5
    """Peak rate of AdamW (Phang et al.: 1e-5)."""
    warmup: Share = 0.1
    """Share of the steps in which the rate rises linearly (Phang et al.: 10 %)."""
    weight_decay: NotNegative = 0.0
    """Decoupled, not on biases and norms (jiant: 0)."""
    max_grad_norm: Positive = 1.0
    """Gradients are clipped to this norm (Phang et al.: 1.0)."""
    adam_epsilon: Positive = 1e-8
    """(Phang et al.: 1e-8.)"""
    schedule: Literal["linear", "constant"] = "linear"
    """After warm-up: down to 0 in a straight line (Phang et al.), or level (mT5's own runs)."""
    max_input_tokens: Count = 256
    """Tokens of an input (Phang et al.: 256); longer ones lose tokens of shortenable fields."""
    micro_batch_tokens: Count = 4096
    """Tokens computed at once, padding included. Cuts a step into parts; bounds memory only."""
    checkpoint_steps: Count = 500
    """Optimizer steps between two checkpoints to resume from. Changes no result."""

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.epochs is None and self.steps is None:
            raise mistake("`epochs` or `steps`")
        return self


def _plain(value: object) -> object:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise mistake("text, a number, true or false")


def _settings(overrides: dict[str, Scalar]) -> dict[str, Scalar]:
    """Check each override by itself. What holds between keys is judged where they are merged."""
    try:
        TrainingSpec.model_validate(overrides)
    except ValidationError as e:
        found = [_nested(details) for details in e.errors(include_url=False) if details["loc"]]
        if found:
            raise ValidationError.from_exception_data("training", found) from None
    return overrides


def _nested(details: ErrorDetails) -> InitErrorDetails:
    """The same error, told from inside another spec."""
    kind = "spec_unknown_key" if details["type"] == "extra_forbidden" else "spec"
    known = list(TrainingSpec.model_fields) if kind != "spec" else choices_of(details)
    context = {"expected": expected_words(details), "choices": known, "hint": ""}
    error = PydanticCustomError(kind, "expected {expected}", context)
    return InitErrorDetails(type=error, loc=details["loc"], input=details["input"])


_Setting = Annotated[
    Annotated[str, Strict()]
    | Annotated[int, Strict()]
    | Annotated[float, Strict()]
    | Annotated[bool, Strict()]
    | None,
    BeforeValidator(_plain),
]

Overrides = Annotated[dict[str, _Setting], AfterValidator(_settings)]
"""Some keys of `TrainingSpec` with other values."""


def merge(base: TrainingSpec, overrides: Mapping[str, Scalar]) -> TrainingSpec:
    """The settings with some of them replaced.

    Overrides that say `epochs` and not `steps` also drop the base's `steps`: otherwise the more
    general of the two statements would win.

    Raises:
        pydantic.ValidationError: an unknown key or a value that does not fit.
    """
    dropped = {"steps": None} if overrides.get("epochs") is not None else {}
    return TrainingSpec.model_validate({**base.model_dump(), **dropped, **overrides})
