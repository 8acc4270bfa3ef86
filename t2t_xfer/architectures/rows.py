"""Rows and batches: what all three architectures have in common once text has become tokens.

A `Row` is one sequence for the model with the *places* at which the LM head is read. Training
wants one label at each place; reading wants the log-probabilities of some tokens there. Blocks let
one row hold several continuations of the same context that cannot see each other:

    tokens   premise … relation :   entail ment   neutral   contradic tion
    block    0       …  0       0   1      1      2         3         3
    position 0       …  7       8   9      10     9         9         10

A token sees the earlier tokens of block 0 and of its own block.

A row of separate choices is a bundle: a row for each choice, all in one batch because the softmax
goes over the choices (`head.apart_losses`). To whatever cuts and counts, it is one row.

Two kinds of rows have `keys`, the tokens of the field that answers are copied from: *pointer* rows,
whose places are compared with the keys instead of the vocabulary (`pointers.py`), and rows without
places, after which text is generated (`engines/written.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import NamedTuple

from t2t_xfer.architectures.codec import TokenSpan

NULL = -1
"""The label of a pointer that finds nothing to point at among the keys."""


class Reading(NamedTuple):
    """One term of a score: log p(`token`) at `place` counts for the option `option`."""

    place: int
    """Index into `Row.places`."""
    token: int
    option: int


@dataclass(frozen=True)
class Pairs:
    """What is written where tags are generated: for each word its marker, then the code of a tag.

    marker      code  marker      code
    <0> The     F     <1> dog     H     </s>
    """

    markers: tuple[tuple[int, ...], ...]
    """The tokens before each word's code. They can be no others, so no tag slips to a neighbour."""
    codes: tuple[int, ...]
    """The token of each tag, in the order of the options."""
    follows: tuple[tuple[int, ...], ...] = ()
    """See `Slots.follows`."""
    previous: int | None = None
    """The tag of the word before the first one, which stands in another row."""

    @property
    def num_tokens(self) -> int:
        """Of the whole text with its end token."""
        return sum(len(marker) + 1 for marker in self.markers) + 1

    @property
    def code_indices(self) -> tuple[int, ...]:
        """Where the codes stand in the text."""
        return tuple(accumulate((len(marker) + 1 for marker in self.markers), initial=-1))[1:]

    def text(self, tags: Sequence[int]) -> tuple[int, ...]:
        """The tokens that say these tags, without the end token."""
        return tuple(
            token
            for marker, tag in zip(self.markers, tags, strict=True)
            for token in (*marker, self.codes[tag])
        )

    def tags(self, text: Sequence[int]) -> list[int]:
        """The inverse of `text`."""
        return [self.codes.index(text[i]) for i in self.code_indices]


@dataclass(frozen=True)
class Row:
    """One sequence of token ids with the places where the head is read."""

    id: str
    """The example this row belongs to. Long tagging examples become several rows."""
    input_ids: tuple[int, ...]
    """What the encoder (encoder, seq2seq) or the decoder (causal) reads."""
    places: tuple[int, ...]
    """Positions whose output predicts an answer token, ascending: in `decoder_ids` for seq2seq,
    else in `input_ids`."""
    labels: tuple[int, ...] = ()
    """Training: the token to predict at each place; of a pointer row its index among the keys, or
    `NULL` for `null_place`."""
    weight: float = 1.0
    """Share of its example that this row carries."""
    part: str = ""
    """The task of a mixture that the row belongs to; empty where there is only one."""
    decoder_ids: tuple[int, ...] = ()
    """What the decoder reads (seq2seq only)."""
    blocks: tuple[int, ...] = ()
    """Block of each token of the sequence that holds the places; empty: an ordinary sequence."""
    readings: tuple[Reading, ...] = ()
    """Reading one answer: the terms of every option's score."""
    first_slot: int = 0
    """Reading tags: the word that the first place, or the first pair, answers."""
    removed_tokens: int = 0
    """Input tokens that shortening took away."""
    keys: TokenSpan | None = None
    """The tokens of the copied field within `input_ids`."""
    key_offsets: tuple[tuple[int, int], ...] = ()
    """Reading: characters `[start, end)` of the input text that each key covers."""
    null_place: int | None = None
    """Pointing: the position that both places point at when the keys hold no answer. None: they
    always hold one."""
    null_target: tuple[int, ...] = ()
    """Generating: what is written when the keys hold no answer. Empty: they always hold one."""
    targets: tuple[tuple[int, ...], ...] = ()
    """Generating: the token sequences to choose from, if they are few."""
    pairs: Pairs | None = None
    """Generating tags: what stands between them, and which there are."""
    apart: tuple[Row, ...] = ()
    """A bundle: a row for each choice, whose readings are of yes (option 0) and no (1), at the same
    places. Its only label is the index of the right choice; it has no tokens of its own."""

    @property
    def sequences(self) -> tuple[Row, ...]:
        """What goes through the model: the row, or those of its choices."""
        return self.apart or (self,)

    @property
    def kind(self) -> int:
        """Rows of one batch are of one kind: read by the head, pointing, or bundles."""
        return 2 if self.apart else int(self.points)

    @property
    def points(self) -> bool:
        """Whether the places are compared with the keys."""
        return self.keys is not None and bool(self.places)

    @property
    def option_lengths(self) -> tuple[int, ...]:
        """How many terms the score of each option has."""
        counts = Counter(reading.option for reading in self.readings)
        return tuple(counts[option] for option in range(len(counts)))

    @property
    def num_tokens(self) -> int:
        """Length without padding: both sides of an encoder-decoder count."""
        return sum(len(row.input_ids) + len(row.decoder_ids) for row in self.sequences)

    @property
    def padded_length(self) -> int:
        """Length for budgets: the rows of a bundle are filled up to the longest of them."""
        return len(self.sequences) * max(row.num_tokens for row in self.sequences)


