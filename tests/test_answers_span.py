"""Spans: the gold answer stands where the region says, and any way of writing it is found there."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_xfer.answers import answer_format
from t2t_xfer.answers.span import find
from t2t_xfer.errors import SpecError, UnsupportedError
from t2t_xfer.records import (
    Answer,
    Copied,
    Example,
    Generation,
    Prediction,
    Prompted,
    Readout,
    Status,
)
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.task import TaskSpec

INPUT = "question: {{ question }}\ncontext: {{ context }}\nanswer:"
WORDS = (
    "the",
    "Ada",
    "1858",
    "10,000",
    "كتاب",
    "الكتابُ",
    "猫",
    "好き",
    "नमस्ते",
    "été",
    "e\u0301te\u0301",
)
WORDS += ("(Kiev)", "«Kiev»", "İzmir", "ﬁn", "x\u200cy", "don't", "…", "ก็", "\u202bعربي\u202c")


def task(**changes: object) -> TaskSpec:
    spec = {
        "task": "qa",
        "answer": "span",
        "data": {"files": {"train": "none.jsonl"}},
        "languages": ["en"],
        "fields": {"question": "q", "context": "c"},
        "context_field": "c",
        "answers_field": "a",
        "prompt": {"input": INPUT},
        "metric": "squad",
    }
    return TaskSpec.model_validate({**spec, **changes})


def spans(input: str = INPUT, **changes: object):  # type: ignore[no-untyped-def]
    prompt = ResolvedPrompt(input=input, words={}, synonyms={}, languages={})
    return answer_format(task(**changes), prompt)


def example(context: str, *answers: Answer, question: str = "who?") -> Example:
    fields = {"question": question, "context": context}
    return Example("1", "qa", "en", "train", fields, answers or None)


def written(text: str, context: str) -> Prediction:
    prompted: Prompted = spans().render(example(context))
    return spans().parse(Generation("1", Readout.generate, text=text), prompted)


def test_the_first_answer_is_the_target_and_has_a_place() -> None:
    gold = (Answer("Ada", 8), Answer("was Ada", 4))
    prompted = spans().render(example("it, was Ada.", *gold))
    assert prompted.target == "Ada"
    assert prompted.question == Copied("context")
    assert prompted.answer is not None
    assert prompted.input[prompted.answer.start : prompted.answer.end] == "Ada"
    assert prompted.input[: prompted.answer.start].endswith("it, was ")


def test_white_space_goes_from_the_answers_ends_and_from_the_question_not_the_context() -> None:
    prompted = spans().render(example("  in  1858 ", Answer(" 1858 ", 5), question=" \n who?  "))
    assert prompted.target == "1858"
    assert prompted.input == "question: who?\ncontext:   in  1858 \nanswer:"


@pytest.mark.parametrize(
    ("input", "message"),
    [
        ("q: {{ question }}", "lacks the field"),
        ("q: {{ question }} {{ context | upper }}", "loses the place of context"),
        ("{{ context }} {{ context }}", "2 times"),
    ],
)
def test_the_context_must_stand_bare_and_once(input: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        spans(input).render(example("x"))


def test_the_context_may_not_be_shortened() -> None:
    with pytest.raises(SpecError, match="windows"):
        spans(shortenable=["context"])


def test_a_context_column_without_a_field_is_named() -> None:
    with pytest.raises(SpecError, match=r"column 'passage'.*context: passage"):
        spans(context_field="passage")


def test_there_is_no_majority() -> None:
    with pytest.raises(UnsupportedError, match="majority"):
        spans().constant([(Answer("x", 0),)])


def test_a_place_is_the_text_that_stands_there() -> None:
    prompted = spans().render(example("It was Ada Lovelace."))
    start = prompted.input.index("Ada")
    generation = Generation("1", Readout.slots, text="?", place=(start - 1, start + 12))
    assert spans().parse(generation, prompted) == Prediction("1", "Ada Lovelace", Status.exact)


@pytest.mark.parametrize(
    ("text", "context", "value", "status"),
    [
        ("Ada Lovelace", "It was Ada Lovelace.", "Ada Lovelace", "exact"),
        (" ada  LOVELACE!\n", "It was Ada Lovelace.", "Ada Lovelace", "exact"),
        ("Ada\n\nquestion: who?", "It was Ada Lovelace.", "Ada", "exact"),
        ("Augusta Ada", "It was Augusta\nAda.", "Augusta\nAda", "exact"),
        ("10000", "It cost 10,000 lire.", "10,000", "fuzzy"),
        # Whole words before parts of others.
        ("TEN", "often ten", "ten", "exact"),
        ("e\u0301te\u0301", "un été chaud", "été", "exact"),
        ("été", "un e\u0301te\u0301 chaud", "e\u0301te\u0301", "exact"),
        ("ＡＤＡ", "It was Ada.", "Ada", "exact"),
        ("izmir", "in İzmir'de", "İzmir", "exact"),
        ("北京", "他在北京大学", "北京", "exact"),
        ("الكتاب", "هذا الكتاب.", "الكتاب", "exact"),
        ("Saint Bernadete Soubirous", "to Saint Bernadette Soubirous in", None, "fuzzy"),
        ("Bernadeta Soubirous", "Bernadette Soubirous, Bernadette Soubirous.", None, "fuzzy"),
        # Another number is another number.
        ("10 000 001 people", "10 000 000 people", "10 000 001 people", "unplaced"),
        # Two names are as near.
        (
            "Johanssen Street",
            "Johansson Street or Johanssan Street",
            "Johanssen Street",
            "unplaced",
        ),
        ("cet", "cat", "cet", "unplaced"),
        ("Paris, of course", "It was Ada.", "Paris, of course", "unplaced"),
        ("%", "It was Ada.", "%", "unplaced"),
        ("%", "5 % of Ada", "%", "exact"),
    ],
)
def test_written_texts(text: str, context: str, value: str | None, status: str) -> None:
    found = written(text, context)
    assert found.status == status
    if value is not None:
        assert found.value == value
    else:
        assert str(found.value) in context
        assert str(found.value).endswith("Soubirous")
        assert str(found.value).partition(" ")[0] in ("Saint", "Bernadette")


@pytest.mark.parametrize("text", ["", "  \n\t"])
def test_nothing_written_is_invalid(text: str) -> None:
    assert written(text, "It was Ada.") == Prediction("1", None, Status.invalid)


OR_NONE = {"unanswerable": "unanswerable", "metric": "squad_v2"}


def question(gold: tuple[Answer, ...] | None) -> Example:
    fields = {"question": "who?", "context": "It was Ada, not answering anyone."}
    return Example("1", "qa", "en", "train", fields, gold)


def test_no_answer_has_a_target_but_no_place() -> None:
    prompted = spans(**OR_NONE).render(question(()))
    assert (prompted.target, prompted.answer) == ("unanswerable", None)
    assert prompted.question == Copied("context", "unanswerable")
    unknown = spans(**OR_NONE).render(question(None))
    assert (unknown.target, unknown.question) == ("", prompted.question)
    found = spans(**OR_NONE).render(question((Answer("Ada", 7),)))
    assert (found.target, found.question) == ("Ada", prompted.question)


def test_tasks_without_a_word_for_it_have_no_such_questions() -> None:
    assert spans().render(question((Answer("Ada", 7),))).question == Copied("context")
    with pytest.raises(ValueError, match="no accepted answer"):
        spans().render(question(()))


@pytest.mark.parametrize("text", ["unanswerable", "Unanswerable.", " **unanswerable**\nBecause"])
def test_the_word_is_read_back_as_no_answer(text: str) -> None:
    generation = Generation("1", Readout.generate, text=text)
    prompted = spans(**OR_NONE).render(question(()))
    assert spans(**OR_NONE).parse(generation, prompted) == Prediction("1", "", Status.exact)
    # Where every question has an answer, it is a text like any other, and stands nowhere.
    plain = spans().parse(generation, spans().render(question(None)))
    assert plain.status is Status.unplaced
    assert plain.value


@pytest.mark.parametrize("text", ["unanswerable to", "answerable", "not unanswerable"])
def test_more_than_the_word_is_an_answer(text: str) -> None:
    generation = Generation("1", Readout.generate, text=text)
    assert spans(**OR_NONE).parse(generation, spans(**OR_NONE).render(question(()))).value


@pytest.mark.parametrize("place", [(0, 0), None])
def test_the_evidence_is_how_much_more_probable_the_span_is_than_none(
    place: tuple[int, int] | None,
) -> None:
    prompted = spans(**OR_NONE).render(question(()))
    at = prompted.input.index("Ada")
    place = place and (at, at + 3)
    generation = Generation("1", Readout.generate, text="Ada", place=place, scores=(-3.0, -1.0))
    found = spans(**OR_NONE).parse(generation, prompted)
    # However improbable the span: the threshold decides, not the parser.
    assert found == Prediction("1", "Ada", Status.exact, evidence=2.0)
    without = Generation("1", Readout.generate, text="Ada", place=place)
    assert spans(**OR_NONE).parse(without, prompted).evidence is None


def test_nothing_at_all_is_invalid_and_not_no_answer() -> None:
    prompted = spans(**OR_NONE).render(question(()))
    nothing = Generation("1", Readout.generate, text=" ", scores=(-3.0, -1.0))
    assert spans(**OR_NONE).parse(nothing, prompted).status is Status.invalid
    blank = Generation("1", Readout.slots, text="", place=(3, 3), scores=(-3.0, -1.0))
    assert spans(**OR_NONE).parse(blank, prompted).value is None


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8), st.data())
def test_the_gold_answer_comes_back_from_its_text_and_from_its_place(
    words: list[str], data: st.DataObject
) -> None:
    joined = data.draw(st.sampled_from([" ", "", "\n", " – "]))
    context = joined.join(words)
    start = data.draw(st.integers(0, len(context) - 1))
    text = context[start : data.draw(st.integers(start + 1, len(context)))]
    if not text.strip():
        return
    prompted = spans().render(example(context, Answer(text, start)))
    answer = prompted.answer
    assert answer is not None
    assert prompted.input[answer.start : answer.end] == prompted.target == text.strip()
    oracle = Generation("1", Readout.generate, text=prompted.target)
    assert spans().parse(oracle, prompted) == Prediction("1", prompted.target, Status.exact)
    pointed = Generation("1", Readout.slots, place=(answer.start, answer.end))
    assert spans().parse(pointed, prompted).value == prompted.target


@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=8),
    st.sampled_from([str.upper, str.lower, str.title, lambda t: f"“{t}”.", lambda t: f"  {t}"]),
    st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]),
    st.data(),
)
def test_case_forms_and_punctuation_do_not_hide_a_word(words, change, form, data) -> None:  # type: ignore[no-untyped-def]
    context = " ".join(words)
    word = data.draw(st.sampled_from(words))
    if not any(c.isalnum() for c in word):
        return
    found = find(unicodedata.normalize(form, change(word)), context)
    assert found is not None
    assert found.exact
    assert context[found.start : found.end]


@given(st.text(max_size=60), st.text(min_size=1, max_size=200))
def test_no_text_raises_and_only_an_empty_one_is_invalid(text: str, context: str) -> None:
    prediction = written(text, context)
    assert (prediction.status is Status.invalid) == (not text.strip())
    assert (prediction.value is None) == (prediction.status is Status.invalid)
