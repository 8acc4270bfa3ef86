"""Prompts: the wording of an input in variants, label words, synonyms; and how a task chooses one.

The rule: what stands in the YAML is what Jinja gets, so the two mistakes that look right in an
editor are refused: a backslash and an n in single quotes, and white space at the end. What is not
of the part of Jinja that prompts may use (`prompts.py`) is a mistake with a place in the file.

    prompt: nli
    variants:
      default: {input: "premise: {{ premise }}\\nhypothesis: {{ hypothesis }}\\nrelation:"}
      question: {input: "{{ premise }}\\nQuestion: {{ hypothesis }} Yes, no, or maybe?\\nAnswer:"}
    words:
      default: {entailment: entailment, neutral: neutral, contradiction: contradiction}
      question: {entailment: "yes", neutral: maybe, contradiction: "no"}
    synonyms: {de: {contradiction: [widerspruch]}}

A task says `prompt: {use: nli, variant: question}`, or `prompt: {input: "Review: {{ text }}"}`.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from t2t_xfer.specs.base import Filled, LanguageCode, Name, Spec, distinct, mistake

DEFAULT = "default"
"""The variant that every prompt has."""

_PLAIN = re.compile(r"([^{}]|\{\{ *(?!not\b)[A-Za-z][A-Za-z0-9_]* *\}\}|[{}](?![{}%#]))*")
"""Text and bare fields only: nothing that Jinja could refuse."""
_QUICK = 2_000
"""Characters of such a text that need not be shown to it."""
_JINJA = re.compile(r"\{\{.*?(?:\}\}|\Z)|\{%.*?(?:%\}|\Z)|\{#.*?(?:#\}|\Z)", re.DOTALL)
"""What is no plain text. What is left open goes to the end, so the text is gone over once."""


def _wording(text: str) -> str:
    if "\\n" in _JINJA.sub("", text):
        raise mistake(
            "a line break, not a backslash and an n", hint='Write it in double quotes: "…\\n…".'
        )
    if text != text.rstrip():
        raise mistake("no white space at the end", hint="Start a block of text with |- .")
    if len(text) > _QUICK or not _PLAIN.fullmatch(text):
        from t2t_xfer.prompts import wording_problem  # imports Jinja

        problem = wording_problem(text)
        if problem:
            raise mistake(problem)
    return text


Wording = Annotated[Filled, AfterValidator(_wording)]
"""A Jinja template of an input text."""


class PromptUse(Spec):
    """How a task words its input: a shared prompt (`use`) or a text of its own (`input`)."""

    use: Name | None = None
    """The name of a file in `prompts/`."""
    variant: Name = DEFAULT
    input: Wording | None = Field(default=None, validate_default=True)

    @field_validator("input")
    @classmethod
    def _one_of_two(cls, text: str | None, info: ValidationInfo) -> str | None:
        if "use" not in info.data:  # already a problem
            return text
        if text is None and info.data["use"] is None:
            raise mistake("this key or `use`")
        if text is not None and info.data["use"] is not None:
            raise mistake("either `use` or `input`, not both")
        if text is not None and info.data.get("variant", DEFAULT) != DEFAULT:
            raise mistake("no `variant` beside `input`: variants belong to shared prompts")
        return text


class PromptVariant(Spec):
    """One wording of a prompt."""

    input: Wording
    languages: dict[LanguageCode, Wording] = Field(default_factory=dict)
    """Wordings for examples in some languages. Usually none: all are worded the same."""


def _distinct_words(words: dict[str, str]) -> dict[str, str]:
    distinct(tuple(word.casefold() for word in words.values()), "another word for each label")
    return words


class PromptSpec(Spec):
    """What `prompts/<name>.yaml` says."""

    name_key: ClassVar[str] = "prompt"

    prompt: Name
    """The file's stem."""
    variants: dict[Name, PromptVariant]
    words: dict[Name, Annotated[dict[Filled, Filled], AfterValidator(_distinct_words)]] = Field(
        default_factory=dict
    )
    """Variant -> label -> the word a model answers."""
    synonyms: dict[LanguageCode, dict[Filled, tuple[Filled, ...]]] = Field(default_factory=dict)
    """Language -> label -> other words that the parser takes for the label."""

    @field_validator("variants")
    @classmethod
    def _has_default(cls, variants: dict[str, PromptVariant]) -> dict[str, PromptVariant]:
        if DEFAULT not in variants:
            raise mistake(f"a variant called {DEFAULT}")
        return variants

    @field_validator("words")
    @classmethod
    def _of_variants(
        cls, words: dict[str, dict[str, str]], info: ValidationInfo
    ) -> dict[str, dict[str, str]]:
        variants = info.data.get("variants", words)
        for name in words:
            if name not in variants:
                raise mistake(f"the names of variants, not {name!r}")
        return words


class ResolvedPrompt(Spec):
    """What one task's prompt comes down to."""

    input: Wording
    words: dict[Filled, Filled] = Field(default_factory=dict)
    """Label -> word, for exactly the task's labels in the task's order; `yes` and `no` for pairs,
    empty for tags. A choice's letters are their own words unless a word is given."""
    synonyms: dict[LanguageCode, dict[Filled, tuple[Filled, ...]]] = Field(default_factory=dict)
    languages: dict[LanguageCode, Wording] = Field(default_factory=dict)
