"""Encoders (XLM-R, BERT): answers sit in the input and are read through the MLM head.

A label task with words of at most two tokens. Shorter words are filled up with the pad token, so
that every word is scored over the same masks:

    tokens  <s> premise … relation : <mask> <mask> </s>
    places                           0      1
    labels                           entail ment            (or: neutral <pad>)

A tagging task: the tag's code is predicted at the first subword of each word.

    tokens  <s> Tag : The dog s ##leep s </s>
    places            0   1   2
    labels            F   H   P          (codes of DET, NOUN, VERB)

A task whose answer is copied from a field: two masks point at its first and its last token, see
`pointers.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from t2t_xfer.architectures.base import (
    Architecture,
    Inputs,
    Way,
    Ways,
    bundle,
    slot_labels,
    targets_of,
    verdict_tokens,
)
from t2t_xfer.architectures.candidates import PACKED
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.rows import NULL, Reading, Row
from t2t_xfer.architectures.windows import Room, Window, training_windows, windows, word_chunks
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


class Encoder(Architecture):
    """See `Architecture`."""

    name: ArchitectureName = "encoder"
    pads_left = True  # it writes nothing
    candidates = PACKED  # all of them at the same masks
    auto_class = "AutoModelForMaskedLM"

    def __init__(self, codec: Codec, max_input_tokens: int) -> None:
        self.codec = codec
        self.max_input_tokens = max_input_tokens
        self._special = len(codec.prefix) + len(codec.suffix)

    @classmethod
    def of_config(cls, config: Mapping[str, Any], codec: Codec, max_input_tokens: int) -> Encoder:
        """See `Architecture`."""
        return cls(codec, max_input_tokens)

    def _labelled_row(self, prompted: Prompted, question: Closed, readout: Readout) -> list[Row]:
        """The right label's tokens at the masks."""
        words = self._filled(question)
        row = self._masked_row(prompted, len(words[0]))
        return [replace(row, labels=words[question.options.index(prompted.target)])]

    def _scored_row(self, prompted: Prompted, question: Closed, readout: Readout) -> list[Row]:
        """Every label word over the same masks."""
        words = self._filled(question)
        readings = tuple(
            Reading(place, token, option)
            for option, word in enumerate(words)
            for place, token in enumerate(word)
        )
        return [replace(self._masked_row(prompted, len(words[0])), readings=readings)]

    def _bundle(self, prompted: Prompted, question: Separate, readout: Readout) -> list[Row]:
        """Yes and no over the masks behind each question, as many as the longer word has tokens."""

        def verdict_row(asked: Prompted) -> Row:
            verdict_tokens(self.codec, asked)
            (row,) = self.reading_rows(asked, Readout.slots)
            return row

        return bundle(prompted, question, verdict_row)

    def _pointed_rows(self, prompted: Prompted, question: Copied, readout: Readout) -> list[Row]:
        """Windows with the keys that hold the answer."""
        found = training_windows(self.codec, prompted, question, self._window_room)
        return [
            replace(
                self._pointer_row(prompted, question, w), labels=_labels(w), weight=1 / len(found)
            )
            for w in found
        ]

    def _pointer_rows(self, prompted: Prompted, question: Copied, readout: Readout) -> list[Row]:
        """Every window of the field."""
        found = windows(self.codec, prompted, question, self._window_room)
        return [self._pointer_row(prompted, question, w) for w in found]

    def input_room(self, prompted: Prompted) -> int:
        """Never: masks are filled at once, and no examples before them say how.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError("an encoder reads no few-shot examples. Leave out `few_shot`.")

    def inputs(self, rows: Sequence[Row]) -> Inputs:
        """Padded ids and mask."""
        from t2t_xfer.architectures.padding import length_mask, pad

        ids = [row.input_ids for row in rows]
        return {
            "input_ids": pad(ids, self.codec.special("pad")),
            "attention_mask": length_mask(ids),
        }

    def generation_inputs(self, rows: Sequence[Row]) -> Inputs:
        """Never: an encoder writes no text.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError("an encoder generates no text. Use the readout `slots`.")

    @property
    def _window_room(self) -> int:
        return self.max_input_tokens - self._special - 2

    def _pointer_row(self, prompted: Prompted, question: Copied, window: Window) -> Row:
        ahead = len(self.codec.prefix)
        masks = (self.codec.special("mask"),) * 2
        first = ahead + len(window.ids)
        return Row(
            prompted.id,
            self.codec.prefix + window.ids + masks + self.codec.suffix,
            (first, first + 1),
            removed_tokens=window.removed,
            keys=window.keys(ahead),
            key_offsets=window.offsets,
            null_place=self._null_place() if question.unanswerable else None,
        )

    def _null_place(self) -> int:
        if not self.codec.prefix:
            raise UnsupportedError(
                f"the tokenizer of {self.codec.tokenizer.name_or_path!r} puts no token before a"
                " text (<s> or [CLS]), which an encoder points at when a question has no answer."
                " Use another encoder, or a task without `unanswerable`."
            )
        return 0

    def _filled(self, question: Closed) -> list[tuple[int, ...]]:
        words = targets_of(self.codec, question)
        slots = max(len(word) for word in words)
        fill = self.codec.special("pad")
        return [word + (fill,) * (slots - len(word)) for word in words]

    def _masked_row(self, prompted: Prompted, num_masks: int) -> Row:
        encoded = self.codec.encode(prompted, self.max_input_tokens - self._special - num_masks)
        masks = (self.codec.special("mask"),) * num_masks
        ids = self.codec.prefix + encoded.ids + masks + self.codec.suffix
        first = len(self.codec.prefix) + len(encoded.ids)
        places = tuple(range(first, first + num_masks))
        return Row(prompted.id, ids, places, removed_tokens=encoded.removed)

    def _word_rows(self, prompted: Prompted, question: Slots, readout: Readout) -> list[Row]:
        """The words of a sentence, each with the code of its tag."""
        labels = slot_labels(self.codec, prompted, question)
        rows = []
        room = Room(self.max_input_tokens - self._special)
        for chunk in word_chunks(self.codec, prompted, question, room):
            ids = list(self.codec.prefix + chunk.prefix)
            places = []
            for word, own in zip(chunk.words, chunk.own, strict=True):
                places.append(len(ids) + own)
                ids += word
            rows.append(
                Row(
                    prompted.id,
                    (*ids, *chunk.suffix, *self.codec.suffix),
                    tuple(places),
                    labels=tuple(labels[chunk.first : chunk.first + len(chunk.words)]),
                    weight=chunk.weight,
                    first_slot=chunk.first,
                    removed_tokens=chunk.removed,
                )
            )
        return rows

    ways: ClassVar[Ways] = {
        # One mask for every token of the longest label word: one forward pass.
        Closed: Way((Readout.slots,), _labelled_row, _scored_row),
        Cloze: Way(
            (),
            reason="an encoder compares answers over the same mask slots, and the texts of choices"
            " have any number of tokens. Write `form: separate` (a yes or no to each choice) or"
            " leave `form` out (letters): every architecture can answer these",
        ),
        # Yes or no after a prompt for each choice: the log-odds are compared.
        Separate: Way((Readout.slots,), _bundle, _bundle),
        # Two pointers, compared with the context's states.
        Copied: Way((Readout.slots,), _pointed_rows, _pointer_rows),
        Slots: Way((Readout.slots,), _word_rows, _word_rows),
        # Nothing is trained: the states of one layer, and a yes/no question about the nearest.
        Pair: Way((Readout.embed, Readout.rank)),
    }


def _labels(window: Window) -> tuple[int, int]:
    """First and last key of the answer, or that there is none."""
    answer = window.answer
    return (NULL, NULL) if answer is None else (answer.start, answer.end - 1)
