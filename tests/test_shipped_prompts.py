"""What holds of every shipped task in every wording, before any tokenizer: see `shipped.py`.

Render and parse are inverses, label words are distinct, gold answers and predictions go through
one normaliser, and every text stands in the input as it was.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings

from t2t_xfer.answers.parsing import canonical
from t2t_xfer.check.rows import expected_value, gold_generation, readouts_of_format
from t2t_xfer.metrics import metric_of
from t2t_xfer.records import Answer, Cloze, Copied, Example, Generation, Readout, Slots, Value
from t2t_xfer.specs.catalogue import shipped_root
from t2t_xfer.specs.load import load_yaml
from t2t_xfer.specs.prompt import PromptSpec
from t2t_xfer.stages.task import Task

from .shipped import SHIPPED, TEXTS, drawn_examples, examples, texts, worded, wordings

PROMPTS = sorted(path.stem for path in (shipped_root() / "prompts").glob("*.yaml"))
EVERY = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def loaded(name: str, variant: str) -> Task:
    spec, answer = worded(name, variant)
    return Task(spec, SHIPPED.prompt_of(spec), answer, metric_of(spec))


def test_the_catalogue_is_covered() -> None:
    assert {name for name, _ in wordings()} == set(SHIPPED.task_names())
    assert {SHIPPED.task(name).prompt.use for name, _ in wordings()} - {None} == set(PROMPTS)


def check_that_gold_comes_back(task: Task, example: Example) -> None:
    """By text and by every other readout; and the metric takes it for right."""
    assert example.gold is not None
    text = task.answer.render(example)
    for readout in readouts_of_format(task.answer.asks):
        read = gold_generation(readout, task, example, text)
        if read is not None:
            value = task.answer.parse(read, text).value
            assert value == expected_value(task, example.gold), readout


@pytest.mark.parametrize(("name", "variant"), wordings())
def test_gold_answers_come_back(name: str, variant: str) -> None:
    task = loaded(name, variant)
    for example in examples(task.spec):
        check_that_gold_comes_back(task, example)


@pytest.mark.parametrize(("name", "variant"), wordings())
def test_gold_answers_of_any_text_come_back(name: str, variant: str) -> None:
    task = loaded(name, variant)

    @EVERY
    @given(drawn_examples(task.spec))
    def holds(example: Example) -> None:
        check_that_gold_comes_back(task, example)

    holds()


def shown(value: Value) -> list[str]:
    return [str(item) for item in value] if isinstance(value, tuple) else [str(value)]


@pytest.mark.parametrize(("name", "variant"), wordings())
def test_every_text_stands_in_the_input_as_it_was(name: str, variant: str) -> None:
    """Character for character, at the place that its region names; nothing of it is run."""
    task = loaded(name, variant)

    @EVERY
    @given(drawn_examples(task.spec))
    def holds(example: Example) -> None:
        text = task.answer.render(example)
        places = {r.field: text.input[r.start : r.end] for r in text.regions}
        fields = {name: value for name, value in example.fields.items() if name in places}
        if task.answer.name == "pair":  # embedded sentences stand alone
            assert text.input in (example.fields["source"], example.fields["target"])
            return
        asked = text.question
        for field, value in fields.items():
            # White space around a question is no part of it (SQuAD has some of thousands).
            trimmed = isinstance(asked, Copied) and field != asked.field
            expected = [part.strip() if trimmed else part for part in shown(value)]
            assert places[field] == " ".join(expected)
        for slot in asked.places if isinstance(asked, Slots) else ():
            index = int(slot.partition("[")[2][:-1])
            assert places[slot] == shown(example.fields["words"])[index]
        if "choices" in example.fields and not isinstance(asked, Cloze):
            indices = range(len(shown(example.fields["choices"])))
            assert [places[f"choices[{i}]"] for i in indices] == shown(example.fields["choices"])

    holds()


def fullwidth(text: str) -> str:
    """Latin letters as Japanese keyboards write them: the same after NFKC."""
    return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in text)


FORMS: tuple[Callable[[str], str], ...] = (
    str,
    str.upper,
    str.title,
    fullwidth,
    lambda text: f"  {text}.\n",
    lambda text: f"**{text}**!",
    lambda text: f"\u200f«{text}»\u200e",
    lambda text: unicodedata.normalize("NFD", text),
)
"""Ways in which a model may write an answer that is the answer all the same."""


WORDED = [each for each in wordings() if worded(*each)[1].name in ("label", "choice")]
"""What is answered with a word that is the same for every example."""


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize(("name", "variant"), WORDED)
def test_words_and_predictions_go_through_one_normaliser(
    name: str, variant: str, language: str
) -> None:
    task = loaded(name, variant)
    example = next(e for e in examples(task.spec) if e.language == language)
    text = task.answer.render(example)
    for label, word in zip(task.options, task.answer.options, strict=True):
        for form in FORMS:
            read = Generation(example.id, Readout.generate, text=form(word))
            assert task.answer.parse(read, text).value == label, form(word)


SPANS = [name for name in SHIPPED.task_names() if SHIPPED.task(name).answer == "span"]


@pytest.mark.parametrize("name", SPANS)
def test_spans_and_predictions_go_through_one_normaliser(name: str) -> None:
    """Whatever the answer: the same text is an exact match, and so it is in other clothes."""
    task = SHIPPED.task(name)
    metrics = [metric_of(task).for_language(code) for code in task.languages]

    @EVERY
    @given(texts())
    def holds(text: str) -> None:
        gold = (Answer(text, 0),)
        for form in (str, str.lower, lambda text: f" {text}!  ", lambda text: f'"{text}".'):
            assert all(metric.statistics(gold, form(text))[0] == 1.0 for metric in metrics)

    holds()


@pytest.mark.parametrize(("name", "variant"), wordings())
def test_label_words_are_distinct_once_normalised(name: str, variant: str) -> None:
    words = [canonical(word) for word in loaded(name, variant).answer.options]
    if loaded(name, variant).answer.asks is not Slots:  # tags are read by their codes
        assert all(words)
        assert len(set(words)) == len(words)


@pytest.mark.parametrize("name", PROMPTS)
def test_synonyms_speak_for_one_label(name: str) -> None:
    """In one language no synonym of a label is another label's word, name or synonym."""
    prompt = load_yaml(shipped_root() / "prompts" / f"{name}.yaml", PromptSpec)
    for language, synonyms in prompt.synonyms.items():
        for words in prompt.words.values():
            said = {
                label: {canonical(text) for text in (label, word, *synonyms.get(label, ()))}
                for label, word in words.items()
            }
            for a, b in combinations(said, 2):
                assert not said[a] & said[b], (language, a, b)


@pytest.mark.parametrize(
    ("name", "variant"), [each for each in WORDED if loaded(*each).prompt.synonyms]
)
def test_a_synonym_is_read_as_its_label(name: str, variant: str) -> None:
    task = loaded(name, variant)
    fields = examples(task.spec)[0].fields
    for language, synonyms in task.prompt.synonyms.items():
        text = task.answer.render(Example("7", name, language, "test", fields, None))
        for label, words in synonyms.items():
            for written in (form(word) for word in words for form in FORMS):
                read = Generation("7", Readout.generate, text=written)
                assert task.answer.parse(read, text).value == label, written
