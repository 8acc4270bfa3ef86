"""Tagging inputs as prefix, words and suffix, cut where a sentence is too long for one row.

    Tag each word : The dog sleeps . Tags :
    prefix--------- words----------- suffix

Nothing is truncated: a sentence with too many tokens or words becomes several rows, each with the
same prefix and suffix, and each carrying its share of the example's weight.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from t2t_xfer.architectures.base import chunks
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.errors import DataError
from t2t_xfer.records import Prompted


class Chunk(NamedTuple):
    """Some consecutive words of a sentence with the prompt around them."""

    prefix: tuple[int, ...]
    words: tuple[tuple[int, ...], ...]
    """Tokens of each word; the space before a word belongs to it."""
    suffix: tuple[int, ...]
    first: int
    """Index of the first word within the sentence."""
    weight: float
    """Share of the sentence's words."""


def word_chunks(
    codec: Codec, prompted: Prompted, max_tokens: int, tokens_per_word: int, max_words: int
) -> Iterator[Chunk]:
    """The sentence in chunks of at most `max_words` words and `max_tokens` tokens.

    Args:
        tokens_per_word: extra tokens that the architecture spends on every word; a word's own
            tokens are counted once, so a caller that repeats them halves `max_tokens`.

    Raises:
        DataError: one word alone does not fit beside the prompt.
    """
    encoded = codec.encode(prompted)
    spans = [encoded.spans[slot] for slot in prompted.slots]
    prefix = encoded.ids[: spans[0].start]
    suffix = encoded.ids[spans[-1].end :]
    # Tokens between two words (a lone space) go with the word after them.
    starts = [spans[0].start, *(span.end for span in spans[:-1])]
    words = [encoded.ids[s : span.end] for s, span in zip(starts, spans, strict=True)]
    room = max_tokens - len(prefix) - len(suffix)
    sizes = [len(word) + tokens_per_word for word in words]
    widest = max(range(len(sizes)), key=lambda i: sizes[i])
    if sizes[widest] > room:
        raise DataError(
            f"word {widest} of example {prompted.id!r} ({prompted.language}) has"
            f" {len(words[widest])} tokens, which do not fit into the input beside the prompt."
            " Raise `max_input_tokens`."
        )
    for start, end in chunks(sizes, room, max_words):
        share = (end - start) / len(words)
        yield Chunk(prefix, tuple(words[start:end]), suffix, start, share)
