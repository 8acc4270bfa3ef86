"""Tagging inputs as prefix, words and suffix, cut where a sentence is too long for one row.

    Tag each word : The dog sleeps . Tags :
    prefix--------- words----------- suffix

A sentence with too many tokens or words becomes several rows, its *pieces*, each with the same
prefix and suffix. There are as few pieces as can be, as even as can be, so that no word is left
alone without its neighbours. Each carries its share of the example's weight.

Every word keeps its place. One that is longer than a whole row keeps the tokens it begins with,
and what was taken away is counted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from t2t_xfer.architectures.codec import Codec
from t2t_xfer.errors import DataError
from t2t_xfer.records import Prompted


class Room(NamedTuple):
    """What fits into a row, and what a word takes of it."""

    max_tokens: int
    """Tokens of a row, the prompt's included."""
    max_words: int = 10**9
    copies: int = 1
    """How often a word's own tokens stand in the row."""
    beside: int = 0
    """Tokens that each word takes beside its own (a sentinel, a code)."""

    def size(self, length: int) -> int:
        """Tokens of the row that a word of `length` tokens takes."""
        return self.copies * length + self.beside

    def longest(self, tokens: int) -> int:
        """Length of the longest word that fits into `tokens` of the row."""
        return (tokens - self.beside) // self.copies


class Chunk(NamedTuple):
    """Some consecutive words of a sentence with the prompt around them."""

    prefix: tuple[int, ...]
    words: tuple[tuple[int, ...], ...]
    """Tokens of each word; the space before a word belongs to it."""
    own: tuple[int, ...]
    """Index of each word's first token that holds some of the word itself. Before a script that
    writes no spaces, a tokenizer often makes a token of the space alone."""
    suffix: tuple[int, ...]
    first: int
    """Index of the first word within the sentence."""
    weight: float
    """Share of the sentence's words."""
    removed: int = 0
    """Tokens taken from words that are longer than a row."""


def word_chunks(codec: Codec, prompted: Prompted, room: Room) -> list[Chunk]:
    """The sentence in as few chunks as the room allows, in order, every word in one of them.

    Raises:
        DataError: the prompt alone fills the row.
    """
    encoded = codec.encode(prompted)
    spans = [encoded.spans[slot] for slot in prompted.slots]
    prefix = encoded.ids[: spans[0].start]
    suffix = encoded.ids[spans[-1].end :]
    # Tokens between two words (a lone space) go with the word after them.
    starts = [spans[0].start, *(span.end for span in spans[:-1])]
    words = [encoded.ids[s : span.end] for s, span in zip(starts, spans, strict=True)]
    own = [span.start - s for s, span in zip(starts, spans, strict=True)]
    left = room.max_tokens - len(prefix) - len(suffix)
    longest = room.longest(left)
    if longest < 1:
        raise DataError(
            f"example {prompted.id!r} ({prompted.language}): the prompt around the words has"
            f" {len(prefix) + len(suffix)} tokens, which leaves no room for a single word. Raise"
            " `max_input_tokens`, or shorten the prompt."
        )
    kept = [word[:longest] for word in words]
    sizes = [room.size(len(word)) for word in kept]
    return [
        Chunk(
            prefix,
            tuple(kept[start:end]),
            tuple(min(own[i], len(kept[i]) - 1) for i in range(start, end)),
            suffix,
            start,
            (end - start) / len(words),
            sum(map(len, words[start:end])) - sum(map(len, kept[start:end])),
        )
        for start, end in even_ranges(sizes, left, room.max_words)
    ]


def even_ranges(sizes: Sequence[int], max_tokens: int, max_words: int) -> list[tuple[int, int]]:
    """Word ranges `[start, end)`: the fewest within both limits, the largest as small as can be.

    >>> even_ranges([2, 2, 2, 2, 2], 8, 9)
    [(0, 3), (3, 5)]
    """
    fewest = len(_filled(sizes, max_tokens, max_words))
    if fewest == 1:
        return [(0, len(sizes))]
    limits = range(max(sizes), max_tokens + 1)
    enough = bisect_left(
        limits, True, key=lambda tokens: len(_filled(sizes, tokens, max_words)) <= fewest
    )
    return _filled(sizes, limits[enough], max_words)


def _filled(sizes: Sequence[int], max_tokens: int, max_words: int) -> list[tuple[int, int]]:
    """Ranges filled one after the other. No size is above `max_tokens`."""
    ranges: list[tuple[int, int]] = []
    start = used = 0
    for i, size in enumerate(sizes):
        if i > start and (used + size > max_tokens or i - start == max_words):
            ranges.append((start, i))
            start, used = i, 0
        used += size
    ranges.append((start, len(sizes)))
    return ranges
