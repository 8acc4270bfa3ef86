"""Tags with a scheme: what is illegal in gold, tag by tag as XTREME reads, and legal sequences."""

from __future__ import annotations

import itertools
import json
import random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from t2t_xfer.answers import AnswerFormat, answer_format
from t2t_xfer.architectures.base import pairs_of
from t2t_xfer.architectures.rows import Row
from t2t_xfer.check.rows import TrainingRows, doubts
from t2t_xfer.data.examples import RowReader
from t2t_xfer.data.places import NumberedRow, find_places
from t2t_xfer.data.sources import MicroworldSource
from t2t_xfer.engines.transformers import best_path, tagged
from t2t_xfer.errors import DataError
from t2t_xfer.metrics.tagging import read_spans
from t2t_xfer.records import Example, Generation, Readout, Slots, Status
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.tag_scheme import bio_follows, made_legal
from t2t_xfer.specs.task import TaskSpec
from t2t_xfer.stages.logs import logged

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
FOLLOWS = ((), (), (1, 2), (), (3, 4))


def spec(**changes: Any) -> TaskSpec:
    return TaskSpec.model_validate(
        {
            "task": "names",
            "answer": "tags",
            "data": {"files": {"train": "none.jsonl"}},
            "languages": ["en"],
            "words_field": "tokens",
            "tags_field": "ner_tags",
            "tags": TAGS,
            "tag_scheme": "bio",
            "tag_reading": "legal",
            "default_tag": "O",
            "prompt": {"input": "names: {{ words }}"},
            "metric": "span_f1",
            **changes,
        }
    )


def names(**changes: Any) -> AnswerFormat:
    return answer_format(spec(**changes), ResolvedPrompt(input="names: {{ words }}"))


FREE = {"tag_scheme": None, "tag_reading": "tag_by_tag"}


def asked(answer: AnswerFormat) -> Slots:
    example = Example("7", "names", "en", "test", {"words": WORDS}, None)
    question = answer.render(example).question
    assert isinstance(question, Slots)
    return question


def is_legal(tags: tuple[str, ...]) -> bool:
    """Written out by hand: every inside tag has the same type's tag before it."""
    return all(
        not tag.startswith("I-") or (i > 0 and tags[i - 1] in (f"B-{tag[2:]}", tag))
        for i, tag in enumerate(tags)
    )


