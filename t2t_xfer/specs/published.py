"""Published settings: what a training takes where nobody states a number.

The rule: a stated setting wins, then the published one of the task, then that of the architecture
(or of adapters), then the field's own default. How many examples and steps a training has may
depend on the task, never on the architecture: a study compares architectures.

    published("seq2seq", "none", ["tydiqa"])["learning_rate"].value     # 1e-4
    published("seq2seq", "none", ["tydiqa"])["epochs"].value            # 2
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from t2t_xfer.records import ArchitectureName


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
