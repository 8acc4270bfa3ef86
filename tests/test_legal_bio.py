"""`tag_scheme: bio`: predictions are legal; made legal, text has the spans that XTREME reads."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from t2t_xfer.answers import AnswerFormat, answer_format
from t2t_xfer.engines.tagging import best_path
from t2t_xfer.metrics.spans import read_spans
from t2t_xfer.records import Example, Generation, Readout, Status
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.tag_scheme import bio_follows, made_legal
from t2t_xfer.specs.task import TaskSpec

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
            "default_tag": "O",
            "prompt": {"input": "names: {{ words }}"},
            "metric": "span_f1",
            **changes,
        }
    )


def names(**changes: Any) -> AnswerFormat:
    return answer_format(spec(**changes), ResolvedPrompt(input="names: {{ words }}"))


def is_legal(tags: tuple[str, ...]) -> bool:
    """Written out by hand: every inside tag has the same type's tag before it."""
    return all(
        not tag.startswith("I-") or (i > 0 and tags[i - 1] in (f"B-{tag[2:]}", tag))
        for i, tag in enumerate(tags)
    )


def test_an_inside_tag_follows_its_own_types_tags_alone() -> None:
    assert bio_follows(TAGS) == FOLLOWS
    assert names().options.follows == FOLLOWS
    assert names(tag_scheme=None).options.follows == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tags": ("O", "B-PER", "NOUN")}, "'NOUN' is neither 'O' nor"),
        ({"tags": ("O", "I-PER")}, "'I-PER' has no 'B-PER'"),
        ({"tags": ("O", "B-")}, "'B-' is neither"),
        ({"tags": ("O", "B-a-x", "I-a-x")}, "two hyphens"),
        ({"tag_scheme": "bilou"}, "'bio'"),
        (
            {"answer": "label", "tags": (), "words_field": None, "tags_field": None},
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
    free = names(tag_scheme=None).parse(Generation("7", Readout.generate, text=text), prompted)
    assert free.value is not None
    assert is_legal(tuple(map(str, free.value))) == (free.value == value)


def test_the_reading_is_in_the_signature() -> None:
    assert names().reading(Readout.slots) == "bio:best-sequence"
    assert names().reading(Readout.generate) == "bio:tag-by-tag"
    assert names(tag_scheme=None).reading(Readout.slots) == ""


def test_the_majority_tag_may_stand_anywhere() -> None:
    golds = [("B-PER", "I-PER", "I-PER", "I-PER", "O")]
    assert names().constant(golds) == "O"  # a tie with B-PER: the first in the order of the tags
    assert names(tag_scheme=None).constant(golds) == "I-PER"
