"""Pairs: what is embedded, what is asked about two sentences, and which neighbour wins."""

import pytest

from t2t_xfer.answers import answer_format
from t2t_xfer.errors import SpecError, UnsupportedError
from t2t_xfer.metrics import METRICS
from t2t_xfer.records import Example, Generation, Readout, Status
from t2t_xfer.specs.catalogue import resolve_prompt
from t2t_xfer.specs.task import TaskSpec

EMBEDDING = {"layer": 0.5, "pooling": "last", "input": "query: {{ text }}", "top_k": 3}


def pair_format(**changes):
    spec = {
        "task": "translations",
        "answer": "pair",
        "data": {"files": {"test": "{language}.jsonl"}},
        "languages": ("ar", "de"),
        "pair_fields": ("theirs", "english"),
        "embedding": EMBEDDING,
        "prompt": {"input": "{{ source }} = {{ target }}?"},
        "metric": "retrieval_accuracy",
    }
    task = TaskSpec.model_validate(spec | changes)
    return answer_format(task, resolve_prompt(task, None))


def example_of(id, source, target):
    return Example(id, "translations", "ar", "test", {"source": source, "target": target}, id)


ANSWERS = pair_format()
DOG, CAT = example_of("0", "the dog", "الكلب"), example_of("1", "the cat", "القطة")


def test_both_sentences_are_embedded_through_the_same_template():
    assert ANSWERS.sentences(DOG) == ("query: the dog", "query: الكلب")
    assert ANSWERS.render(DOG).input == "query: the dog"


def test_the_question_joins_a_query_and_a_neighbour():
    asked = ANSWERS.question(DOG, CAT)
    assert (asked.id, asked.input, asked.target) == ("0 1", "the dog = القطة?", "no")
    assert ANSWERS.question(DOG, DOG).target == "yes"
    assert ANSWERS.words == ("yes", "no")


def test_the_highest_score_wins_and_the_nearest_of_equals():
    generation = Generation("0", Readout.rank, scores=(0.1, 0.7, 0.7), neighbours=("5", "0", "2"))
    prediction = ANSWERS.parse(generation, ANSWERS.render(DOG))
    assert (prediction.value, prediction.status) == ("0", Status.scored)


def test_what_the_oracle_says_is_right():
    prompted = ANSWERS.render(CAT)
    said = Generation("1", Readout.generate, text=prompted.target)
    assert ANSWERS.parse(said, prompted).value == CAT.gold


def test_the_reading_says_layer_pooling_and_depth_of_the_list():
    assert ANSWERS.reading(Readout.embed) == "embed:layer-0.5000-last-cosine"
    assert ANSWERS.reading(Readout.rank).endswith("|rank:yes-minus-no-of-top-3")


def test_a_pair_has_no_majority():
    with pytest.raises(UnsupportedError, match="no majority baseline"):
        ANSWERS.constant(["0"])


@pytest.mark.parametrize("input", ["passage: {{ sentence }}", "{{ text }} {{ source }}", "text"])
def test_the_embedded_text_is_made_of_the_sentence_alone(input):
    with pytest.raises(SpecError, match="must name \\{\\{ text \\}\\}"):
        pair_format(embedding=EMBEDDING | {"input": input})


def test_a_question_about_one_sentence_is_refused():
    with pytest.raises(SpecError, match=r"lacks the field \{\{ target \}\}"):
        pair_format(prompt={"input": "{{ source }}"})


def test_retrieval_accuracy_is_the_share_of_found_translations():
    metric = METRICS["retrieval_accuracy"]()
    rows = [metric.statistics("0", "0"), metric.statistics("1", "0"), metric.statistics("2", None)]
    assert metric.scored(rows).value == pytest.approx(100 / 3)
