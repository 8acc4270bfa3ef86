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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple, Protocol, TypeAlias, TypeVar, cast

from t2t_xfer.answers.tags import locked
from t2t_xfer.architectures.base import Architecture
from t2t_xfer.architectures.rows import Pairs, Row
from t2t_xfer.architectures.windows import piece
from t2t_xfer.engines.base import Kept
from t2t_xfer.records import (
    Closed,
    Cloze,
    Copied,
    Decoding,
    Generation,
    Json,
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


Whole: TypeAlias = "Callable[[int, list[tuple[Row, T]]], None]"
"""Is told the number of an example, and what was read from each of its rows."""


class Write(Protocol):
    """Continues rows greedily."""

    def __call__(
        self,
        rows: Sequence[Sequence[Row]],
        knows: Callable[[int], bool],
        decoding: Decoding,
        whole: Whole[Written],
    ) -> None:
        """See `in_batches`.

        Args:
            rows: of each example.
            knows: whether an example of that number need not be written.
            whole: is called once all of an example's rows are written.
        """


class Answered:
    """The generations of one call of an engine, as they come."""

    def __init__(
        self, architecture: Architecture, prompted: Sequence[Prompted], kept: Kept | None
    ) -> None:
        """See `Engine.answer`."""
        self.asked = [
            architecture.codec.with_fitting_shots(each, architecture.input_room(each))
            if each.shots
            else each
            for each in prompted
        ]
        """With as many shots as fit."""
        self._removed = [
            len(a.shots) - len(b.shots) for a, b in zip(prompted, self.asked, strict=True)
        ]
        self._kept = kept
        self._found = (
            {i: kept[p.id] for i, p in enumerate(prompted) if p.id in kept} if kept else {}
        )

    def knows(self, number: int) -> bool:
        """Whether an example has its generation."""
        return number in self._found

    def put(self, number: int, generation: Generation) -> None:
        """The generation of an example; the one that it has already stays."""
        if number in self._found:
            return
        removed = self._removed[number]
        self._found[number] = replace(generation, removed_shots=removed) if removed else generation
        if self._kept is not None:
            self._kept[generation.id] = self._found[number]

    def all(self) -> list[Generation]:
        """In the order of the examples."""
        return [self._found[i] for i in range(len(self.asked))]


def in_batches(
    rows: Sequence[Sequence[Row]],
    knows: Callable[[int], bool],
    batches: Iterable[Sequence[int]],
    read: Callable[[list[Row]], Sequence[T]],
    whole: Whole[T],
) -> None:
    """Reads rows batch by batch, but for batches in which every example is known.

    Args:
        rows: of each example.
        knows: whether an example of that number need not be read.
        batches: numbers of rows, counted through all examples.
        read: gives the answer of each row of a batch.
        whole: is called once all of an example's rows are read.
    """
    flat = [row for some in rows for row in some]
    owners = [i for i, some in enumerate(rows) for _ in some]
    answers: list[list[T | None]] = [[None] * len(some) for some in rows]
    first = [0]
    for some in rows:
        first.append(first[-1] + len(some))
    waiting = [*map(len, rows)]
    for batch in batches:
        if all(knows(owners[k]) for k in batch):
            continue
        for k, answer in zip(batch, read([flat[k] for k in batch]), strict=True):
            owner = owners[k]
            answers[owner][k - first[owner]] = answer
            waiting[owner] -= 1
            if waiting[owner] == 0:
                whole(
                    owner,
                    cast("list[tuple[Row, T]]", [*zip(rows[owner], answers[owner], strict=True)]),
                )


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


def told_codes(architecture: Architecture, prompted: Sequence[Prompted]) -> dict[str, Json]:
    """The codes that stood for the tags, so that logged answers can be read later."""
    question = prompted[0].question if prompted else None
    if not isinstance(question, Slots):
        return {}
    codes = architecture.codec.codebook(len(question.options))
    return {"codebook": dict(zip(question.options, codes, strict=True))}


def read_written(
    architecture: Architecture,
    prompted: Sequence[Prompted],
    decoding: Decoding,
    write: Write,
    kept: Kept | None = None,
) -> list[Generation]:
    """One generation for each example, in the order given."""
    answered = Answered(architecture, prompted, kept)
    rows = [architecture.reading_rows(each, Readout.generate) for each in answered.asked]
    if any(isinstance(each.question, Slots) for each in prompted):
        _write_tags(answered, rows, write)
        return answered.all()
    null = [any(row.null_target for row in some) for some in rows]
    first: dict[int, list[tuple[Row, Written]]] = {}

    def whole(number: int, parts: list[tuple[Row, Written]]) -> None:
        if null[number]:
            first[number] = parts
        else:
            found = _generation(architecture, answered.asked[number], parts)
            answered.put(number, found)

    write(rows, answered.knows, decoding, whole)
    # The same windows again, where nothing but the one text may be written.
    owners = [i for i, asked in enumerate(null) if asked]
    forced = [
        [replace(row, keys=None, targets=(row.null_target,)) for row in rows[i] if row.null_target]
        for i in owners
    ]

    def with_nulls(number: int, parts: list[tuple[Row, Written]]) -> None:
        owner = owners[number]
        if answered.knows(owner):
            return
        scores = iter(parts)
        both = [
            (row, found._replace(null=next(scores)[1].score) if row.null_target else found)
            for row, found in first[owner]
        ]
        answered.put(owner, _generation(architecture, answered.asked[owner], both))

    if forced:
        write(forced, lambda number: answered.knows(owners[number]), Decoding(), with_nulls)
    return answered.all()


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


def _write_tags(answered: Answered, rows: Sequence[Sequence[Row]], write: Write) -> None:
    """The tags of every sentence as text; of the pieces of a sentence one after the other."""
    tags: list[list[int]] = [[] for _ in rows]

    for turn in range(max(map(len, rows), default=0)):
        owners = [i for i, some in enumerate(rows) if turn < len(some)]
        turned = [[_after(rows[i][turn], tags[i])] for i in owners]
        write(
            turned,
            lambda number, owners=owners: answered.knows(owners[number]),  # type: ignore[misc]
            Decoding(),
            partial(_tagged_piece, answered, rows, tags, owners, turn),
        )


def _tagged_piece(
    answered: Answered,
    rows: Sequence[Sequence[Row]],
    tags: list[list[int]],
    owners: Sequence[int],
    turn: int,
    number: int,
    parts: Sequence[tuple[Row, Written]],
) -> None:
    owner, ((row, written),) = owners[number], parts
    assert row.pairs is not None
    tags[owner] += row.pairs.tags(written.tokens)
    if turn == len(rows[owner]) - 1 and not answered.knows(owner):
        example = answered.asked[owner]
        found = Generation(
            example.id,
            Readout.generate,
            text=locked(enumerate(_option_texts(example, tags[owner]))),
            removed_tokens=sum(row.removed_tokens for row in rows[owner]),
            pieces=len(rows[owner]),
        )
        answered.put(owner, found)


def _option_texts(example: Prompted, found: Sequence[int]) -> list[str]:
    assert isinstance(example.question, Slots), f"{example.id}: tags are not asked for"
    return [example.question.options[index] for index in found]


def _after(row: Row, tags: Sequence[int]) -> Row:
    """The row, knowing the tag that was written last in the piece before it."""
    assert row.pairs is not None
    return replace(row, pairs=replace(row.pairs, previous=tags[-1] if tags else None))


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
