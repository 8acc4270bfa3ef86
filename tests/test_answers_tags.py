"""Tag answers: always one tag for each word, whatever a model says."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from t2t_xfer.answers import answer_format
from t2t_xfer.errors import SpecError
from t2t_xfer.records import Example, Generation, Readout, Slots, Status
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.task import TaskSpec

TAGS = ("ADJ", "DET", "NOUN", "VERB", "X")


def task_spec(**changes):
    spec = {
        "task": "pos",
        "answer": "tags",
        "data": {"files": {"train": "train.jsonl", "test": "{language}.jsonl"}},
        "languages": ("en", "de"),
        "words_field": "tokens",
        "tags_field": "pos_tags",
        "tags": TAGS,
        "default_tag": "X",
        "prompt": {"input": "Tag: {{ words }}"},
        "metric": "span_f1",
    }
    return TaskSpec.model_validate(spec | changes)


def tags_format(source="Tag: {{ words }}", **changes):
    return answer_format(task_spec(**changes), ResolvedPrompt(input=source))


def example_of(words, gold):
    return Example("7", "pos", "en", "test", {"words": words}, gold)


POS = tags_format()
THREE = POS.render(example_of(("the", "New York", "sleeps"), ("DET", "NOUN", "VERB")))


def parsed(text, answers=POS, prompted=THREE):
    prediction = answers.parse(Generation("7", Readout.generate, text=text), prompted)
    return prediction.value, prediction.status


def test_options_are_coded():
    assert POS.options == TAGS


def test_every_word_is_a_slot_even_with_a_space_inside():
    assert THREE.input == "Tag: the New York sleeps"
    assert THREE.question == Slots(("words[0]", "words[1]", "words[2]"), TAGS)
    assert THREE.slot_targets == ("DET", "NOUN", "VERB")
    assert THREE.target == "0:DET 1:NOUN 2:VERB"
    spans = {r.field: THREE.input[r.start : r.end] for r in THREE.regions}
    assert [spans[f"words[{i}]"] for i in range(3)] == ["the", "New York", "sleeps"]


def test_without_gold_tags_the_slots_stay():
    prompted = POS.render(example_of(("a", "b"), None))
    assert (prompted.target, prompted.slot_targets) == ("", ())
    assert prompted.question == Slots(("words[0]", "words[1]"), TAGS)


@pytest.mark.parametrize(
    ("text", "value", "status"),
    [
        ("0:DET 1:NOUN 2:VERB", ("DET", "NOUN", "VERB"), Status.exact),
        ("2:VERB 0:DET 1:NOUN", ("DET", "NOUN", "VERB"), Status.exact),  # order is no matter
        ("0: det, 1 : noun; 2:Verb", ("DET", "NOUN", "VERB"), Status.exact),
        ("0:DET 1:NOUN 2:VERB 3:X 99:X", ("DET", "NOUN", "VERB"), Status.exact),
        ("0:DET 2:VERB", ("DET", "X", "VERB"), Status.partial),  # missing: nothing slips
        ("0:DET 1: 2:VERB", ("DET", "X", "VERB"), Status.partial),
        ("0:DET 1:THING 2:VERB", ("DET", "X", "VERB"), Status.partial),  # no such tag
        ("0:DET 1:NOUN 1:VERB 2:VERB", ("DET", "X", "VERB"), Status.partial),  # said twice
        ("1:DET 2:NOUN 3:VERB", ("X", "DET", "NOUN"), Status.partial),
        ("", None, Status.invalid),
        ("DET NOUN VERB", None, Status.invalid),  # a bare list could have slipped
        ("0:A 1:B 2:C", None, Status.invalid),
        ("7:DET 8:NOUN", None, Status.invalid),
    ],
)
def test_reads_text_by_position(text, value, status):
    assert parsed(text) == (value, status)


def test_without_a_default_tag_an_open_slot_makes_the_answer_invalid():
    answers = tags_format(default_tag=None)
    assert parsed("0:DET 2:VERB", answers) == (None, Status.invalid)
    assert parsed("0:DET 1:NOUN 2:VERB", answers)[1] is Status.exact


def test_tags_that_differ_by_case_alone_are_read_letter_for_letter():
    answers = tags_format(tags=("N", "n", "X"))
    assert parsed("0:n 1:N 2:x", answers) == (("n", "N", "X"), Status.exact)


def test_a_tag_may_be_a_punctuation_mark():
    answers = tags_format(tags=(",", ":", "-LRB-", "X"))
    assert parsed("0:, 1:: 2:-LRB-", answers) == ((",", ":", "-LRB-"), Status.exact)


def test_choices_are_read_slot_by_slot():
    prediction = POS.parse(Generation("7", Readout.slots, choices=(1, 2, 3)), THREE)
    assert prediction.value == ("DET", "NOUN", "VERB")
    assert prediction.status is Status.scored


@pytest.mark.parametrize("choices", [(), (1, 2), (1, 2, 3, 4), (0, 0, 5), (0, 0, -1)])
def test_choices_that_do_not_fit_are_a_bug(choices):
    with pytest.raises(ValueError, match="choices"):
        POS.parse(Generation("7", Readout.slots, choices=choices), THREE)


@pytest.mark.parametrize("readout", [Readout.rank, Readout.generate])
def test_a_readout_without_tags_is_a_bug(readout):
    with pytest.raises(ValueError, match="tags cannot be read"):
        POS.parse(Generation("7", readout, scores=(1.0,) * 5), THREE)


@given(st.lists(st.tuples(st.text(min_size=1), st.sampled_from(TAGS)), min_size=1, max_size=9))
def test_parsing_the_target_gives_the_gold_answer_back(pairs):
    words, tags = map(tuple, zip(*pairs, strict=True))
    if any("\U000f0000" in word for word in words):
        return  # refused by the renderer
    prompted = POS.render(example_of(words, tags))
    assert parsed(prompted.target, prompted=prompted) == (tags, Status.exact)
    assert [r.field for r in prompted.regions if "[" in r.field] == list(prompted.question.places)


PIECES = ["0:DET", "1:NOUN", "2:VERB", "3:", ":", "2", "DET", "٣:X", "\n", "00001:X"]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map(" ".join))
@example("9" * 5000 + ":DET")  # int() refuses so many digits
def test_any_text_gives_as_many_tags_as_words_or_none(text):
    value, status = parsed(text)
    assert (value is None) == (status is Status.invalid)
    if value is not None:
        assert len(value) == 3
        assert set(value) <= set(TAGS)


@pytest.mark.parametrize(
    "source",
    ["{{ words | join(' ') }}", "Tag: {% for w in words %}{{ w ~ ' ' }}{% endfor %}."],
)
def test_a_prompt_that_loses_the_words_is_refused(source):
    with pytest.raises(SpecError, match=r"loses the place of words\[0\].*{{ words }} bare"):
        tags_format(source).render(example_of(("a", "b"), ("DET", "NOUN")))


def test_a_prompt_that_shows_the_words_twice_is_refused():
    with pytest.raises(SpecError, match=r"words\[0\] 2 times"):
        tags_format("{{ words }} {{ words }}").render(example_of(("a",), ("DET",)))


def test_a_loop_over_bare_words_keeps_the_slots():
    answers = tags_format("{% for w in words %}<{{ w }}>{% endfor %}")
    prompted = answers.render(example_of(("a", "b c"), ("DET", "NOUN")))
    assert prompted.input == "<a><b c>"
    assert [prompted.input[r.start : r.end] for r in prompted.regions] == ["a", "b c"]


@pytest.mark.parametrize(
    ("source", "changes", "message"),
    [
        ("Tag: {{ wordz }}", {}, "lacks the field {{ words }}.*Did you mean 'wordz'"),
        ("Tag: {{ words }}", {"shortenable": ("words",)}, "may not be shortened"),
        ("Tag: {{ words }}", {"tags": ("DET", "a b", "X")}, "'a b' holds white space"),
    ],
)
def test_tasks_that_cannot_work_are_refused(source, changes, message):
    with pytest.raises(SpecError, match=message):
        tags_format(source, **changes)


def test_constant_is_the_most_frequent_tag_over_all_words():
    golds = [("DET", "NOUN"), ("VERB",), ("NOUN", "VERB")]
    assert POS.constant(golds) == "NOUN"  # a tie with VERB: the first in the order of the tags


def test_gold_tags_that_do_not_fit_are_a_bug():
    with pytest.raises(ValueError, match="1 tags for 2 words"):
        POS.render(example_of(("a", "b"), ("DET",)))
    with pytest.raises(ValueError, match="not made of the tags"):
        POS.render(example_of(("a",), ("THING",)))
