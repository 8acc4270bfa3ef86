"""Prompts: the wording of an input in variants, label words, and synonyms for the parser.

The rule: what the task says wins over the variant, and the variant over the prompt. Words are
never mixed: a variant has its own for all labels, or uses those of `default`. A word for something
else than a label of the task is an error, never ignored.

    prompt: nli
    variants:
      default: {input: "premise: {{ premise }}\\nhypothesis: {{ hypothesis }}\\nrelation:"}
      question: {input: "{{ premise }}\\nQuestion: {{ hypothesis }} Yes, no, or maybe?\\nAnswer:"}
    words:
      default: {entailment: entailment, neutral: neutral, contradiction: contradiction}
      question: {entailment: "yes", neutral: maybe, contradiction: "no"}
    synonyms: {de: {contradiction: [widerspruch]}}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from t2t_xfer.errors import SpecError, nearest
from t2t_xfer.specs.base import Filled, LanguageCode, Name, Spec, distinct, mistake
from t2t_xfer.specs.task import TaskSpec
from t2t_xfer.specs.wording import DEFAULT, Wording


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


def resolve_prompt(task: TaskSpec, prompt: PromptSpec | None) -> ResolvedPrompt:
    """The wording, words and synonyms that a task uses.

    Args:
        task: its own `input` and `word`s beat everything.
        prompt: the shared prompt that `task.prompt.use` names; None for a task without one.

    Raises:
        SpecError: unknown variant; a word or synonym for a label that the task lacks; a label
            without a word; one word for two labels.
    """
    if prompt is None:
        assert task.prompt.input is not None, "a task that uses a prompt is resolved with it"
        return ResolvedPrompt(input=task.prompt.input, words=_words(task, {}, "its own prompt"))
    name = task.prompt.variant
    if name not in prompt.variants:
        raise SpecError(
            f"task {task.task!r}: the prompt {prompt.prompt!r} has no variant {name!r}; it has"
            f" {', '.join(prompt.variants)}.{nearest(name, list(prompt.variants))}"
        )
    variant = prompt.variants[name]
    where = f"the prompt {prompt.prompt!r}, variant {name!r}"
    words = _words(task, prompt.words.get(name, prompt.words.get(DEFAULT, {})), where)
    for language, synonyms in prompt.synonyms.items():
        _check_synonyms(task, words, synonyms, f"{where}, synonyms in {language}")
    return ResolvedPrompt(
        input=variant.input, words=words, synonyms=prompt.synonyms, languages=variant.languages
    )


def _words(task: TaskSpec, shared: Mapping[str, str], where: str) -> dict[str, str]:
    _check_labels(task, shared, where)
    words: dict[str, str] = {}
    for label in task.worded:
        own = task.labels[label].word if label in task.labels else None
        word = own or shared.get(label)
        if word is None and task.answer in ("choice", "pair"):
            word = label  # a letter, yes, no
        if word is None:
            raise SpecError(
                f"task {task.task!r}: the label {label!r} has no word in {where}. Give it one in"
                f" the prompt's `words`, or in the task: labels: {{{label}: {{word: …}}}}"
            )
        words[label] = word
    _check_one_label_each({label: (word,) for label, word in words.items()}, task, where)
    return words


def _check_synonyms(
    task: TaskSpec, words: Mapping[str, str], synonyms: Mapping[str, tuple[str, ...]], where: str
) -> None:
    _check_labels(task, synonyms, where)
    texts = {label: (word, *synonyms.get(label, ())) for label, word in words.items()}
    _check_one_label_each(texts, task, where)


def _check_labels(task: TaskSpec, given: Mapping[str, object], where: str) -> None:
    for label in given:
        if label not in task.worded:
            known = ", ".join(task.worded) or f"none (the answer is {task.answer})"
            raise SpecError(
                f"task {task.task!r}: {where} has words for the label {label!r}, which is outside"
                f" the task's labels: {known}.{nearest(label, task.worded)}"
            )


def _check_one_label_each(texts: Mapping[str, tuple[str, ...]], task: TaskSpec, where: str) -> None:
    owners: dict[str, str] = {}
    for label, each in texts.items():
        for text in each:
            owner = owners.setdefault(text.casefold(), label)
            if owner != label:
                raise SpecError(
                    f"task {task.task!r}: in {where}, {text!r} stands for both {owner!r} and"
                    f" {label!r}; an answer could not be told apart"
                )
