"""Encoder-decoders (mT5): the target sits in the decoder.

A label task in training, and all its label words at once in reading:

    encoder  premise … relation : </s>
    decoder  <start> entail ment          <start> entail ment <start> neutral <start> contra …
    labels   entail  ment   </s>          block 1             block 2         block 3

An answer that is copied from a field is trained as the field's own tokens, which is what
constrained decoding can write; a field that is too long comes in windows (`windows.py`).

A tagging task: one decoder block for each word, fed the word's sentinel, which also stands before
the word in the encoder, and the word. Blocks cannot see each other, so the words are independent
and one pass reads them all.

    encoder  Tag : <extra_id_0> The <extra_id_1> dog </s>
    decoder  <start> <extra_id_0> The    <start> <extra_id_1> dog
    places                        0                           1
    labels                        F                           H    (codes of DET and NOUN)

Without the word in its block, a model must first learn to find it through its sentinel, and until
then it tags by place alone (docs/decisions/001-word-in-the-block.md).

Trained for the readout `generate`, the blocks become one text, in which each word sees the tags
before it. The markers (sentinel and word) are given, so the loss is at the codes here too.

    decoder  <start> <extra_id_0> The F <extra_id_1> dog
    places                        0                  1

T5's position bias depends on distances only, so a block deep in a row computes what it would
compute alone. Models with absolute decoder positions are refused.
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
from t2t_xfer.architectures.checkpoint import decoder_start, max_positions
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
from t2t_xfer.errors import UnsupportedError
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


class Seq2Seq(Architecture):
    """See `Architecture`."""

    name: ArchitectureName = "seq2seq"
    pads_left = True  # where it writes, all rows have one token
    auto_class = "AutoModelForSeq2SeqLM"

    def __init__(
        self,
        codec: Codec,
        max_input_tokens: int,
        decoder_start: int,
        candidates: Candidates = PACKED,
    ) -> None:
        """Over a model that reads candidates like this."""
        self.codec = codec
        self.max_input_tokens = max_input_tokens
        self.candidates = candidates
        self.decoder_start = decoder_start
        self._special = len(codec.prefix) + len(codec.suffix)

    @classmethod
    def of_config(cls, config: Mapping[str, Any], codec: Codec, max_input_tokens: int) -> Seq2Seq:
        """See `Architecture`."""
        if max_positions(config) is not None:
            raise UnsupportedError(
                f"{config['model_type']!r} counts decoder positions from the start of the row. Only"
                " encoder-decoders with relative positions (T5, mT5, umT5) are supported."
            )
        return cls(codec, max_input_tokens, decoder_start(config), candidates_of(config))

    def _target_rows(
        self, prompted: Prompted, question: Closed | Cloze, readout: Readout
    ) -> list[Row]:
        """The target text in the decoder."""
        encoded = self.codec.encode(prompted, self.max_input_tokens - self._special)
        target = self.codec.target(prompted.target)
        return [self._target_row(prompted.id, encoded.ids, target, 1.0, encoded.removed)]

    def _window_rows(self, prompted: Prompted, question: Copied, readout: Readout) -> list[Row]:
        """Each window with the answer's own tokens in the decoder."""
        room = self.max_input_tokens - self._special
        found = training_windows(self.codec, prompted, question, room)
        targets = [target_tokens(self.codec, question, window) for window in found]
        return [
            self._target_row(prompted.id, window.ids, target, 1 / len(found), window.removed)
            for window, target in zip(found, targets, strict=True)
        ]

    def _target_row(
        self, id: str, ids: tuple[int, ...], words: tuple[int, ...], weight: float, removed: int
    ) -> Row:
        target = (*words, self.codec.special("eos"))
        return Row(
            id,
            self.codec.prefix + ids + self.codec.suffix,
            tuple(range(len(target))),
            labels=target,
            weight=weight,
            decoder_ids=(self.decoder_start, *target[:-1]),
            removed_tokens=removed,
        )

    def _option_rows(
        self, prompted: Prompted, question: Closed | Cloze, readout: Readout
    ) -> list[Row]:
        """`rank`: a block for each text; `slots`: one decoder token; `generate`: its start."""
        if readout is Readout.generate:
            return self._written_rows(prompted, question, readout)
        ids, removed = self._encoder_ids(prompted)
        if readout is Readout.slots:
            readings: Iterable[Reading] = first_token_readings(self.codec, question)
            decoder_ids, blocks, places = [self.decoder_start], list[int](), [0]
        else:
            decoder_ids, blocks, places, readings = self._option_blocks(question)
        return [
            Row(
                prompted.id,
                ids,
                tuple(places),
                decoder_ids=tuple(decoder_ids),
                blocks=tuple(blocks),
                readings=tuple(readings),
                removed_tokens=removed,
            )
        ]

    def _written_rows(
        self, prompted: Prompted, question: Closed | Cloze | Copied, readout: Readout
    ) -> list[Row]:
        """The input, and the start of the decoder."""
        room = self.max_input_tokens - self._special
        return [
            replace(
                row,
                input_ids=row.input_ids + self.codec.suffix,
                decoder_ids=(self.decoder_start,),
            )
            for row in generation_rows(self.codec, prompted, question, room)
        ]

    def _option_blocks(
        self, question: Closed | Cloze
    ) -> tuple[list[int], list[int], list[int], list[Reading]]:
        """Tokens, their blocks, places and readings.

        What stands at the start of one block stands at the start of all, so the head is computed
        there once.
        """
        decoder_ids: list[int] = []
        blocks: list[int] = []
        places = [0]
        readings: list[Reading] = []
        for option, word in enumerate(targets_of(self.codec, question)):
            target = (*word, self.codec.special("eos"))
            start = len(decoder_ids)
            decoder_ids += [self.decoder_start, *word]
            blocks += [option + 1] * len(target)
            readings.append(Reading(0, target[0], option))
            for i, token in enumerate(target[1:], 1):
                readings.append(Reading(len(places), token, option))
                places.append(start + i)
        return decoder_ids, blocks, places, readings

    def input_room(self, prompted: Prompted) -> int:
        """See `Architecture`. The answer has the decoder to itself."""
        return self.max_input_tokens - self._special

    def inputs(self, rows: Sequence[Row]) -> Inputs:
        """Padded encoder and decoder ids; a 4-D mask where rows hold blocks."""
        from t2t_xfer.architectures.padding import candidate_masks, length_mask, pad

        fill = self.codec.special("pad")
        ids = [row.input_ids for row in rows]
        decoder_ids = [row.decoder_ids for row in rows]
        out: Inputs = {
            "input_ids": pad(ids, fill),
            "attention_mask": length_mask(ids),
            "decoder_input_ids": pad(decoder_ids, fill),
        }
        if any(row.blocks for row in rows):
            blocks = [row.blocks or (1,) * len(row.decoder_ids) for row in rows]
            out["decoder_attention_mask"] = candidate_masks(blocks, self.candidates)
        return out

    def generation_inputs(self, rows: Sequence[Row]) -> Inputs:
        """As `inputs`: the decoder holds its start token."""
        return self.inputs(rows)

    def _encoder_ids(self, prompted: Prompted) -> tuple[tuple[int, ...], int]:
        encoded = self.codec.encode(prompted, self.max_input_tokens - self._special)
        return self.codec.prefix + encoded.ids + self.codec.suffix, encoded.removed

    def _chunks(self, prompted: Prompted, question: Slots) -> list[WordChunk]:
        sentinels = self.codec.sentinels
        if not sentinels:
            raise UnsupportedError(
                f"the tokenizer of {self.codec.tokenizer.name_or_path!r} has no sentinels"
                " (<extra_id_0>, …), which tagging with an encoder-decoder needs. Use mT5 or"
                " another T5."
            )
        room = Room(self.max_input_tokens - self._special, max_words=len(sentinels), beside=1)
        return word_chunks(self.codec, prompted, question, room)

    def _markers(self, chunk: WordChunk) -> list[tuple[int, ...]]:
        """The sentinel of each word and the word."""
        pairs = zip(self.codec.sentinels, chunk.words, strict=False)
        return [(sentinel, *word) for sentinel, word in pairs]

    def _word_row(self, prompted: Prompted, chunk: WordChunk) -> Row:
        marked = (token for marker in self._markers(chunk) for token in marker)
        return Row(
            prompted.id,
            (*self.codec.prefix, *chunk.prefix, *marked, *chunk.suffix, *self.codec.suffix),
            (),
            weight=chunk.weight,
            first_slot=chunk.first,
            removed_tokens=chunk.removed,
        )

    def _word_rows(self, prompted: Prompted, question: Slots) -> list[Row]:
        """See the module.

        Raises:
            UnsupportedError: the model does not keep blocks apart, so words would see each other.
        """
        if self.candidates.separate:
            raise UnsupportedError(
                f"words are tagged in blocks of one decoder row, but {self.candidates.reason}. Set"
                " `readout: {seq2seq: generate}` in the task's YAML: then the tags are written."
            )
        labels = slot_labels(self.codec, prompted, question)
        rows = []
        for chunk in self._chunks(prompted, question):
            decoder_ids: list[int] = []
            blocks: list[int] = []
            places: list[int] = []
            for i, marker in enumerate(self._markers(chunk)):
                block = [self.decoder_start, *marker]
                decoder_ids += block
                blocks += [i + 1] * len(block)
                places.append(len(decoder_ids) - 1)
            rows.append(
                replace(
                    self._word_row(prompted, chunk),
                    places=tuple(places),
                    labels=tuple(labels[chunk.first : chunk.first + len(places)]),
                    decoder_ids=tuple(decoder_ids),
                    blocks=tuple(blocks),
                )
            )
        return rows

    def _pair_rows(self, prompted: Prompted, question: Slots) -> list[Row]:
        """Rows after which the tags are written."""
        return [
            replace(
                self._word_row(prompted, chunk),
                decoder_ids=(self.decoder_start,),
                pairs=pairs_of(self.codec, question, self._markers(chunk)),
            )
            for chunk in self._chunks(prompted, question)
        ]

    def _gold_rows(self, prompted: Prompted, question: Slots) -> list[Row]:
        """The same with the gold tags; the loss is at the codes, since markers can be no others."""
        labels = slot_labels(self.codec, prompted, question)
        rows = []
        for row in self._pair_rows(prompted, question):
            assert row.pairs is not None
            own = tuple(labels[row.first_slot : row.first_slot + len(row.pairs.markers)])
            decoder_ids = row.decoder_ids + gold_text(row.pairs, own)
            places = row.pairs.code_indices
            rows.append(
                replace(row, places=places, labels=own, decoder_ids=decoder_ids, pairs=None)
            )
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
