"""Choices: letters that move in training, texts of choices, and what a generated text means."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_xfer.answers import answer_format
from t2t_xfer.errors import DataError, SpecError
from t2t_xfer.records import Closed, Cloze, Example, Generation, Readout, Status
from t2t_xfer.specs.catalogue import resolve_prompt
from t2t_xfer.specs.task import TaskSpec

LETTERS = "{% for c in choices %}{{ letters[loop.index0] }}: {{ c }}\n{% endfor %}answer:"
TEXTS = ("the dog", "كلب صغير", "None of the above choices .")


def choice_format(input=LETTERS, **changes):
    spec = {
        "task": "endings",
        "answer": "choice",
        "data": {"files": {"train": "train.jsonl"}},
        "languages": ("en",),
        "label_field": "label",
        "labels": {"A": {"value": 0}, "B": {"value": 1}, "C": {"value": 2}},
        "choices_fields": ("endings",),
        "prompt": {"input": input},
        "metric": "accuracy",
    }
    task = TaskSpec.model_validate(spec | changes)
    return answer_format(task, resolve_prompt(task, None))


def example_of(gold="B", id="7", choices=TEXTS):
    return Example(id, "endings", "en", "train", {"context": "x", "choices": choices}, gold)


ANSWERS = choice_format()
CLOZE = choice_format("{{ context }}", form="cloze")
SEPARATE = choice_format("{{ context }} {{ choice }} right:", form="separate")


def parsed(text, answers=ANSWERS, choices=TEXTS):
    prediction = answers.parse(
        Generation("7", Readout.generate, text=text), answers.render(example_of(choices=choices))
    )
    return prediction.value, prediction.status


def test_letters_stand_before_the_choices_in_the_order_of_the_data():
    prompted = ANSWERS.render(example_of())
    assert prompted.input.splitlines()[:2] == ["A: the dog", "B: كلب صغير"]
    assert (prompted.target, prompted.question) == ("B", Closed(("A", "B", "C")))
    assert ANSWERS.options == ("A", "B", "C")
    assert (ANSWERS.name, ANSWERS.shuffles) == ("choice", True)


def test_in_training_the_right_text_keeps_its_answer_wherever_it_stands():
    for epoch in range(20):
        prompted = ANSWERS.render(example_of(), epoch)
        assert f"{prompted.target}: كلب صغير\n" in prompted.input
        assert prompted == ANSWERS.render(example_of(), epoch)


def test_every_letter_is_right_equally_often_in_training():
    golds = Counter(
        ANSWERS.render(example_of("A", str(id)), epoch).target
        for id in range(100)
        for epoch in range(30)
    )
    assert all(abs(count - 1000) < 120 for count in golds.values()), golds  # 4 standard errors


def test_cloze_answers_with_the_text_and_keeps_the_order():
    prompted = CLOZE.render(example_of(), 3)
    assert (prompted.input, prompted.target, prompted.question) == ("x", TEXTS[1], Cloze(TEXTS))
    assert (CLOZE.name, CLOZE.shuffles) == ("cloze", False)


def test_choices_may_be_shortened_each_by_itself():
    answers = choice_format(f"{{{{ context }}}} {LETTERS}", shortenable=("context", "choices"))
    regions = ("context", "choices[0]", "choices[1]", "choices[2]")
    assert answers.render(example_of()).shortenable == regions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("B", ("B", Status.exact)),
        (" b\n", ("B", Status.exact)),
        ("(B)", ("B", Status.exact)),
        ("B.", ("B", Status.exact)),
        ("B: كلب صغير", ("B", Status.match)),
        ("(A) The dog!", ("A", Status.match)),
        ("C. None of the above", ("C", Status.match)),  # cut off by the limit of new tokens
        ("none of the above choices", ("C", Status.alias)),
        ("كلب صغير", ("B", Status.alias)),
        ("A: كلب صغير", (None, Status.invalid)),  # letter and text disagree
        ("A dog ran by", (None, Status.invalid)),  # an article
        ("A or B", (None, Status.invalid)),
        ("D", (None, Status.invalid)),
        ("dog", (None, Status.invalid)),
        ("", (None, Status.invalid)),
    ],
)
def test_what_a_text_means(text, expected):
    assert parsed(text) == expected


@given(st.text(max_size=40))
def test_no_text_raises(text):
    assert (parsed(text)[0] is None) == (parsed(text)[1] is Status.invalid)


def test_of_two_equal_choices_neither_is_meant_by_its_text():
    twice = ("dog", "Dog.", "cat")
    assert parsed("dog", choices=twice) == (None, Status.invalid)
    assert parsed("cat", choices=twice) == ("C", Status.alias)
    assert parsed("A: dog", choices=twice) == ("A", Status.match)


@pytest.mark.parametrize("answers", [ANSWERS, CLOZE, SEPARATE])
@pytest.mark.parametrize("gold", "ABC")
def test_the_target_text_is_read_as_the_gold_answer(answers, gold):
    prompted = answers.render(example_of(gold))
    generation = Generation("7", Readout.generate, text=prompted.target)
    assert answers.parse(generation, prompted).value == gold


def test_cloze_compares_means_per_token():
    """The longest choice has the lowest sum and is the best all the same."""
    generation = Generation("7", Readout.rank, scores=(-2.0, -6.0, -4.0), lengths=(1, 6, 3))
    assert CLOZE.parse(generation, CLOZE.render(example_of())).value == "B"
    assert CLOZE.reading(Readout.rank) == "rank:tokens"
    assert ANSWERS.reading(Readout.rank) == ""


def test_separate_choices_are_asked_about_one_by_one():
    prompted = SEPARATE.render(example_of("B"), epoch=3)
    assert (SEPARATE.name, SEPARATE.shuffles) == ("separate", False)
    assert [each.input for each in prompted.asked] == [f"x {text} right:" for text in TEXTS]
    assert [each.target for each in prompted.asked] == ["no", "yes", "no"]
    assert {each.question for each in prompted.asked} == {Closed(("yes", "no"))}
    unknown = SEPARATE.render(example_of(None))
    assert [each.target for each in unknown.asked] == ["", "", ""]
    shown = {r.field: prompted.input[r.start : r.end] for r in prompted.regions}
    assert [shown[f"choices[{i}]"] for i in range(3)] == [*TEXTS]


def test_separate_choices_are_compared_by_their_log_odds():
    generation = Generation("7", Readout.slots, scores=(-2.0, -0.5, -4.0))
    prediction = SEPARATE.parse(generation, SEPARATE.render(example_of()))
    assert (prediction.value, prediction.status) == ("B", Status.scored)
    assert SEPARATE.reading(Readout.slots) == "log-odds:yes-no"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rank": {"normalise": "tokens"}}, "log-odds of yes"),
        ({"labels": {"A": {"word": "one"}, "B": {}, "C": {}}}, "words of yes and no"),
        ({"fields": {"context": "c"}, "shortenable": ["choices"]}, "names from `fields`"),
    ],
)
def test_what_separate_choices_cannot_have(changes, message):
    with pytest.raises(ValueError, match=message):
        choice_format("{{ context }} {{ choice }}", form="separate", **changes)


def test_separate_choices_need_the_one_that_is_asked_about():
    with pytest.raises(SpecError, match=r"lacks the field \{\{ choice \}\}"):
        choice_format("{{ context }} right:", form="separate")


@pytest.mark.parametrize("form", ["cloze", "separate"])
def test_only_choices_have_a_form(form):
    """It was silently ignored elsewhere."""
    with pytest.raises(ValueError, match="nothing here, because the answer is label"):
        choice_format("{{ context }}", answer="label", choices_fields=(), form=form)


def test_the_most_frequent_letter_is_the_majority():
    assert ANSWERS.constant(["B", "C", "B"]) == "B"


@pytest.mark.parametrize(
    "input", ["{{ context }}", "{{ choices | join(', ') }}", "{{ choices[0] }}", LETTERS * 2]
)
def test_letters_need_every_choice_bare_and_once(input):
    with pytest.raises((SpecError, DataError), match=r"choices"):
        choice_format(input).render(example_of())


def test_two_letters_with_one_word_are_refused():
    labels = {"A": {"value": 0, "word": "one"}, "B": {"value": 1, "word": "(one)"}, "C": {}}
    with pytest.raises(SpecError, match="same word"):
        choice_format(labels=labels)