def unpacked(row: Row) -> list[Row]:
    """A row for each candidate of a row with blocks, as if it had been asked for alone.

    packed     premise … relation : entail ment  neutral        block 0 … 0 1 1 2
    unpacked   premise … relation : entail ment                 read for option 0
               premise … relation : neutral                     read for option 0 of its own row

    A decoder of an encoder-decoder begins each block with the same token, and reads what follows it
    in the first block only; unpacked, each row reads at its own first token.
    """
    ids = row.decoder_ids or row.input_ids
    found = []
    for option in range(len(row.option_lengths)):
        kept = [i for i, block in enumerate(row.blocks) if block in (0, option + 1)]
        index = {old: new for new, old in enumerate(kept)}
        own = [reading for reading in row.readings if reading.option == option]
        at = [index.get(row.places[reading.place], 0) for reading in own]
        tokens = tuple(ids[i] for i in kept)
        readings = tuple(Reading(i, reading.token, 0) for i, reading in enumerate(own))
        alone = replace(row, places=tuple(at), blocks=(), readings=readings)
        if row.decoder_ids:
            found.append(replace(alone, decoder_ids=tokens))
        else:
            found.append(replace(alone, input_ids=tokens))
    return found


def row_batches(
    rows: Sequence[Row], max_tokens: int, pass_cost: int | None = None
) -> list[list[int]]:
    """Indices of rows in batches of one kind each, in the order of `Row.kind`.

    As large as the budget allows (`token_budget_batches`), or, if `pass_cost` is given, as cheap as
    can be (`cheapest_batches`).
    """
    batches: list[list[int]] = []
    for each in sorted({row.kind for row in rows}):
        kind = [i for i, row in enumerate(rows) if row.kind == each]
        lengths = [rows[i].padded_length for i in kind]
        if pass_cost is None:
            found = token_budget_batches(lengths, max_tokens)
        else:
            found = cheapest_batches(lengths, max_tokens, pass_cost)
        batches += [[kind[k] for k in batch] for batch in found]
    return batches


def token_budget_batches(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Indices of `lengths`, sorted by length and cut so that padded batches fit `max_tokens`.

    A sequence longer than the budget gets a batch of its own. The order is a function of the
    lengths alone (ties by index), longest first, so that memory peaks at the start.
    """
    batches: list[list[int]] = []
    current: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        widest = lengths[current[0]] if current else lengths[index]
        if current and widest * (len(current) + 1) > max_tokens:
            batches.append(current)
            current = []
        current.append(index)
    if current:
        batches.append(current)
    return batches


def cheapest_batches(lengths: Sequence[int], max_tokens: int, pass_cost: int) -> list[list[int]]:
    """Like `token_budget_batches`, but with the cuts that cost least.

    A batch costs its tokens, padding included, and `pass_cost` more, which is what a pass takes
    however short it is. Found by dynamic programming over the sorted lengths; meant for the rows of
    one step, since it takes time in the square of the rows of a batch.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    cheapest = [0]
    """Of the first rows, by their number."""
    begin = [0]
    """Where the last batch of those begins."""
    for end in range(1, len(order) + 1):
        costs = []
        for start in range(end - 1, -1, -1):
            tokens = lengths[order[start]] * (end - start)
            if tokens > max_tokens and end - start > 1:
                break
            costs.append((cheapest[start] + tokens + pass_cost, -start))
        cost, start = min(costs)
        cheapest.append(cost)
        begin.append(-start)
    batches: list[list[int]] = []
    end = len(order)
    while end:
        batches.append(order[begin[end] : end])
        end = begin[end]
    return batches[::-1]
