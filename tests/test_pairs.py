"""The grammar of written tags: exactly one marker and one legal tag for each word, in order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_xfer.architectures.rows import Pairs
from t2t_xfer.engines.pairs import PairsOf, read_pairs

END = 1
CODES = (30, 20, 25)
# Tag 2 follows tags 1 and 2 alone, as I-X follows B-X and I-X.
FOLLOWS = ((), (), (1, 2))
MARKERS = st.lists(st.lists(st.integers(5, 9), max_size=3).map(tuple), min_size=1, max_size=3)


def texts(pairs: Pairs) -> Iterator[tuple[int, ...]]:
    """Every text that the grammar lets through."""
    unfinished: list[tuple[int, ...]] = [()]
    while unfinished:
        text = unfinished.pop()
        grammar = PairsOf(pairs, END)
        for token in text:
            grammar.advance(token)
        for token in grammar.allowed():
            if token == END:
                yield text
            else:
                unfinished.append((*text, token))


def may_be(choices: tuple[int, ...], pairs: Pairs) -> bool:
    before = (pairs.previous, *choices)
    return not pairs.follows or all(
        not pairs.follows[tag] or before[i] in pairs.follows[tag] for i, tag in enumerate(choices)
    )


@given(MARKERS, st.sampled_from([(), FOLLOWS]), st.sampled_from([None, 0, 1, 2]))
def test_the_grammar_is_every_sequence_of_legal_tags_and_nothing_else(
    markers: list[tuple[int, ...]], follows: tuple[tuple[int, ...], ...], previous: int | None
) -> None:
    pairs = Pairs(tuple(markers), CODES, follows, previous)
    all_choices = itertools.product(range(3), repeat=len(markers))
    expected = {pairs.written(each) for each in all_choices if may_be(each, pairs)}
    found = list(texts(pairs))
    assert set(found) == expected
    assert len(found) == len(expected)


@given(MARKERS, st.data())
def test_what_is_written_reads_back(markers: list[tuple[int, ...]], data: st.DataObject) -> None:
    pairs = Pairs(tuple(markers), CODES)
    size = len(markers)
    choices = data.draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    assert read_pairs(pairs, pairs.written(choices)) == choices
    assert pairs.num_tokens == len(pairs.written(choices)) + 1


@pytest.mark.parametrize(
    ("tokens", "found"),
    [
        ((5, 30, 6, 7, 20, 5, 25), [0, 1, 2]),
        ((5, 30, 6, 7, 20, 5, 25, 30, 30), [0, 1, 2]),  # what follows is nobody's
        ((5, 30, 6, 7, 20), [0, 1, None]),  # ends early
        ((5, 30, 6, 7), [0, None, None]),
        ((5, 30, 5, 25), [0, None, None]),  # word 1 is skipped: `5` could be word 0 or word 2
        ((5, 99, 6, 7, 20), [None, None, None]),  # no such tag
        ((), [None, None, None]),
    ],
)
def test_free_text_is_read_up_to_the_first_token_out_of_place(
    tokens: tuple[int, ...], found: list[int | None]
) -> None:
    assert read_pairs(Pairs(((5,), (6, 7), (5,)), CODES), tokens) == found
