"""Few-shot prompts: solved examples before the one to solve (`docs/few_shot.md`).

The rule: shots are a function of seed, task and language; they never come from the test split and
are never the tested example itself. Shots in the target language end zero-shot transfer, so they
must be asked for, and their scores say so.

    few_shot: {k: 4}
    few_shot: {k: 8, seed: 1, from: validation, language: same}
"""

from __future__ import annotations

from typing import Annotated, Literal, cast

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo

from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import Json
from t2t_xfer.specs.base import Count, Seed, Spec, Text, mistake


def _not_empty(text: str) -> str:
    if not text:
        raise mistake("what stands between two examples, a line break at least")
    return text


class FewShotSpec(Spec):
    """Which examples stand before the one that is asked about."""

    model_config = ConfigDict(serialize_by_alias=True)

    k: Count
    """How many, balanced over labels and letters. GPT-3's few-shot (Brown et al. 2020) has what
    fits, typically 10 to 100; what does not fit here is dropped from the front."""
    seed: Seed = 0
    split: Literal["train", "validation"] = Field("train", alias="from")
    """Where they come from: the rows that train the task (those of `train_task`, if it has one), or
    its own validation rows."""
    language: Literal["source", "same"] = "source"
    """`source`: the same shots, in the source language, for every language. `same`: shots in the
    language of the tested example, from the task's own rows: not zero-shot."""
    separator: Annotated[Text, AfterValidator(_not_empty)] = "\n\n"
    """Between two examples. A SentencePiece tokenizer may read line breaks as one space; then a
    visible text such as `"\\n###\\n"` tells them apart."""

    def canonical(self) -> dict[str, Json]:
        """See `Spec.canonical`. By the keys of the YAML."""
        return cast("dict[str, Json]", self.model_dump(mode="json"))


# What the answers cannot be shown as: one text after one input.
UNSHOWN = {
    "tags": "each of its words has an answer of its own, which untrained models cannot place",
    "pair": "pairs are found by their embeddings, which no example changes",
}


def checked_few_shot(shots: FewShotSpec | None, info: ValidationInfo) -> FewShotSpec | None:
    """The key `few_shot` of a task, for answers that are one text (`TaskSpec`)."""
    answer = info.data.get("answer", "label")
    if shots is not None and answer in UNSHOWN:
        raise mistake(f"nothing here, because the answer is {answer}: {UNSHOWN[answer]}")
    return shots


def few_shots(own: FewShotSpec | None, k: int, task: str, answer: str) -> FewShotSpec | None:
    """A task's shots with another number of them (`evaluate --few-shot K`); none of 0.

    Raises:
        UnsupportedError: the answers cannot be shown.
    """
    if k and answer in UNSHOWN:
        raise UnsupportedError(
            f"--few-shot: the task {task} answers with {answer}, and {UNSHOWN[answer]}. Leave it"
            " out."
        )
    stated: dict[str, Json] = {"k": k}
    if own is not None:
        stated = {**own.canonical(), "k": k}
    return FewShotSpec.model_validate(stated) if k else None
