"""Decoders (Llama, Qwen): the target continues the input.

A label task in training. The label of a token belongs to the position that predicts it:

    tokens  <s> premise … relation : entail ment
    labels                         entail ment  </s>

and in reading, all label words behind one context, each in a block of its own (see `rows`):

    tokens  <s> premise … relation : entail ment neutral contra diction
    block   0   0         0        0 1      1    2       3      3

An answer that is copied from a field is trained as the field's own tokens, which is what
constrained decoding can write; a field that is too long comes in windows (`windows.py`).

A tagging task: the prompt with the sentence, then the words again; the tag's code is predicted at
the last subword of each word of the second copy, when the model has seen the whole sentence.

    tokens  <s> Tag : The dog s leep s Tags : The dog s leep s
    places                                    0   1          2
    labels                                    F   H          P

Trained for the readout `generate`, each word of the second copy is followed by its code, which the
later words see.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from t2t_xfer.architectures.base import (
    Architecture,
    Inputs,
    Way,
    Ways,
    first_token_readings,
    gold_text,
    pairs_of,
    parted_bundle,
    slot_labels,
    targets_of,
    unless_written,
)
from t2t_xfer.architectures.candidates import PACKED, Candidates, candidates_of
from t2t_xfer.architectures.checkpoint import ANSWER_ROOM, UNPADDED
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.rows import Reading, Row
from t2t_xfer.architectures.windows import (
    Room,
    WordChunk,
    generation_rows,
    target_tokens,
    training_windows,
    word_chunks,
)
from t2t_xfer.records import (
    ArchitectureName,
    Closed,
    Cloze,
    Copied,
    Pair,
    Prompted,
    Readout,
    Separate,
    Slots,
)


class Causal(Architecture):
    """See `Architecture`."""

    name: ArchitectureName = "causal"
    auto_class = "AutoModelForCausalLM"

    def __init__(
        self,
        codec: Codec,
        max_input_tokens: int,
        candidates: Candidates = PACKED,
        pads_left: bool = True,
    ) -> None:
        """Over a model that reads candidates like this, and may have padding before a text."""
        self.codec = codec
        self.max_input_tokens = max_input_tokens
        self.candidates = candidates
        self.pads_left = pads_left

    @classmethod
    def of_config(cls, config: Mapping[str, Any], codec: Codec, max_input_tokens: int) -> Causal:
        """See `Architecture`."""
        pads_left = config.get("model_type") not in UNPADDED
        return cls(codec, max_input_tokens, candidates_of(config), pads_left)

    def _target_rows(
        self, prompted: Prompted, question: Closed | Cloze, readout: Readout
    ) -> list[Row]:
        """The target after the input."""
        encoded = self.codec.encode(prompted, self.input_room(prompted))
        target = self.codec.target(prompted.target)
        return [self._target_row(prompted.id, encoded.ids, target, 1.0, encoded.removed)]

    def _window_rows(self, prompted: Prompted, question: Copied, readout: Readout) -> list[Row]:
        """Each window with the answer's own tokens behind it."""
        room = self.input_room(prompted)
        found = training_windows(self.codec, prompted, question, room, ANSWER_ROOM - 1)
        targets = [target_tokens(self.codec, question, window) for window in found]
        return [
            self._target_row(prompted.id, window.ids, target, 1 / len(found), window.removed)
            for window, target in zip(found, targets, strict=True)
        ]

    def _target_row(
        self, id: str, ids: tuple[int, ...], words: tuple[int, ...], weight: float, removed: int
    ) -> Row:
        target = (*words, self.codec.special("eos"))
        last = len(self.codec.prefix) + len(ids) - 1
        return Row(
            id,
            (*self.codec.prefix, *ids, *target[:-1]),
            tuple(range(last, last + len(target))),
            labels=target,
            weight=weight,
            removed_tokens=removed,
        )

    def _option_rows(
        self, prompted: Prompted, question: Closed | Cloze, readout: Readout
    ) -> list[Row]:
        """`rank`: every text in a block behind the context; `slots`: the next token; `generate`:
        the context alone."""
        if readout is Readout.generate:
            return self._written_rows(prompted, question, readout)
        context, removed = self._context(prompted)
        last = len(context) - 1
        ids, blocks = list(context), [0] * len(context)
        if readout is Readout.slots:
            readings: Iterable[Reading] = first_token_readings(self.codec, question)
            blocks = []
        else:
            readings = self._append_options(question, ids, blocks)
        return [
            Row(
                prompted.id,
                tuple(ids),
                tuple(range(last, len(ids))),
                blocks=tuple(blocks),
                readings=tuple(readings),
                removed_tokens=removed,
            )
        ]

    def _written_rows(
        self, prompted: Prompted, question: Closed | Cloze | Copied, readout: Readout
    ) -> list[Row]:
        """The context alone, or each of its windows."""
        return generation_rows(self.codec, prompted, question, self.input_room(prompted))

    def _append_options(
        self, question: Closed | Cloze, ids: list[int], blocks: list[int]
    ) -> list[Reading]:
        """Appends each option's tokens as a block; the first token is read at the context's end."""
        readings: list[Reading] = []
        place = 0
        for option, word in enumerate(targets_of(self.codec, question)):
            target = (*word, self.codec.special("eos"))
            readings.append(Reading(0, target[0], option))
            for token, following in zip(word, target[1:], strict=True):
                ids.append(token)
                blocks.append(option + 1)
                place += 1
                readings.append(Reading(place, following, option))
        return readings

    def input_room(self, prompted: Prompted) -> int:
        """See `Architecture`.

        Models have positions for the input and `ANSWER_ROOM` more: longer answers that
        the input does not hold take theirs from the context, the same in training and in reading.
        """
        match prompted.question:
            case Cloze(options):
                texts = options
            case Copied(_, unanswerable) if unanswerable:
                texts = (unanswerable,)
            case _:
                texts = ()
        longest = max((len(self.codec.target(text)) for text in texts), default=0)
        return self._room - max(longest - ANSWER_ROOM, 0)

    def inputs(self, rows: Sequence[Row]) -> Inputs:
        """Padded ids; a 4-D mask and positions where rows hold blocks."""
        from t2t_xfer.architectures.padding import (
            block_positions,
            candidate_masks,
            length_mask,
            pad,
        )

        ids = [row.input_ids for row in rows]
        out: Inputs = {"input_ids": pad(ids, self.codec.pad)}
        if any(row.blocks for row in rows):
            blocks = [row.blocks or (0,) * len(row.input_ids) for row in rows]
            out["attention_mask"] = candidate_masks(blocks, self.candidates)
            out["position_ids"] = block_positions(blocks)
        else:
            out["attention_mask"] = length_mask(ids)
        return out

    def generation_inputs(self, rows: Sequence[Row]) -> Inputs:
        """Left-padded ids, so that every row is continued at the same column."""
        from t2t_xfer.architectures.padding import length_mask, pad

        ids = [row.input_ids for row in rows]
        pad_id = self.codec.pad
        return {
            "input_ids": pad(ids, pad_id, left=True),
            "attention_mask": length_mask(ids, left=True),
        }

    @property
    def _room(self) -> int:
        return self.max_input_tokens - len(self.codec.prefix)

    def _context(self, prompted: Prompted) -> tuple[tuple[int, ...], int]:
        encoded = self.codec.encode(prompted, self.input_room(prompted))
        return self.codec.prefix + encoded.ids, encoded.removed

    def _word_row(self, prompted: Prompted, chunk: WordChunk) -> Row:
        words = (token for word in chunk.words for token in word)
        return Row(
            prompted.id,
            (*self.codec.prefix, *chunk.prefix, *words, *chunk.suffix),
            (),
            weight=chunk.weight,
            first_slot=chunk.first,
            removed_tokens=chunk.removed,
        )

    def _word_rows(self, prompted: Prompted, question: Slots) -> list[Row]:
        labels = slot_labels(self.codec, prompted, question)
        rows = []
        for chunk in word_chunks(self.codec, prompted, question, Room(self._room, copies=2)):
            row = self._word_row(prompted, chunk)
            ids = list(row.input_ids)
            places = []
            for word in chunk.words:
                ids += word
                places.append(len(ids) - 1)
            rows.append(
                replace(
                    row,
                    input_ids=tuple(ids),
                    places=tuple(places),
                    labels=tuple(labels[chunk.first : chunk.first + len(chunk.words)]),
                )
            )
        return rows

    def _pair_rows(self, prompted: Prompted, question: Slots) -> list[Row]:
        """Rows after which the words are written again, each with its tag."""
        room = Room(self._room, copies=2, beside=1)
        return [
            replace(
                self._word_row(prompted, chunk),
                pairs=pairs_of(self.codec, question, chunk.words),
            )
            for chunk in word_chunks(self.codec, prompted, question, room)
        ]

    def _gold_rows(self, prompted: Prompted, question: Slots) -> list[Row]:
        """The same with the gold tags; the loss is at the codes, since markers can be no others."""
        labels = slot_labels(self.codec, prompted, question)
        rows = []
        for row in self._pair_rows(prompted, question):
            assert row.pairs is not None
            own = tuple(labels[row.first_slot : row.first_slot + len(row.pairs.markers)])
            last = len(row.input_ids) - 1
            places = tuple(last + i for i in row.pairs.code_indices)
            ids = row.input_ids + gold_text(row.pairs, own)
            rows.append(replace(row, places=places, labels=own, input_ids=ids, pairs=None))
        return rows

    ways: ClassVar[Ways] = {
        # `rank` is exact for label words of any number of tokens; `slots` reads their first tokens
        # only and needs these to differ; `generate` writes one of them, token by token.
        Closed: Way((Readout.rank, Readout.slots, Readout.generate), _target_rows, _option_rows),
        # Texts of choices: the mean log-probability of their tokens (and the end token) decides.
        Cloze: Way((Readout.rank,), _target_rows, _option_rows),
        # Yes or no after a prompt for each choice: the log-odds are compared.
        Separate: Way((Readout.slots,), parted_bundle, parted_bundle),
        Copied: Way((Readout.generate,), _window_rows, _written_rows),
        # Each is trained in the form that it is read in (docs/tagging.md).
        Slots: Way(
            (Readout.slots, Readout.generate),
            unless_written(_word_rows, _gold_rows),
            unless_written(_word_rows, _pair_rows),
        ),
        # Nothing is trained: the states of one layer, and a yes/no question about the nearest.
        Pair: Way((Readout.embed, Readout.rank)),
    }
