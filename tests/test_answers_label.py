"""Label answers: rendering and parsing are inverses, and scores decide without parsing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_xfer.answers import answer_format
from t2t_xfer.errors import DataError, SpecError
from t2t_xfer.records import Closed, Example, Generation, Prompted, Readout, Status
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.task import TaskSpec

WORDS = {"entailment": "yes", "neutral": "maybe", "contradiction": "no"}


def task_spec(**changes):
    spec = {
        "task": "nli",
        "answer": "label",
        "data": {"files": {"train": "train.jsonl", "test": "{language}.jsonl"}},
        "languages": ("en", "de"),
        "label_field": "label",
        "labels": {"entailment": {"value": 0}, "neutral": {"value": 1}, "contradiction": {}},
        "prompt": {"use": "nli"},
        "shortenable": ("premise",),
        "metric": "accuracy",
    }
    return TaskSpec.model_validate(spec | changes)


def prompt_of(words=WORDS, **changes):
    spec = {"input": "{{ premise }} => {{ hypothesis }}?", "words": words}
    return ResolvedPrompt.model_validate(spec | changes)


def example_of(gold, language="en", **fields):
    fields = {"premise": "It rains.", "hypothesis": "It is wet."} | fields
    return Example("7", "nli", language, "test", fields, gold)


NLI = answer_format(
    task_spec(), prompt_of(synonyms={"de": {"entailment": ("ja",), "contradiction": ("nein",)}})
)
PROMPTED = Prompted("7", "de", "…", "")


def generated(text):
    return Generation("7", Readout.generate, text=text)


def test_options_are_the_words_in_the_order_of_the_labels():
    assert NLI.options == ("yes", "maybe", "no")


def test_render_gives_input_target_and_regions():
    prompted = NLI.render(example_of("contradiction"))
    assert prompted.input == "It rains. => It is wet.?"
    assert prompted.target == "no"
    assert prompted.shortenable == ("premise",)
    assert prompted.question == Closed(NLI.options)
    spans = {r.field: prompted.input[r.start : r.end] for r in prompted.regions}
    assert spans == {"premise": "It rains.", "hypothesis": "It is wet."}


def test_without_a_gold_answer_there_is_no_target():
    assert NLI.render(example_of(None)).target == ""


@pytest.mark.parametrize("readout", [Readout.slots, Readout.rank])
@pytest.mark.parametrize(
    ("scores", "label"),
    [
        ((-3.0, -0.5, -1.0), "neutral"),
        ((-1.0, -1.0, -2.0), "entailment"),  # a tie goes to the first option
        ((-math.inf, -math.inf, -9.0), "contradiction"),
    ],
)
def test_the_best_score_decides(readout, scores, label):
    prediction = NLI.parse(Generation("7", readout, scores=scores), PROMPTED)
    assert (prediction.id, prediction.value, prediction.status) == ("7", label, Status.scored)


@pytest.mark.parametrize("scores", [(), (-1.0, -2.0), (-1.0, math.nan, -2.0)])
def test_scores_that_do_not_fit_are_a_bug(scores):
    with pytest.raises(ValueError, match=r"scores for|NaN"):
        NLI.parse(Generation("7", Readout.rank, scores=scores), PROMPTED)


def test_a_generation_without_text_is_a_bug():
    with pytest.raises(ValueError, match="no text"):
        NLI.parse(generated(None), PROMPTED)


@pytest.mark.parametrize("gold", WORDS)
def test_parsing_the_target_gives_the_gold_answer_back(gold):
    prompted = NLI.render(example_of(gold))
    assert NLI.parse(generated(prompted.target), prompted).value == gold


@given(st.sampled_from([*WORDS]), st.text(" .!\n\"'«»*", max_size=5), st.booleans())
def test_case_and_punctuation_do_not_matter(gold, around, upper):
    prompted = NLI.render(example_of(gold))
    text = prompted.target.upper() if upper else prompted.target
    prediction = NLI.parse(generated(around + text + around), prompted)
    assert (prediction.value, prediction.status) == (gold, Status.exact)


@given(st.text())
def test_any_text_gives_a_label_or_invalid(text):
    prediction = NLI.parse(generated(text), PROMPTED)
    assert prediction.value in {None, *WORDS}
    assert (prediction.value is None) == (prediction.status is Status.invalid)


def test_synonyms_are_read_and_never_written():
    prompted = NLI.render(example_of("entailment", language="de"))
    assert prompted.target == "yes"
    assert NLI.parse(generated("Ja"), prompted).status is Status.alias


def test_a_language_may_have_a_wording_of_its_own():
    prompt = prompt_of(languages={"de": "{{ premise }} Also: {{ hypothesis }}?"})
    answers = answer_format(task_spec(), prompt)
    assert "Also" in answers.render(example_of("neutral", language="de")).input
    assert "=>" in answers.render(example_of("neutral", language="en")).input


@pytest.mark.parametrize(
    ("golds", "word"),
    [
        (["neutral", "contradiction", "neutral"], "maybe"),
        (["contradiction", "neutral"], "maybe"),  # a tie goes to the first option
    ],
)
def test_constant_is_the_word_of_the_most_frequent_label(golds, word):
    assert NLI.constant(golds) == word


def test_constant_of_nothing_is_an_error():
    with pytest.raises(DataError, match="at least one example"):
        NLI.constant([])


@pytest.mark.parametrize("gold", ["yes", ("entailment",)])
def test_a_gold_answer_that_is_no_label_is_a_bug(gold):
    with pytest.raises(ValueError, match="none of the labels"):
        NLI.render(example_of(gold))


def test_a_shortenable_field_that_the_prompt_lacks_is_refused():
    with pytest.raises(SpecError, match=r"'nli'.*lacks the field {{ premisse }}.*'premise'"):
        answer_format(task_spec(shortenable=("premisse",)), prompt_of())


def test_a_shortenable_field_behind_a_filter_is_refused():
    prompt = prompt_of(input="{{ premise | upper }} => {{ hypothesis }}")
    with pytest.raises(SpecError, match="loses the place of premise"):
        answer_format(task_spec(), prompt).render(example_of("neutral"))


def test_words_that_only_case_tells_apart_name_the_task():
    prompt = prompt_of({"entailment": "yes", "neutral": "Yes.", "contradiction": "no"})
    with pytest.raises(SpecError, match="task 'nli': labels 'entailment' and 'neutral'"):
        answer_format(task_spec(), prompt)
