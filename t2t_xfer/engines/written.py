"""From rows to generations through written text, whichever engine does the writing.

The rule: what may be written, which of several windows wins and what stands in a generation is
decided here. An engine gives a function `write` and nothing else, so two engines differ in the
last digits of scores at most.

    rows        one for each example, window or piece of a sentence
    write       row -> tokens, their log-probability, what they are (`Written`)
    generation  the text of the best window, the candidate, or the tags by position

A tag is written behind its word's marker, and the markers can be no others, so that nothing slips,
skips a word or names an unknown tag. Pieces of a sentence are written one after the other: the
first tag of a piece may follow the last of the one before. Nothing is written without this
grammar, because models are not trained to choose markers.

    seq2seq  <start> <0> The F <1> dog H </s>         causal  … The F dog H </s>
    may be           <0> The * <1> dog * </s>                 The * dog * </s>
    as text  0:DET 1:NOUN
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from t2t_xfer.answers.tags import locked
from t2t_xfer.architectures.base import Architecture
from t2t_xfer.architectures.rows import Pairs, Row
from t2t_xfer.architectures.windows import piece
from t2t_xfer.records import (
    Closed,
    Cloze,
    Copied,
    Decoding,
    Generation,
    Prompted,
    Readout,
    Slots,
)

T = TypeVar("T")


class Written(NamedTuple):
    """What a model wrote after one row."""

    score: float
    """Sum of log p over the tokens and the end token."""
    tokens: tuple[int, ...]
    """Without the end token."""
    found: int | None
    """Constrained: the index of the target, or of the first key."""
    null: float = -math.inf
    """Of a row whose keys may hold no answer: the same sum for the text that says so."""

    @classmethod
    def restored(cls, kept: Any) -> Written:
        """From what JSON has made of it."""
        score, tokens, found, null = kept
        return cls(score, tuple(tokens), found, null)


Write: TypeAlias = Callable[[Sequence[Row], Decoding], list[Written]]
"""The greedy continuation of every row, in the order given."""


class ScoredSpan(Protocol):
    """A span that was written or pointed at."""

    @property
    def score(self) -> float:
        """Of the span."""
        ...

    @property
    def null(self) -> float:
        """Of no answer in the same window."""
        ...


def most_tokens(row: Row, decoding: Decoding) -> int:
    """Most tokens to write, the end included. Closed answers are never cut off."""
    if row.pairs is not None:
        return row.pairs.num_tokens
    if decoding.constrained and row.targets:
        return 1 + max(map(len, row.targets))
    return decoding.max_new_tokens


def read_written(
    architecture: Architecture,
    prompted: Sequence[Prompted],
    decoding: Decoding,
    write: Write,
) -> list[Generation]:
    """One generation for each example, in the order given."""
    if any(isinstance(each.question, Slots) for each in prompted):
        return _write_tags(architecture, prompted, write)
    found = [architecture.reading_rows(each, Readout.generate) for each in prompted]
    rows = [row for some in found for row in some]
    parts = parts_of(found, _with_nulls(rows, decoding, write))
    return [
        _generation(architecture, example, part)
        for example, part in zip(prompted, parts, strict=True)
    ]


def _with_nulls(rows: Sequence[Row], decoding: Decoding, write: Write) -> list[Written]:
    """What is written after each row, with the score of no answer where there may be none."""
    written = write(rows, decoding)
    asked = [i for i, row in enumerate(rows) if row.null_target]
    if not asked:
        return written
    # The same windows again, where nothing but the one text may be written.
    forced = [replace(rows[i], keys=None, targets=(rows[i].null_target,)) for i in asked]
    for i, null in zip(asked, write(forced, Decoding()), strict=True):
        written[i] = written[i]._replace(null=null.score)
    return written


def _generation(
    architecture: Architecture, example: Prompted, parts: Sequence[tuple[Row, Written]]
) -> Generation:
    """The text of the best window, if there are several."""
    row, best = max(parts, key=merit)
    place = None
    if best.found is None:
        text = architecture.codec.tokenizer.decode(
            list(best.tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        text = str(text).strip()
    elif row.keys is None:
        assert isinstance(example.question, Closed | Cloze), f"{example.id}: nothing to choose from"
        text = example.question.options[best.found]
    else:
        place = place_of(example, row, best.found, best.found + len(best.tokens))
        text = example.input[slice(*place)]
    return Generation(
        example.id,
        Readout.generate,
        text=text,
        scores=null_and_best(best),
        place=place,
        removed_tokens=row.removed_tokens,
    )


def _write_tags(
    architecture: Architecture, prompted: Sequence[Prompted], write: Write
) -> list[Generation]:
    """The tags of every sentence as text; of the pieces of a sentence one after the other."""
    pieces = [architecture.reading_rows(each, Readout.generate) for each in prompted]
    tags: list[list[int]] = [[] for _ in prompted]
    for turn in range(max(map(len, pieces), default=0)):
        owners = [i for i, rows in enumerate(pieces) if turn < len(rows)]
        rows = [_after(pieces[i][turn], tags[i]) for i in owners]
        for i, row, each in zip(owners, rows, write(rows, Decoding()), strict=True):
            assert row.pairs is not None
            tags[i] += row.pairs.tags(each.tokens)
    return [
        Generation(
            example.id,
            Readout.generate,
            text=locked(enumerate(_option_texts(example, found))),
            removed_tokens=sum(row.removed_tokens for row in rows),
            pieces=len(rows),
        )
        for example, rows, found in zip(prompted, pieces, tags, strict=True)
    ]


def _option_texts(example: Prompted, found: Sequence[int]) -> list[str]:
    assert isinstance(example.question, Slots), f"{example.id}: tags are not asked for"
    return [example.question.options[index] for index in found]


def _after(row: Row, tags: Sequence[int]) -> Row:
    """The row, knowing the tag that was written last in the piece before it."""
    assert row.pairs is not None
    return replace(row, pairs=replace(row.pairs, previous=tags[-1] if tags else None))


def parts_of(rows: Sequence[Sequence[Row]], answers: Sequence[T]) -> list[list[tuple[Row, T]]]:
    """The rows of each example with what was read from them, one after the other."""
    rest = iter(answers)
    return [[(row, next(rest)) for row in some] for some in rows]


def merit(part: tuple[Row, ScoredSpan]) -> float:
    """By which the best of several windows is chosen: the score of its span.

    Where there may be no answer: how far the span is above no answer in the same window. So the
    null score of an example is the smallest (no answer - best span) of its windows. BERT's
    `run_squad.py` takes the smallest null score and the largest span score of all windows apart;
    within one window both are probabilities over the same choices, and the logged span is the one
    that the threshold is about.
    """
    found = part[1]
    return found.score if found.null == -math.inf else found.score - found.null


def null_and_best(found: ScoredSpan) -> tuple[float, ...]:
    """The `scores` of a span's generation; see the record."""
    return () if found.null == -math.inf else (found.null, found.score)


