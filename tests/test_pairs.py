"""The grammar of written tags: exactly one marker and one legal tag for each word, in order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from t2t_xfer.architectures.rows import Pairs
from t2t_xfer.engines.written import PairsOf

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
    expected = {pairs.text(each) for each in all_choices if may_be(each, pairs)}
    found = list(texts(pairs))
    assert set(found) == expected
    assert len(found) == len(expected)


@given(MARKERS, st.data())
def test_what_is_written_reads_back(markers: list[tuple[int, ...]], data: st.DataObject) -> None:
    pairs = Pairs(tuple(markers), CODES)
    size = len(markers)
    tags = data.draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    assert pairs.tags(pairs.text(tags)) == tags
    assert pairs.num_tokens == len(pairs.text(tags)) + 1


def test_codes_stand_behind_their_markers() -> None:
    pairs = Pairs(((5,), (6, 7), (), (8,)), CODES)
    assert pairs.text([0, 1, 2, 0]) == (5, 30, 6, 7, 20, 25, 8, 30)
    assert pairs.code_indices == (1, 4, 5, 7)
