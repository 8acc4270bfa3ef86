"""Overlapping windows over a field that is too long for one input.

    question : who ? context : It was Ada Lovelace who wrote … answer :
    before-------------------- tokens------------------------ after----

Every window keeps the whole prompt around the field and holds the next part of it. Training uses
the windows with the whole answer, which is ours (jiant trains the others to point at `<s>`);
reading uses all of them, and the best answer wins. So nothing of the field is ever cut off.

Where a field may hold no answer at all (SQuAD 2.0), a window without one is trained to say so, as
in BERT's `run_squad.py` and jiant, even if another window holds it: reading asks every window.
Windows that hold a part of the answer are left out, which is ours, since neither answer would be
true of them (docs/decisions/008).
"""

from __future__ import annotations

from typing import NamedTuple

from t2t_xfer.architectures.codec import ANSWER, Codec, Encoded, TokenSpan
from t2t_xfer.architectures.rows import Row
from t2t_xfer.errors import DataError
from t2t_xfer.records import Options, Prompted, Region

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


def windows(codec: Codec, prompted: Prompted, max_tokens: int) -> list[Window]:
    """The windows that together hold every token of the copied field, from left to right.

    Raises:
        DataError: the prompt around the field leaves no room for it, or the field is empty.
    """
    return _windows(prompted, *_fitted(codec, prompted, max_tokens))


def answer_windows(
    codec: Codec, prompted: Prompted, max_tokens: int, answer_room: int | None = None
) -> list[Window]:
    """The windows that hold the whole answer. A long one between two windows gets one of its own.

    Args:
        answer_room: tokens that follow the input for free; a longer answer makes windows shorter.

    Raises:
        DataError: as `windows`; the answer alone is longer than a window.
    """
    encoded, room = _fitted(codec, prompted, max_tokens)
    answer = encoded.spans[ANSWER]
    length = answer.end - answer.start
    if answer_room is not None:
        room -= max(0, length - answer_room)
    found = [w for w in _windows(prompted, encoded, room) if w.answer is not None]
    if not found:
        start = answer.start - encoded.spans[prompted.copied].start
        found = [w for w in [_window(encoded, prompted, start, room)] if w.answer is not None]
    if not found:
        raise DataError(
            f"example {prompted.id!r} ({prompted.language}): the answer has {length} tokens, but a"
            f" window of its {prompted.copied} holds {room}. Raise `max_input_tokens`."
        )
    return found


def training_windows(
    codec: Codec, prompted: Prompted, max_tokens: int, answer_room: int | None = None
) -> list[Window]:
    """The windows to train on. The target of one without `answer` is that there is none.

    Args:
        answer_room: as in `answer_windows`.

    Raises:
        DataError: as `answer_windows`.
    """
    if not prompted.unanswerable:
        return answer_windows(codec, prompted, max_tokens, answer_room)
    assert prompted.target, f"{prompted.id}: whether there is an answer is not known"
    found = windows(codec, prompted, max_tokens)
    if prompted.answer is None:
        return found
    answered = answer_windows(codec, prompted, max_tokens, answer_room)
    return answered + [window for window in found if not _touches(window, prompted.answer)]


def target_tokens(codec: Codec, prompted: Prompted, window: Window) -> tuple[int, ...]:
    """What is written after a window in training: the answer as the field has it, or that there is
    none."""
    return codec.target(prompted.unanswerable) if window.answer is None else window.answer_tokens


def _touches(window: Window, answer: Region) -> bool:
    """Whether a part of the answer stands in the window."""
    return any(start < answer.end and answer.start < end for start, end in window.offsets)


def generation_rows(
    codec: Codec, prompted: Prompted, options: Options, max_tokens: int
) -> list[Row]:
    """Rows that end where the answer begins, without suffix: one, or one for each window."""
    if not prompted.copied:
        encoded = codec.encode(prompted, max_tokens)
        texts = prompted.candidates or options.texts
        return [
            Row(
                prompted.id,
                codec.prefix + encoded.ids,
                (),
                removed_tokens=encoded.removed,
                targets=tuple(codec.target(text) for text in texts),
            )
        ]
    null = codec.target(prompted.unanswerable) if prompted.unanswerable else ()
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
        for window in windows(codec, prompted, max_tokens)
    ]


def piece(prompted: Prompted, offsets: tuple[tuple[int, int], ...]) -> tuple[int, int]:
    """Characters of the input that consecutive tokens of the copied field cover.

    Cut at the field's borders, which a token may cross, and without white space at the ends.
    """
    field = next(r for r in prompted.regions if r.field == prompted.copied)
    start = max(field.start, min(start for start, _ in offsets))
    end = max(start, min(field.end, max(end for _, end in offsets)))
    text = prompted.input[start:end]
    start += len(text) - len(text.lstrip())
    return start, start + len(text.strip())


def _size(encoded: Encoded, prompted: Prompted) -> int:
    span = encoded.spans[prompted.copied]
    return span.end - span.start


def _windows(prompted: Prompted, encoded: Encoded, room: int) -> list[Window]:
    size = _size(encoded, prompted)
    if size == 0:
        raise DataError(f"example {prompted.id!r} ({prompted.language}): no {prompted.copied}.")
    step = max(1, min(STRIDE, room // 2))
    starts = range(0, max(0, size - room) + step, step)
    return [_window(encoded, prompted, start, room) for start in starts]


def _fitted(codec: Codec, prompted: Prompted, max_tokens: int) -> tuple[Encoded, int]:
    """The whole input, its other fields shortened if need be, and the tokens a window may hold."""
    encoded = codec.encode(prompted)
    size = _size(encoded, prompted)
    least = min(MIN_ROOM, size)
    if len(encoded.ids) - size > max_tokens - least:
        encoded = codec.encode(prompted, max_tokens - least + size)
    return encoded, max_tokens - (len(encoded.ids) - size)


def _window(encoded: Encoded, prompted: Prompted, start: int, room: int) -> Window:
    """The window at `start`, or the last full one."""
    field = encoded.spans[prompted.copied]
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