def test_an_inside_tag_follows_its_own_types_tags_alone() -> None:
    assert bio_follows(TAGS) == FOLLOWS
    assert asked(names()).follows == FOLLOWS
    assert asked(names(**FREE)).follows == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tags": ("O", "B-PER", "NOUN")}, "'NOUN' is neither 'O' nor"),
        ({"tags": ("O", "I-PER")}, "'I-PER' has no 'B-PER'"),
        ({"tags": ("O", "B-")}, "'B-' is neither"),
        ({"tags": ("O", "B-a-x", "I-a-x")}, "two hyphens"),
        ({"tag_scheme": "bilou"}, "'bio' or 'iob1'"),
        ({"tag_scheme": None}, "without a `tag_scheme` any tag may follow any"),
        (
            {"answer": "label", "tags": (), "words_field": None, "tags_field": None},
            "because the answer is label",
        ),
        (
            {"answer": "label", "tags": (), "tag_scheme": None},
            "because the answer is label",
        ),
    ],
)
def test_a_scheme_that_does_not_fit_is_refused(changes: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec(**changes)


def test_the_best_legal_sequence_is_not_the_best_tag_of_each_word() -> None:
    # Word by word the best tags are O, I-PER, which is illegal. Legal sequences with two names:
    # B-PER I-PER: -1.5 + -0.2 = -1.7;  O B-PER: -0.3 + -2.0 = -2.3;  O O: -0.3 + -1.9 = -2.2.
    scores = [[-0.3, -1.5, -9.0, -9.0, -9.0], [-1.9, -2.0, -0.2, -9.0, -9.0]]
    assert best_path(scores, FOLLOWS) == [1, 2]


@given(st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_best_path_equals_trying_every_legal_sequence(words: int, rng: random.Random) -> None:
    scores = [[rng.gauss(0, 1) for _ in TAGS] for _ in range(words)]
    totals = {
        path: sum(scores[i][k] for i, k in enumerate(path))
        for path in itertools.product(range(len(TAGS)), repeat=words)
        if is_legal(tuple(TAGS[k] for k in path))
    }
    # Compared by their sums: of two equally good sequences either will do.
    found = tuple(best_path(scores, FOLLOWS))
    assert totals[found] == pytest.approx(max(totals.values()))


@given(st.lists(st.lists(st.integers(0, 3), min_size=5, max_size=5), min_size=1, max_size=9))
def test_without_a_scheme_the_best_path_is_the_best_tag_of_each_word(
    scores: list[list[int]],
) -> None:
    assert best_path(scores, ((),) * 5) == [slot.index(max(slot)) for slot in scores]


@given(st.lists(st.sampled_from(TAGS), max_size=9).map(tuple))
def test_making_tags_legal_changes_no_span_that_xtreme_reads(tags: tuple[str, ...]) -> None:
    legal = made_legal(tags)
    assert is_legal(legal)
    assert read_spans(legal) == read_spans(tags)
    assert made_legal(legal) == legal
    if is_legal(tags):
        assert legal == tags


WORDS = ("Ada", "Lovelace", "sleeps")


@pytest.mark.parametrize(
    ("text", "value", "status"),
    [
        ("0:B-PER 1:I-PER 2:O", ("B-PER", "I-PER", "O"), Status.exact),
        ("0:O 1:I-PER 2:O", ("O", "B-PER", "O"), Status.partial),  # goes on with nothing
        ("0:B-LOC 1:I-PER 2:O", ("B-LOC", "B-PER", "O"), Status.partial),  # of another type
        ("1:I-PER 2:I-PER", ("O", "B-PER", "I-PER"), Status.partial),  # word 0 is filled with O
    ],
)
def test_illegal_text_is_made_legal_and_counted(
    text: str, value: tuple[str, ...], status: Status
) -> None:
    answer = names()
    prompted = answer.render(Example("7", "names", "en", "test", {"words": WORDS}, None))
    found = answer.parse(Generation("7", Readout.generate, text=text), prompted)
    assert (found.value, found.status) == (value, status)
    free = names(**FREE).parse(Generation("7", Readout.generate, text=text), prompted)
    assert free.value is not None
    assert is_legal(tuple(map(str, free.value))) == (free.value == value)


def test_one_log_of_one_pass_is_scored_both_ways() -> None:
    """XTREME takes the best tag of each word; the best legal sequence is another number."""
    scores = [[-0.3, -1.5, -9.0, -9.0, -9.0], [-1.9, -2.0, -0.2, -9.0, -9.0]]
    row = Row("7", (1, 2), (0, 1))
    read = tagged("7", asked(names()), [(row, scores)])
    example = Example("7", "names", "en", "test", {"words": WORDS[:2]}, ("B-PER", "I-PER"))
    line = json.loads(json.dumps(logged(example, read)))
    assert (line["choices"], line["legal"]) == ([0, 2], [1, 2])
    prompted = names().render(example)
    by_tag, legal = (
        names(tag_reading=reading).parse(read, prompted).value
        for reading in ("tag_by_tag", "legal")
    )
    assert by_tag == ("O", "I-PER")
    assert legal == ("B-PER", "I-PER")


def test_a_legal_sequence_is_logged_once() -> None:
    scores = [[-0.3, -1.5, -9.0, -9.0, -9.0], [-0.1, -2.0, -9.0, -9.0, -9.0]]
    read = tagged("7", asked(names()), [(Row("7", (1, 2), (0, 1)), scores)])
    assert (read.choices, read.legal) == ((0, 0), ())


@pytest.mark.parametrize("reading", ["tag_by_tag", "legal"])
def test_only_a_legal_reading_holds_what_is_written(reading: str) -> None:
    question = asked(names(tag_reading=reading))
    codec = SimpleNamespace(codebook=lambda size: tuple(range(3, 3 + size)), special=lambda name: 1)
    pairs = pairs_of(codec, question, [(7,), (8,)])  # type: ignore[arg-type]
    assert pairs.follows == (FOLLOWS if reading == "legal" else ())


def test_the_reading_is_in_the_signature() -> None:
    assert names().reading(Readout.slots) == "bio:best-sequence"
    assert names().reading(Readout.generate) == "bio:legal-tag-by-tag"
    assert names(tag_reading="tag_by_tag").reading(Readout.slots) == "bio:tag-by-tag"
    assert names(**FREE).reading(Readout.slots) == ""


IOB1 = [("I-PER", "I-PER", "O"), ("O", "I-LOC", "I-PER"), ("I-PER", "B-PER", "I-PER")]
AS_BIO = [("B-PER", "I-PER", "O"), ("O", "B-LOC", "B-PER"), ("B-PER", "B-PER", "I-PER")]


def rows_with(gold: list[tuple[str, ...]], **changes: Any) -> list[Example]:
    task = spec(**changes)
    place = find_places(task, MicroworldSource(), "en", "train")
    rows = [
        NumberedRow(i, str(i), {"tokens": WORDS, "ner_tags": each}) for i, each in enumerate(gold)
    ]
    return RowReader(task, "en", "train", place).examples(rows)


@pytest.mark.parametrize("reading", ["tag_by_tag", "legal"])
def test_gold_in_iob1_under_bio_is_refused_with_the_question(reading: str) -> None:
    """It was trained on raw and decoded legal: F1 98 became 31, and the check said 100."""
    with pytest.raises(DataError, match=r"4 of 4 spans begin with an `I-….*IOB1.*another order"):
        rows_with([*IOB1[:2], IOB1[0]], tag_reading=reading)


@pytest.mark.parametrize("reading", ["tag_by_tag", "legal"])
def test_iob1_is_read_as_bio_for_training_and_scoring(reading: str) -> None:
    found = rows_with(IOB1, tag_scheme="iob1", tag_reading=reading)
    assert [example.gold for example in found] == AS_BIO
    assert not any(example.converted for example in found)
    assert names(tag_scheme="iob1").render(found[0]).slot_targets == AS_BIO[0]


def test_class_labels_in_another_order_are_found_where_they_break_the_scheme() -> None:
    """The numbers mean O B-PER I-PER B-LOC I-LOC, the task says the two kinds begin exchanged."""
    numbers: Any = [(1, 2, 0), (0, 3, 4), (1, 2, 2), (0, 0, 1)]
    exchanged = ("O", "B-LOC", "I-PER", "B-PER", "I-LOC")
    assert len(rows_with(numbers)) == 4
    with pytest.raises(DataError, match="in another order than `tags` has them"):
        rows_with(numbers, tags=exchanged)


def test_a_few_illegal_sequences_are_counted_and_made_legal(
    caplog: pytest.LogCaptureFixture,
) -> None:
    right = ("B-PER", "I-PER", "O")
    with caplog.at_level("INFO"):
        found = rows_with([right] * 50 + [IOB1[0]])
    assert [example.id for example in found if example.converted] == ["50"]
    assert found[-1].gold == AS_BIO[0]
    assert "1 of 51 spans begin with an `I-…` that goes on with nothing" in caplog.text
    every = doubts("en", "train", found, ("words",), TrainingRows(""))
    assert next(each.rows for each in every if each.kind == "scheme") == ("50",)


def test_the_majority_tag_may_stand_anywhere() -> None:
    golds = [("B-PER", "I-PER", "I-PER", "I-PER", "O")]
    assert names().constant(golds) == "O"  # a tie with B-PER: the first in the order of the tags
    assert names(**FREE).constant(golds) == "I-PER"
