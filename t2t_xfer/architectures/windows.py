"""Inputs too long for one row: overlapping windows over a copied field, pieces of a sentence.

    question : who ? context : It was Ada Lovelace who wrote … answer :
    before-------------------- tokens------------------------ after----

Every window keeps the whole prompt around the field and holds the next part of it. Training uses
the windows with the whole answer, which is ours (jiant trains the others to point at `<s>`);
reading uses all of them, and the best answer wins. So nothing of the field is ever cut off.

Where a field may hold no answer at all (SQuAD 2.0), a window without one is trained to say so, as
in BERT's `run_squad.py` and jiant, even if another window holds it: reading asks every window.
Windows that hold a part of the answer are left out, which is ours, since neither answer would be
true of them (docs/decisions/008).

    Tag each word : The dog sleeps . Tags :
    prefix--------- words----------- suffix

A sentence with too many tokens or words becomes several rows, its *pieces*, each with the same
prefix and suffix. There are as few pieces as can be, as even as can be, so that no word is left
alone without its neighbours. Each carries its share of the example's weight. Every word keeps its
place: one that is longer than a whole row keeps the tokens it begins with, and what was taken away
is counted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from t2t_xfer.architectures.codec import ANSWER, Codec, Encoded, TokenSpan
from t2t_xfer.architectures.rows import Row
from t2t_xfer.errors import DataError
from t2t_xfer.records import Closed, Cloze, Copied, Prompted, Region, Slots

STRIDE = 128
"""Tokens from one window's start to the next, as in XTREME's QA scripts; at most half a window."""
MIN_ROOM = 30
"""A window holds at least the longest answer that XTREME's scripts read. Shortenable fields give
up tokens where the rest of the prompt leaves less."""


class Window(NamedTuple):
    """Part of the copied field with the prompt around it, without special tokens."""

    before: tuple[int, ...]
    tokens: tuple[int, ...]
    after: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    """Characters of the input text that each of `tokens` covers."""
    answer: TokenSpan | None
    """The gold answer within `tokens`, if it is known and wholly there."""
    removed: int
    """Tokens of other fields that shortening took away."""

    @property
    def ids(self) -> tuple[int, ...]:
        """All tokens of the input."""
        return self.before + self.tokens + self.after

    @property
    def answer_tokens(self) -> tuple[int, ...]:
        """The tokens of the answer as the field has them; empty where it is not."""
        return () if self.answer is None else self.tokens[self.answer.start : self.answer.end]

    def keys(self, ahead: int) -> TokenSpan:
        """Where `tokens` are in a row with `ahead` tokens before the input."""
        start = ahead + len(self.before)
        return TokenSpan(start, start + len(self.tokens))


def windows(codec: Codec, prompted: Prompted, question: Copied, max_tokens: int) -> list[Window]:
    """The windows that together hold every token of the copied field, from left to right.

    Raises:
        DataError: the prompt around the field leaves no room for it, or the field is empty.
    """
    return _windows(prompted, question, *_fitted(codec, prompted, question, max_tokens))


def answer_windows(
    codec: Codec,
    prompted: Prompted,
    question: Copied,
    max_tokens: int,
    answer_room: int | None = None,
) -> list[Window]:
    """The windows that hold the whole answer. A long one between two windows gets one of its own.

    Args:
        answer_room: tokens that follow the input for free; a longer answer makes windows shorter.

    Raises:
        DataError: as `windows`; the answer alone is longer than a window.
    """
    encoded, room = _fitted(codec, prompted, question, max_tokens)
    answer = encoded.spans[ANSWER]
    length = answer.end - answer.start
    if answer_room is not None:
        room -= max(0, length - answer_room)
    found = [w for w in _windows(prompted, question, encoded, room) if w.answer is not None]
    if not found:
        start = answer.start - encoded.spans[question.field].start
        found = [w for w in [_window(encoded, question, start, room)] if w.answer is not None]
    if not found:
        raise DataError(
            f"example {prompted.id!r} ({prompted.language}): the answer has {length} tokens, but a"
            f" window of its {question.field} holds {room}. Raise `max_input_tokens`."
        )
    return found


def training_windows(
    codec: Codec,
    prompted: Prompted,
    question: Copied,
    max_tokens: int,
    answer_room: int | None = None,
) -> list[Window]:
    """The windows to train on. The target of one without `answer` is that there is none.

    Args:
        answer_room: as in `answer_windows`.

    Raises:
        DataError: as `answer_windows`.
    """
    if not question.unanswerable:
        return answer_windows(codec, prompted, question, max_tokens, answer_room)
    assert prompted.target, f"{prompted.id}: whether there is an answer is not known"
    found = windows(codec, prompted, question, max_tokens)
    if prompted.answer is None:
        return found
    answered = answer_windows(codec, prompted, question, max_tokens, answer_room)
    return answered + [window for window in found if not _touches(window, prompted.answer)]


def target_tokens(codec: Codec, question: Copied, window: Window) -> tuple[int, ...]:
    """What is written after a window in training: the answer as the field has it, or that there is
    none."""
    return codec.target(question.unanswerable) if window.answer is None else window.answer_tokens


def _touches(window: Window, answer: Region) -> bool:
    """Whether a part of the answer stands in the window."""
    return any(start < answer.end and answer.start < end for start, end in window.offsets)


def generation_rows(
    codec: Codec, prompted: Prompted, question: Closed | Cloze | Copied, max_tokens: int
) -> list[Row]:
    """Rows that end where the answer begins, without suffix: one, or one for each window."""
    if not isinstance(question, Copied):
        encoded = codec.encode(prompted, max_tokens)
        return [
            Row(
                prompted.id,
                codec.prefix + encoded.ids,
                (),
                removed_tokens=encoded.removed,
                targets=tuple(codec.target(text) for text in question.options),
            )
        ]
    null = codec.target(question.unanswerable) if question.unanswerable else ()
    return [
        Row(
            prompted.id,
            codec.prefix + window.ids,
            (),
            removed_tokens=window.removed,
            keys=window.keys(len(codec.prefix)),
            key_offsets=window.offsets,
            null_target=null,
        )
        for window in windows(codec, prompted, question, max_tokens)
    ]


def piece(
    prompted: Prompted, question: Copied, offsets: tuple[tuple[int, int], ...]
) -> tuple[int, int]:
    """Characters of the input that consecutive tokens of the copied field cover.

    Cut at the field's borders, which a token may cross, and without white space at the ends.
    """
    field = next(r for r in prompted.regions if r.field == question.field)
    start = max(field.start, min(start for start, _ in offsets))
    end = max(start, min(field.end, max(end for _, end in offsets)))
    text = prompted.input[start:end]
    start += len(text) - len(text.lstrip())
    return start, start + len(text.strip())


def _size(encoded: Encoded, question: Copied) -> int:
    span = encoded.spans[question.field]
    return span.end - span.start


def _windows(prompted: Prompted, question: Copied, encoded: Encoded, room: int) -> list[Window]:
    size = _size(encoded, question)
    if size == 0:
        raise DataError(f"example {prompted.id!r} ({prompted.language}): no {question.field}.")
    step = max(1, min(STRIDE, room // 2))
    starts = range(0, max(0, size - room) + step, step)
    return [_window(encoded, question, start, room) for start in starts]


def _fitted(
    codec: Codec, prompted: Prompted, question: Copied, max_tokens: int
) -> tuple[Encoded, int]:
    """The whole input, its other fields shortened if need be, and the tokens a window may hold."""
    encoded = codec.encode(prompted)
    size = _size(encoded, question)
    least = min(MIN_ROOM, size)
    if len(encoded.ids) - size > max_tokens - least:
        encoded = codec.encode(prompted, max_tokens - least + size)
    return encoded, max_tokens - (len(encoded.ids) - size)


def _window(encoded: Encoded, question: Copied, start: int, room: int) -> Window:
    """The window at `start`, or the last full one."""
    field = encoded.spans[question.field]
    first = field.start + min(start, max(0, field.end - field.start - room))
    last = min(first + room, field.end)
    answer = encoded.spans.get(ANSWER)
    if answer is not None and first <= answer.start < answer.end <= last:
        answer = TokenSpan(answer.start - first, answer.end - first)
    else:
        answer = None
    return Window(
        encoded.ids[: field.start],
        encoded.ids[first:last],
        encoded.ids[field.end :],
        encoded.offsets[first:last],
        answer,
        encoded.removed,
    )


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


class WordChunk(NamedTuple):
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


def word_chunks(codec: Codec, prompted: Prompted, question: Slots, room: Room) -> list[WordChunk]:
    """The sentence in as few chunks as the room allows, in order, every word in one of them.

    Raises:
        DataError: the prompt alone fills the row.
    """
    encoded = codec.encode(prompted)
    spans = [encoded.spans[place] for place in question.places]
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
        WordChunk(
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
