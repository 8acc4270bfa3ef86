"""The small parts of a task's YAML: its labels, and how answers are embedded or written."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

from t2t_xfer.specs.base import Count, Filled, Share, Spec, Text, Truth, Whole, mistake
from t2t_xfer.specs.wording import Wording


def _raw_value(value: object) -> object:
    if value is None or isinstance(value, str | int | bool):
        return value
    raise mistake("the value as the data has it: text, a whole number, true or false")


RawValue = Annotated[Text | Whole | Truth, BeforeValidator(_raw_value)]
"""A label's value as the data has it."""


def _with_end(tokens: int) -> int:
    if tokens < 2:
        raise mistake("at least 2: one token and the end token")
    return tokens


class EmbeddingSpec(Spec):
    """How a sentence becomes a vector, fixed before any result is seen."""

    layer: Share = 0.6
    """Depth of the hidden states: 0 is the embeddings, 1 the last layer (XTREME's Tatoeba runs
    take layer 14 of XLM-R Large's 24)."""
    pooling: Literal["mean", "last", "first"] = "mean"
    """Mean over the tokens, or one of them (`last` for decoders)."""
    input: Wording = "{{ text }}"
    """The template of the text that is embedded; `{{ text }}` is the sentence."""
    top_k: Count = 5
    """How many neighbours the readout `rank` puts to the yes/no prompt."""


class DecodingSpec(Spec):
    """How answers are written where the readout is `generate`. Always greedy."""

    constrained: Truth = True
    """Only texts that can be an answer: a label word, a choice, a piece of the context."""
    max_new_tokens: Annotated[Count, AfterValidator(_with_end)] = 32
    """Most tokens of an answer, the end token included. SQuAD's scripts cut answers at 30 tokens.
    Constrained labels and choices are always written to their end."""


class LabelSpec(Spec):
    """One label of a task."""

    value: RawValue | None = None
    """The raw value in the data. Left out: the label's own name (filled in by `TaskSpec`)."""
    word: Filled | None = None
    """The text a model answers. Beats the prompt's words."""
