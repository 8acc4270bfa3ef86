"""How answers are read: written, ranked, embedded, and with solved examples before the question.

The rule for ranks: whatever stands under `rank` is applied to logged scores, so a change scores
again and decodes nothing that was decoded before (docs/rank_scores.md). What an option is worth
without the example is one small prediction more.

The rule for shots: they are a function of seed, task and language; they never come from the test
split and are never the tested example itself. Shots in the target language end zero-shot transfer,
so they must be asked for, and their scores say so (docs/few_shot.md).

    decoding: {max_new_tokens: 16}
    rank: {normalise: pmi, domain: "answer:"}
    rank: {calibrate: contextual}
    few_shot: {k: 8, seed: 1, from: validation, language: same}
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, cast

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator

from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import Json
from t2t_xfer.specs.base import (
    Count,
    Seed,
    Several,
    Share,
    Spec,
    Text,
    Truth,
    mistake,
)
from t2t_xfer.specs.prompt import Wording


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


Normalise: TypeAlias = Literal["sum", "tokens", "characters", "pmi"]


class RankSpec(Spec):
    """What is compared where the readout is `rank`."""

    normalise: Normalise | None = None
    """`sum` of log p over an option's tokens and its end token; that per token (`tokens`, Brown et
    al. 2020, section 2.4) or per character of its text (`characters`, as lm-eval's `acc_norm`); or
    less its sum behind `domain` (`pmi`, domain-conditional PMI, Holtzman et al. 2021). None:
    `tokens` for `cloze`, whose options differ in length, else `sum`."""
    domain: Wording | None = Field(default=None, validate_default=True)
    """The text that stands in place of the prompt where an option is scored without its example
    (`pmi`): mostly the end of the prompt, such as `answer:`."""
    calibrate: Literal["none", "contextual"] = "none"
    """`contextual`: divide the probability of each option by its mean probability where the
    prompt's fields hold nothing but a text of `content_free` (Zhao et al. 2021)."""
    content_free: Several[Text] = (
        "N/A",
        "[MASK]",
        "",
    )
    """Texts that say nothing; those of Zhao et al. (2021), section 5."""

    @property
    def needs_null(self) -> bool:
        """Whether options are scored without their example too."""
        return self.normalise == "pmi" or self.calibrate == "contextual"

    def resolved(self, cloze: bool) -> Normalise:
        """What is compared, with the default of the answer format filled in."""
        return self.normalise or ("tokens" if cloze else "sum")

    def is_default(self, cloze: bool) -> bool:
        """Whether nothing else is asked for than without the key `rank`."""
        plain = "tokens" if cloze else "sum"
        return self.resolved(cloze) == plain and self.calibrate == "none"

    def identity(self, cloze: bool) -> dict[str, Json]:
        """What belongs to the identity of a score; nothing of the defaults, so none has moved."""
        if self.is_default(cloze):
            return {}
        found: dict[str, Json] = {"normalise": self.resolved(cloze), "calibrate": self.calibrate}
        return {"rank": {**found, **self.null()}}

    def null(self) -> dict[str, Json]:
        """What options are scored behind without their example: one text, or several in the
        prompt's fields; nothing if they are not."""
        if self.normalise == "pmi":
            return {"domain": self.domain}
        return {"content_free": [*self.content_free]} if self.needs_null else {}

    @field_validator("domain")
    @classmethod
    def _of_pmi(cls, text: str | None, info: ValidationInfo) -> str | None:
        if "normalise" not in info.data:  # already a problem
            return text
        normalise = info.data["normalise"]
        if normalise == "pmi" and text is None:
            raise mistake("this key, because `normalise` is pmi: the end of the prompt, 'answer:'")
        if normalise != "pmi" and text is not None:
            raise mistake("nothing here, because `normalise` is not pmi")
        if text is not None and ("{{" in text or "{%" in text):
            raise mistake("plain text: it stands where nothing of the example is known")
        return text

    @field_validator("calibrate")
    @classmethod
    def _once(cls, calibrate: str, info: ValidationInfo) -> str:
        if calibrate != "none" and info.data.get("normalise") == "pmi":
            raise mistake("none, because `normalise: pmi` divides by the same thing already")
        return calibrate

    @field_validator("content_free")
    @classmethod
    def _of_calibration(cls, texts: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        stated = texts != cls.model_fields["content_free"].default
        if stated and info.data.get("calibrate", "contextual") != "contextual":
            raise mistake("nothing here, because `calibrate` is none")
        return texts


def checked_rank(rank: RankSpec, info: ValidationInfo) -> RankSpec:
    """The key `rank` of a task, which only answers that are ranked have (`TaskSpec`)."""
    answer = info.data.get("answer", "label")
    if answer not in ("label", "choice") and rank != RankSpec():
        raise mistake(f"nothing here, because the answer is {answer}")
    form = info.data.get("form")
    if form == "separate" and rank != RankSpec():
        raise mistake(
            "nothing here, because with `form: separate` choices are not ranked by their texts but"
            " by the log-odds of yes"
        )
    if rank.calibrate == "contextual" and form == "cloze":
        raise mistake(
            "`normalise: pmi` in place of `calibrate: contextual`, because with `cloze` every"
            " example has choices of its own, and there are no fixed options to calibrate"
        )
    return rank


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
