"""Decoders (Llama, Qwen): the target continues the input.

A label task in training. The label of a token belongs to the position that predicts it:

    tokens  <s> premise … relation : entail ment
    labels                         entail ment  </s>

and in reading, all label words behind one context, each in a block of its own (see `rows`):

    tokens  <s> premise … relation : entail ment neutral contra diction
    block   0   0         0        0 1      1    2       3      3

A tagging task: the prompt with the sentence, then the words again; the tag's code is predicted at
the last subword of each word of the second copy, when the model has seen the whole sentence.

    tokens  <s> Tag : The dog s leep s Tags : The dog s leep s
    places                                    0   1          2
    labels                                    F   H          P
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from t2t_xfer.architectures.base import (
    first_token_readings,
    option_tokens,
    options_of,
    slot_labels,
)
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.detect import ANSWER_ROOM
from t2t_xfer.architectures.rows import Reading, Row
from t2t_xfer.architectures.words import word_chunks
from t2t_xfer.records import ArchitectureName, Options, Prompted, Readout

if TYPE_CHECKING:
    import torch


class Causal:
    """See `Architecture`."""

    name: ArchitectureName = "causal"

    def __init__(self, codec: Codec, max_input_tokens: int) -> None:
        self.codec = codec
        self.max_input_tokens = max_input_tokens

    def training_rows(self, prompted: Prompted, options: Options) -> list[Row]:
        """The target after the input, or a second copy of the sentence."""
        if prompted.slots:
            return self._word_rows(prompted, options)
        target = (*self.codec.target(prompted.target), self.codec.special("eos"))
        context, removed = self._context(prompted)
        last = len(context) - 1
        return [
            Row(
                prompted.id,
                (*context, *target[:-1]),
                tuple(range(last, last + len(target))),
                labels=target,
                removed_tokens=removed,
            )
        ]

    def reading_rows(self, prompted: Prompted, options: Options, readout: Readout) -> list[Row]:
        """`rank`: every label word in a block behind the context; `slots`: the next token."""
        if prompted.slots:
            return self._word_rows(prompted, options)
        options = options_of(prompted, options)
        context, removed = self._context(prompted)
        last = len(context) - 1
        ids, blocks = list(context), [0] * len(context)
        if readout is Readout.slots:
            readings: Iterable[Reading] = first_token_readings(self.codec, options)
            blocks = []
        else:
            readings = self._append_options(options, ids, blocks)
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

    def _append_options(self, options: Options, ids: list[int], blocks: list[int]) -> list[Reading]:
        """Appends each option's tokens as a block; the first token is read at the context's end."""
        readings: list[Reading] = []
        place = 0
        for option, word in enumerate(option_tokens(self.codec, options)):
            target = (*word, self.codec.special("eos"))
            readings.append(Reading(0, target[0], option))
            for token, following in zip(word, target[1:], strict=True):
                ids.append(token)
                blocks.append(option + 1)
                place += 1
                readings.append(Reading(place, following, option))
        return readings

    def inputs(self, rows: Sequence[Row]) -> dict[str, torch.Tensor]:
        """Padded ids; a 4-D mask and positions where rows hold blocks."""
        from t2t_xfer.architectures.padding import block_mask, block_positions, length_mask, pad

        ids = [row.input_ids for row in rows]
        pad_id = self.codec.tokenizer.pad_token_id
        out = {"input_ids": pad(ids, self.codec.special("eos") if pad_id is None else pad_id)}
        if any(row.blocks for row in rows):
            blocks = [row.blocks or (0,) * len(row.input_ids) for row in rows]
            out["attention_mask"] = block_mask(blocks)
            out["position_ids"] = block_positions(blocks)
        else:
            out["attention_mask"] = length_mask(ids)
        return out

    def _context(self, prompted: Prompted) -> tuple[tuple[int, ...], int]:
        # Models have positions for the input and `ANSWER_ROOM` more: longer choices take theirs
        # from the context, the same in training and in reading.
        longest = max((len(self.codec.target(text)) for text in prompted.candidates), default=0)
        room = self.max_input_tokens - max(longest - ANSWER_ROOM, 0)
        encoded = self.codec.encode(prompted, room - len(self.codec.prefix))
        return self.codec.prefix + encoded.ids, encoded.removed

    def _word_rows(self, prompted: Prompted, options: Options) -> list[Row]:
        codes = option_tokens(self.codec, options)
        labels = slot_labels(prompted, options, codes)
        rows = []
        # The words stand twice, so a row of the same length holds half as many of them.
        room = (self.max_input_tokens - len(self.codec.prefix)) // 2
        for chunk in word_chunks(self.codec, prompted, room, 0, max_words=10**9):
            first_copy = (token for word in chunk.words for token in word)
            ids = [*self.codec.prefix, *chunk.prefix, *first_copy, *chunk.suffix]
            places = []
            for word in chunk.words:
                ids += word
                places.append(len(ids) - 1)
            rows.append(
                Row(
                    prompted.id,
                    tuple(ids),
                    tuple(places),
                    labels=tuple(labels[chunk.first : chunk.first + len(chunk.words)]),
                    weight=chunk.weight,
                    first_slot=chunk.first,
                )
            )
        return rows
