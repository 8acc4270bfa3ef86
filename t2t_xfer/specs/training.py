"""How a model is trained. The defaults are published settings, named beside each.

Two sources: Phang et al. 2020 (arXiv 2005.13013), as its authors' own jiant scripts for XTREME
state it; and this program's rule that a step is a number of examples, the same for every
architecture. A stated setting wins, then the published one of the task, then that of the
architecture (or of adapters), then the field's own default. How many examples and steps a training
has may depend on the task, never on the architecture: a study compares architectures.

    training: {steps: 400, learning_rate: 3e-5, max_input_tokens: 128}
    training: {adapter: lora, learning_rate: 2e-4, lora: {rank: 8, alpha: 16}}
    training: {select: {}}                                  # dev scores, as published
    training: {select: {every_steps: null, patience: 5}}    # after every epoch

>>> published("seq2seq", "none", ["tydiqa"])["epochs"].value
2
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    Strict,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from t2t_xfer.records import ArchitectureName, Json
from t2t_xfer.specs.base import (
    Count,
    Filled,
    NotNegative,
    Positive,
    Several,
    Share,
    Spec,
    Truth,
    mistake,
)
from t2t_xfer.specs.load import choices_of, expected_words


class SelectSpec(Spec):
    """Keep the weights with the best dev score of the task: its metric, read by its readout."""

    every_steps: Count | None = 1000
    """Optimizer steps between two evaluations (Phang et al.: 1,000). None: once an epoch. There is
    always one after the last step."""
    patience: Count | None = 30
    """Evaluations without a better score that end the training (Phang et al.: 30). None: it never
    ends early."""
    limit: Count | None = 500
    """Validation rows of each task (Phang et al.: 500). None: all."""

    def steps_between(self, epoch_length: int, examples_per_step: int) -> int:
        """Steps from one evaluation to the next."""
        return self.every_steps or max(1, math.ceil(epoch_length / examples_per_step))


HOW_TO_RUN = ("checkpoint_steps", "gradient_checkpointing", "report_to")
"""Settings that change no result, only how it is come by."""


class LoraSpec(Spec):
    """Low-rank adapters (Hu et al. 2021, arXiv 2106.09685), as `adapter: lora` and `qlora` take."""

    rank: Count = 16
    """Inner dimension (Biderman et al. 2024, arXiv 2405.09673, best practices: 16 as a start)."""
    alpha: Count = 32
    """The update counts alpha / rank times (Biderman et al.: alpha is twice the rank)."""
    dropout: Share = 0.0
    """On what goes into the adapter (PEFT's default; QLoRA, arXiv 2305.14314: 0.1 up to 13 B)."""
    targets: Several[Filled] | None = None
    """Endings of layer names, such as `q_proj`. None: every linear layer of the transformer
    blocks (QLoRA §4, Biderman et al.), never the LM head and the embeddings."""


class MixtureSpec(Spec):
    """How often each task comes where several are trained on together.

    An epoch is as long as all tasks together, each counted up to `cap`.
    """

    rate: Literal["proportional", "equal", "temperature"] = "proportional"
    """Proportional to the numbers of examples (jiant's default, which Phang et al. used for ANLI+
    and for several tasks); the same for each task; or proportional to the number to the power
    1 / `temperature`."""
    cap: Count | None = None
    """A task counts as at most so many examples (T5's artificial limit K, Raffel et al. 2020,
    arXiv 1910.10683 §3.5.2: 2**19 to 2**21)."""
    temperature: Annotated[float, Strict(), Field(ge=1)] = 1.0
    """Above 1 lifts small tasks (T5 §3.5.2; mT5 takes 1 / 0.3 for languages). Only for
    `rate: temperature`."""

    @model_validator(mode="after")
    def _temperature_is_used(self) -> Self:
        if self.temperature != 1 and self.rate != "temperature":
            raise mistake("`rate: temperature`, because `temperature` is set")
        return self


class TrainingSpec(Spec):
    """The settings of one training run."""

    # `chain` decides which stages there are; what they depend on says the rest.
    not_identity: ClassVar[frozenset[str]] = frozenset({"chain", *HOW_TO_RUN})

    adapter: Literal["none", "lora", "qlora"] = "none"
    """What trains: all weights; a LoRA adapter; an adapter over a base held in 4 bits."""
    lora: LoraSpec = LoraSpec()
    """Of the adapter, if there is one."""
    chain: Literal["continue", "merge"] = "continue"
    """Training after an intermediate task that trained an adapter: go on with the same adapter, or
    add it to the weights and start anew (a new adapter, or all weights)."""

    train_embeddings: Truth = True
    """Whether the token embeddings train too where all weights do; false: they stay as they are,
    and so does the LM head's matrix, tied to them or not. An adapter never trains them."""

    optimizer: Literal["adamw", "adafactor"] = "adamw"
    """adafactor (Shazeer and Stern 2018, arXiv 1804.04235): what T5 and mT5 were trained with.
    `learning_rate` is then a share of each matrix's root mean square, and little is kept for each
    weight. mT5 was fine-tuned at 1e-3, constant (arXiv 2010.11934, section 3)."""
    select: SelectSpec | None = None
    """Which weights are kept: None: the last ones; else those with the best dev score."""
    mixture: MixtureSpec = MixtureSpec()
    """How several tasks are mixed, if there are several."""
    examples_per_step: Count = 32
    """Examples in one optimizer step, each weighing 1 (Phang et al.: batch 4 × accumulation 8;
    squad_v1, tydiqa: 4 × 4 = 16, so if not stated 16 there and for squad_v2)."""
    epochs: Positive | None = 3
    """Passes over the training rows (jiant's simple API: 3). If not stated, those of Phang et al.
    for the task: mnli, squad_v1, tydiqa 2; paws_x 5; udpos, panx 10 (`published`)."""
    steps: Count | None = None
    """Optimizer steps. Beats `epochs`."""
    learning_rate: Positive = 1e-5
    """Peak rate of AdamW. If not stated: encoder 1e-5 (Phang et al.), seq2seq 1e-4 (transformers'
    page on T5; mT5's 1e-3 is for Adafactor), causal 2e-5 (Llama 2, arXiv 2307.09288 §3.1), adapters
    2e-4 (QLoRA, arXiv 2305.14314; Biderman et al. 2024)."""
    warmup: Share = 0.1
    """Share of the steps in which the rate rises linearly (Phang et al.: 10 %)."""
    weight_decay: NotNegative = 0.01
    """Decoupled, not on biases and norms (jiant: 0.01). If not stated, 0 with adapters and with
    adafactor."""
    max_grad_norm: Positive = 1.0
    """Gradients are clipped to this norm (Phang et al.: 1.0)."""
    adam_epsilon: Positive = 1e-8
    """(Phang et al.: 1e-8.)"""
    schedule: Literal["linear", "constant"] = "linear"
    """After warm-up: down to 0 in a straight line (Phang et al.), or level (mT5's own runs)."""
    max_input_tokens: Count = 256
    """Tokens of an input; longer ones lose tokens of shortenable fields (Phang et al.: 256; of
    squad_v1 and tydiqa 384, so if not stated 384 there and for squad_v2, where it fits)."""
    micro_batch_tokens: Count = 4096
    """Tokens computed at once, padding included. Cuts a step into parts; bounds memory only."""
    checkpoint_steps: Count = 500
    """Optimizer steps between two checkpoints to resume from. Changes no result."""
    autocast: Literal["none", "bfloat16", "float16"] = "none"
    """Of the matrix products, over weights that stay as they are (mixed precision). float16 needs a
    CUDA device and is refused for mT5, which overflows in it."""
    compile: Truth = False
    """Compile each transformer block (torch.compile). Changes the last bits of a loss."""
    gradient_checkpointing: Truth = False
    """Compute each block twice rather than keep what is inside (Chen et al. 2016, arXiv
    1604.06174): less memory, about a third more time. Changes no result."""
    report_to: Literal[
        "none",
        "jsonl",
        "tensorboard",
        "wandb",
        "mlflow",
        "trackio",
        "comet_ml",
        "clearml",
        "dvclive",
        "swanlab",
    ] = "none"
    """Where the course of a training is told: `log.jsonl` beside the checkpoint, or a tracker of
    transformers with its own settings. Changes no result."""

    def canonical(self) -> dict[str, Json]:
        """See `Spec.canonical`. Settings of an adapter that there is not change nothing, and what
        was not there once is told only where it is used."""
        plain = super().canonical()
        if self.adapter == "none":
            del plain["lora"]
        if self.adapter != "none" or self.train_embeddings:
            del plain["train_embeddings"]
        for key in ("select", "optimizer", "autocast", "compile"):
            if plain[key] == type(self).model_fields[key].default:
                del plain[key]
        return plain

    def how_to_run(self) -> dict[str, Json]:
        """What a stage must be told beside its identity."""
        return {key: getattr(self, key) for key in HOW_TO_RUN}

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.epochs is None and self.steps is None:
            raise mistake("`epochs` or `steps`")
        return self


def _plain(value: object) -> object:
    if value is None or isinstance(value, str | int | float | bool | dict):
        return value
    raise mistake("text, a number, true or false")


def _settings(overrides: dict[str, Json]) -> dict[str, Json]:
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
    nested: dict[str, type[Spec]] = {
        "lora": LoraSpec,
        "mixture": MixtureSpec,
        "select": SelectSpec,
    }
    inside = len(details["loc"]) > 1
    spec: type[Spec] = nested.get(str(details["loc"][0]), TrainingSpec) if inside else TrainingSpec
    known = list(spec.model_fields) if kind != "spec" else choices_of(details)
    context = {"expected": expected_words(details), "choices": known, "hint": ""}
    error = PydanticCustomError(kind, "expected {expected}", context)
    return InitErrorDetails(type=error, loc=details["loc"], input=details["input"])


_Setting = Annotated[
    Annotated[str, Strict()]
    | Annotated[int, Strict()]
    | Annotated[float, Strict()]
    | Annotated[bool, Strict()]
    | dict[str, Any]
    | None,
    BeforeValidator(_plain),
]

Overrides = Annotated[dict[str, _Setting], AfterValidator(_settings)]
"""Some keys of `TrainingSpec` with other values."""


def merge(base: TrainingSpec, overrides: Mapping[str, Json]) -> TrainingSpec:
    """The settings with some of them replaced.

    Overrides that say `epochs` and not `steps` also drop the base's `steps`: otherwise the more
    general of the two statements would win. Of `lora`, `mixture` and `select`, only the keys that
    are there. What nobody has stated stays unstated (`model_fields_set`).

    Raises:
        pydantic.ValidationError: an unknown key or a value that does not fit.
    """
    dropped = {"steps": None} if overrides.get("epochs") is not None else {}
    settings = base.model_dump(exclude_unset=True)
    nested = {
        key: {**(settings.get(key) or {}), **value}
        for key in ("lora", "mixture", "select")
        if isinstance(value := overrides.get(key), dict)
    }
    return TrainingSpec.model_validate({**settings, **dropped, **overrides, **nested})


class Setting(NamedTuple):
    """A value and where it is from."""

    value: int | float
    source: str


JIANT = "Phang et al. 2020 (arXiv 2005.13013), the authors' jiant scripts for XTREME"
SIMPLE = "jiant's simple API, which its guide to Phang et al. 2020 takes for intermediate tasks"
T5_DOCS = "transformers' page on T5: with AdamW, 1e-4 and 3e-4 work for most problems"
LLAMA = "Touvron et al. 2023 (Llama 2, arXiv 2307.09288, section 3.1) and Stanford Alpaca: 2e-5"
QLORA = "Dettmers et al. 2023 (QLoRA, arXiv 2305.14314) for 7 and 13 B, finetune_guanaco_7b.sh"
NO_DECAY = "our choice: none on adapters and with Adafactor; jiant decays under AdamW, no adapters"
SAME_AS_TARGET = "our choice: as for the target that it trains, so that both are one training"

LEARNING_RATES: Mapping[ArchitectureName, Setting] = {
    "encoder": Setting(1e-5, JIANT),
    # mT5's own 1e-3 is for Adafactor, which scales it by the size of the weights.
    "seq2seq": Setting(1e-4, T5_DOCS),
    "causal": Setting(2e-5, LLAMA),
}
"""Of all weights."""
ADAPTER_RATES: Mapping[ArchitectureName, Setting] = {
    "encoder": Setting(2e-4, f"our choice: as for decoders, {QLORA}"),
    "seq2seq": Setting(2e-4, f"our choice: as for decoders, {QLORA}"),
    "causal": Setting(2e-4, QLORA),
}
"""Of `lora` and `qlora`."""

_SPANS = {"epochs": 2, "examples_per_step": 16, "max_input_tokens": 384}
TASKS: Mapping[str, Mapping[str, Setting]] = {
    "mnli": {"epochs": Setting(2, f"{JIANT}: xnli")},
    "paws_x": {"epochs": Setting(5, JIANT)},
    "udpos": {"epochs": Setting(10, JIANT)},
    "panx": {"epochs": Setting(10, JIANT)},
    "squad_v1": {key: Setting(value, f"{JIANT}: xquad, mlqa") for key, value in _SPANS.items()},
    "squad_v2": {key: Setting(value, "our choice: as squad_v1") for key, value in _SPANS.items()},
    "tydiqa": {key: Setting(value, JIANT) for key, value in _SPANS.items()},
}
"""By the task whose rows train. As intermediates, mnli and squad_v1 are trained as for the targets
that they train, so that both are one stage (our choice: the paper's numbers for intermediates alone
are not known to us). Others: the defaults of the fields."""

DEFAULTS: Mapping[str, str] = {
    "examples_per_step": JIANT,
    "epochs": SIMPLE,
    "warmup": JIANT,
    "weight_decay": JIANT,
    "max_grad_norm": JIANT,
    "adam_epsilon": JIANT,
    "schedule": JIANT,
    "max_input_tokens": JIANT,
}
"""Where the defaults of `TrainingSpec` are from."""


def published(
    architecture: ArchitectureName,
    adapter: Literal["none", "lora", "qlora"],
    tasks: Sequence[str],
    optimizer: Literal["adamw", "adafactor"] = "adamw",
) -> dict[str, Setting]:
    """The published settings of a training, by the names of `TrainingSpec`.

    Args:
        tasks: whose rows train. A mixture has the defaults' numbers of examples and passes, and
            the longest inputs of its tasks.
    """
    rates = LEARNING_RATES if adapter == "none" else ADAPTER_RATES
    found = {"learning_rate": rates[architecture]}
    if adapter != "none" or optimizer != "adamw":
        found["weight_decay"] = Setting(0.0, NO_DECAY)
    of_tasks = [TASKS.get(task, {}) for task in tasks]
    if len(tasks) == 1:
        return {**found, **of_tasks[0]}
    lengths = [each["max_input_tokens"] for each in of_tasks if "max_input_tokens" in each]
    return {**found, **({"max_input_tokens": max(lengths)} if lengths else {})}
