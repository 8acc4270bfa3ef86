"""How the log-probabilities of ranked options are compared (`docs/rank_scores.md`).

The rule: whatever stands here is applied to logged scores, so a change scores again and decodes
nothing that was decoded before. What an option is worth without the example is one small prediction
more, the same for all examples of a task with fixed options.

    rank: {normalise: characters}
    rank: {normalise: pmi, domain: "answer:"}
    rank: {calibrate: contextual}
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from t2t_xfer.records import Json
from t2t_xfer.specs.base import Spec, Text, distinct, mistake, some
from t2t_xfer.specs.prompt import Wording

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
    content_free: Annotated[tuple[Text, ...], AfterValidator(some), AfterValidator(distinct)] = (
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
