"""A task and its prompt come to one wording and one verbalizer, or to an error that names why."""

from typing import Any

import pytest
from pydantic import ValidationError

from t2t_xfer.errors import SpecError
from t2t_xfer.specs import PromptSpec, TaskSpec, resolve_prompt
from tests.test_specs_task import LABEL, TAGS

PROMPT: dict[str, Any] = {
    "prompt": "reviews",
    "variants": {
        "default": {"input": "Review: {{ text }}"},
        "question": {"input": "{{ text }} Good?", "languages": {"de": "{{ text }} Gut?"}},
        "short": {"input": "{{ text }}"},
    },
    "words": {"default": {"bad": "bad", "good": "good"}, "question": {"bad": "no", "good": "yes"}},
    "synonyms": {"de": {"bad": ["schlecht"], "good": ["gut", "prima"]}},
}


def resolve(task: dict[str, Any], prompt: dict[str, Any] | None = PROMPT) -> Any:
    spec = PromptSpec.model_validate(prompt) if prompt is not None else None
    return resolve_prompt(TaskSpec.model_validate(LABEL | task), spec)


def test_the_default_variant() -> None:
    resolved = resolve({})
    assert resolved.input == "Review: {{ text }}"
    assert resolved.words == {"bad": "bad", "good": "good"}
    assert resolved.synonyms == {"de": {"bad": ("schlecht",), "good": ("gut", "prima")}}
    assert resolved.languages == {}


def test_the_variant_beats_the_prompt() -> None:
    resolved = resolve({"prompt": {"use": "reviews", "variant": "question"}})
    assert resolved.input == "{{ text }} Good?"
    assert resolved.words == {"bad": "no", "good": "yes"}
    assert resolved.languages == {"de": "{{ text }} Gut?"}


def test_a_variant_without_words_uses_those_of_default() -> None:
    resolved = resolve({"prompt": {"use": "reviews", "variant": "short"}})
    assert resolved.words == {"bad": "bad", "good": "good"}


def test_the_task_beats_the_variant() -> None:
    labels = {"bad": {"value": 0, "word": "poor"}, "good": {"value": 1}}
    resolved = resolve({"labels": labels, "prompt": {"use": "reviews", "variant": "question"}})
    assert resolved.words == {"bad": "poor", "good": "yes"}


def test_words_stand_in_the_order_of_the_task() -> None:
    resolved = resolve({"labels": {"good": {"value": 1}, "bad": {"value": 0}}})
    assert list(resolved.words) == ["good", "bad"]


def test_a_task_with_its_own_input_has_its_own_words() -> None:
    labels = {"bad": {"word": "no"}, "good": {"word": "yes"}}
    resolved = resolve({"labels": labels, "prompt": {"input": "{{ text }}?"}}, None)
    assert (resolved.input, resolved.words) == ("{{ text }}?", {"bad": "no", "good": "yes"})


def test_tags_need_no_words() -> None:
    assert resolve_prompt(TaskSpec.model_validate(TAGS), None).words == {}


@pytest.mark.parametrize(
    ("task", "prompt", "words"),
    [
        (
            {"prompt": {"use": "reviews", "variant": "questoin"}},
            {},
            "no variant 'questoin'; it has default, question, short. Did you mean 'question'?",
        ),
        (
            {},
            {"words": {"default": {"bad": "x", "good": "y", "goood": "z"}}},
            "the label 'goood', which is outside the task's labels: bad, good. Did you mean 'good'",
        ),
        ({}, {"words": {"default": {"bad": "x"}}}, "the label 'good' has no word in the prompt"),
        ({}, {"words": {}}, "the label 'bad' has no word"),
        ({"prompt": {"input": "x"}}, None, "the label 'bad' has no word in its own prompt"),
        (
            {"labels": {"bad": {"value": 0, "word": "Good"}, "good": {"value": 1}}},
            {},
            "'good' stands for both 'bad' and 'good'",
        ),
        ({}, {"synonyms": {"de": {"awful": ["x"]}}}, "synonyms in de has words for the label 'aw"),
        ({}, {"synonyms": {"de": {"bad": ["GOOD"]}}}, "stands for both 'bad' and 'good'"),
        ({}, {"synonyms": {"de": {"bad": ["x"], "good": ["x"]}}}, "'x' stands for both"),
    ],
)
def test_words_that_do_not_fit_the_labels(
    task: dict[str, Any], prompt: dict[str, Any] | None, words: str
) -> None:
    with pytest.raises(SpecError, match="task 'reviews': ") as caught:
        resolve(task, None if prompt is None else PROMPT | prompt)
    assert words in str(caught.value)


def test_words_for_a_task_of_tags_are_outside_its_labels() -> None:
    task = TaskSpec.model_validate(TAGS | {"prompt": {"use": "reviews"}})
    with pytest.raises(SpecError, match="the answer is tags"):
        resolve_prompt(task, PromptSpec.model_validate(PROMPT))


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        ({"variants": {"short": {"input": "x"}}, "words": {}}, "variants", "called default"),
        ({"words": {"questoin": {"a": "b"}}}, "words", "not 'questoin'"),
        ({"words": {"default": {"a": "x", "b": "X"}}}, "words.default", "another word"),
        ({"synonyms": {"german": {}}}, "synonyms.german.[key]", "code of a language"),
        ({"variants": {"default": {"input": "a: \\n{{ b }}"}}}, "variants.default.input", "break"),
        ({"variants": {"default": {"input": "{{ b }}\n"}}}, "variants.default.input", "white sp"),
    ],
)
def test_what_a_prompt_may_not_say(change: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PromptSpec.model_validate(PROMPT | {"words": {}} | change)
    found = {".".join(map(str, each["loc"])): each["msg"] for each in caught.value.errors()}
    assert list(found) == [key]
    assert words in found[key]


def test_a_backslash_inside_jinja_is_jinjas_business() -> None:
    variants = {"default": {"input": r"{{ lines | join('\n') }}"}}
    assert PromptSpec.model_validate({"prompt": "x", "variants": variants})
