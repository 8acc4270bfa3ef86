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

from collections.abc import Sequence
from dataclasses import replace

from t2t_xfer.architectures.base import REASONS, Inputs, bundle, option_tokens, slot_labels
from t2t_xfer.architectures.candidates import PACKED
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.rows import NULL, Reading, Row
from t2t_xfer.architectures.windows import Room, Window, training_windows, windows, word_chunks
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import ArchitectureName, Options, Prompted, Readout


class Encoder:
    """See `Architecture`."""

    name: ArchitectureName = "encoder"
    pads_left = True  # it writes nothing
    candidates = PACKED  # all of them at the same masks

    def __init__(self, codec: Codec, max_input_tokens: int) -> None:
        self.codec = codec
        self.max_input_tokens = max_input_tokens
        self._special = len(codec.prefix) + len(codec.suffix)

    def training_rows(
        self, prompted: Prompted, options: Options, readout: Readout | None = None
    ) -> list[Row]:
        """Rows with labels at the mask slots or at the words."""
        if prompted.separate:
            return bundle(self, prompted)
        if prompted.slots:
            return self._word_rows(prompted, options)
        if prompted.copied:
            found = training_windows(self.codec, prompted, self._window_room)
            return [
                replace(self._pointer_row(prompted, w), labels=_labels(w), weight=1 / len(found))
                for w in found
            ]
        words = self._filled(options)
        row = self._masked_row(prompted, len(words[0]))
        labels = words[options.texts.index(prompted.target)]
        return [replace(row, labels=labels)]

    def reading_rows(self, prompted: Prompted, options: Options, readout: Readout) -> list[Row]:
        """Every label word over the same masks, the words of a sentence, or pointers."""
        if prompted.separate:
            return bundle(self, prompted)
        if prompted.slots:
            return self._word_rows(prompted, options)
        if prompted.copied:
            found = windows(self.codec, prompted, self._window_room)
            return [self._pointer_row(prompted, w) for w in found]
        if prompted.candidates:
            raise UnsupportedError(REASONS["encoder", "cloze"])
        words = self._filled(options)
        readings = tuple(
            Reading(place, token, option)
            for option, word in enumerate(words)
            for place, token in enumerate(word)
        )
        return [replace(self._masked_row(prompted, len(words[0])), readings=readings)]

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

    def _pointer_row(self, prompted: Prompted, window: Window) -> Row:
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
            null_place=self._null_place() if prompted.unanswerable else None,
        )

    def _null_place(self) -> int:
        if not self.codec.prefix:
            raise UnsupportedError(
                f"the tokenizer of {self.codec.tokenizer.name_or_path!r} puts no token before a"
                " text (<s> or [CLS]), which an encoder points at when a question has no answer."
                " Use another encoder, or a task without `unanswerable`."
            )
        return 0

    def _filled(self, options: Options) -> list[tuple[int, ...]]:
        words = option_tokens(self.codec, options)
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

    def _word_rows(self, prompted: Prompted, options: Options) -> list[Row]:
        codes = option_tokens(self.codec, options)
        labels = slot_labels(prompted, options, codes)
        rows = []
        room = Room(self.max_input_tokens - self._special)
        for chunk in word_chunks(self.codec, prompted, room):
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


def _labels(window: Window) -> tuple[int, int]:
    """First and last key of the answer, or that there is none."""
    answer = window.answer
    return (NULL, NULL) if answer is None else (answer.start, answer.end - 1)