def place_of(example: Prompted, row: Row, first: int, last: int) -> tuple[int, int]:
    """Characters of the input that the keys `[first, last)` cover; nothing if there are none."""
    assert isinstance(example.question, Copied), f"{example.id}: nothing is copied"
    if first == last:
        start = next(r.start for r in example.regions if r.field == example.question.field)
        return start, start
    return piece(example, example.question, row.key_offsets[first:last])


class Constraint(Protocol):
    """The texts that one row may become."""

    def allowed(self) -> list[int]:
        """Ids of the tokens that may come next, ascending; never empty before the end."""
        ...

    def advance(self, token: int) -> None:
        """Takes one of the allowed tokens that is not the end."""
        ...

    def found(self) -> int:
        """What the tokens so far are: the index of the target, or of the first key."""
        ...


class OneOf:
    """One of a few token sequences, whole (a label word, a choice). Of equal ones the first."""

    def __init__(self, targets: Sequence[tuple[int, ...]], end: int) -> None:
        self._targets = targets
        self._end = end
        self._alive = list(range(len(targets)))
        self._length = 0

    def allowed(self) -> list[int]:
        """See `Constraint`."""
        n = self._length
        following = {self._targets[i][n:][:1] or (self._end,) for i in self._alive}
        return sorted(token for (token,) in following)

    def advance(self, token: int) -> None:
        """See `Constraint`."""
        n = self._length
        self._alive = [i for i in self._alive if self._targets[i][n:][:1] == (token,)]
        self._length += 1

    def found(self) -> int:
        """The index of the target; of an unfinished one, of the first it could become."""
        whole = [i for i in self._alive if len(self._targets[i]) == self._length]
        return (whole or self._alive)[0]


class PieceOf:
    """Any consecutive tokens of a field, at least one.

    All places where the tokens so far occur are followed at once, so `the` may be written before
    it is clear which `the` of the field it is.
    """

    def __init__(self, keys: Sequence[int], end: int) -> None:
        self._keys = keys
        self._end = end
        self._following = list(range(len(keys)))
        """The keys that may come next: one for each place where the tokens so far occur."""
        self._length = 0

    def allowed(self) -> list[int]:
        """See `Constraint`."""
        following = {self._keys[i] for i in self._following if i < len(self._keys)}
        # A field whose text holds the end token cannot be copied across it.
        following.discard(self._end)
        if self._length or not following:
            following.add(self._end)
        return sorted(following)

    def advance(self, token: int) -> None:
        """See `Constraint`."""
        keys = self._keys
        self._following = [i + 1 for i in self._following if i < len(keys) and keys[i] == token]
        self._length += 1

    def found(self) -> int:
        """The first key of the first place where the tokens occur."""
        return self._following[0] - self._length


def constraint_of(row: Row, end: int) -> Constraint:
    """The texts that may be written after a row.

    Args:
        end: the end token.
    """
    if row.pairs is not None:
        return PairsOf(row.pairs, end)
    if row.keys is not None:
        return PieceOf(row.input_ids[row.keys.start : row.keys.end], end)
    assert row.targets, f"{row.id}: nothing to choose from"
    return OneOf(row.targets, end)


class PairsOf:
    """The text of one row: each word's marker and then one of the tags that may come there."""

    def __init__(self, pairs: Pairs, end: int) -> None:
        self._pairs = pairs
        self._end = end
        self._word = self._at = 0
        self._previous = pairs.previous
        self._index = {code: i for i, code in enumerate(pairs.codes)}
        self._ascending = sorted(pairs.codes)  # once: there may be 1,363

    def allowed(self) -> list[int]:
        """See `Constraint`."""
        pairs = self._pairs
        if self._word == len(pairs.markers):
            return [self._end]
        marker = pairs.markers[self._word]
        if self._at < len(marker):
            return [marker[self._at]]
        if not pairs.follows:
            return self._ascending
        return sorted(
            code
            for code, before in zip(pairs.codes, pairs.follows, strict=True)
            if not before or self._previous in before
        )

    def advance(self, token: int) -> None:
        """See `Constraint`."""
        if self._at < len(self._pairs.markers[self._word]):
            self._at += 1
            return
        self._previous = self._index[token]
        self._word += 1
        self._at = 0

    def found(self) -> int:
        """How many words have their tag."""
        return self._word
