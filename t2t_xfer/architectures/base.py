"""The seam between tasks and models: what an architecture must offer, and which readouts it has.

An architecture turns prompted examples into rows and rows into the model's own inputs. It knows
neither tasks nor engines; the training loop and the transformers engine know no architecture.

Each kind of question (`records.Question`) has a *way* in an architecture that can answer it: the
readouts, the default first, and the methods that make its rows. Plans ask for readouts without
torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

from t2t_xfer.architectures.candidates import Candidates
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.rows import Pairs, Reading, Row
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import (
    ArchitectureName,
    Closed,
    Cloze,
    Prompted,
    Question,
    Readout,
    Separate,
    Slots,
)

if TYPE_CHECKING:
    import torch


Inputs: TypeAlias = "dict[str, torch.Tensor | dict[str, torch.Tensor]]"
"""What a model's forward takes; a mask may come for each kind of its layers."""


class Way(NamedTuple):
    """How an architecture answers one kind of question."""

    readouts: tuple[Readout, ...]
    """The first one is the default. None: it cannot."""
    training: RowMaker | None = None
    """The method that makes `training_rows`. None: nothing is trained."""
    reading: RowMaker | None = None
    """The method that makes `reading_rows`. None: it is not read from rows."""
    reason: str = ""
    """Why there is no readout, and the way out."""


RowMaker: TypeAlias = Callable[..., list[Row]]
"""A method of an architecture: prompted example, its question, readout -> rows."""
Ways: TypeAlias = dict[type[Question], Way]


class Architecture(ABC):
    """One of encoder, seq2seq and causal, over one tokenizer."""

    name: ArchitectureName
    ways: ClassVar[Ways]
    """What it can be asked. A kind that is not here cannot be answered, and a plan that asks for it
    ends before any training."""
    codec: Codec
    max_input_tokens: int
    candidates: Candidates
    """How the model reads the candidates of one question."""
    pads_left: bool
    """Whether rows of different lengths may be continued in one batch."""
    auto_class: ClassVar[str]
    """The class of transformers that loads and makes its models."""

    @classmethod
    @abstractmethod
    def of_config(
        cls, config: Mapping[str, Any], codec: Codec, max_input_tokens: int
    ) -> Architecture:
        """The architecture over a model of this config (as `to_dict` gives it).

        Raises:
            UnsupportedError: rows of such a model would not be its own.
        """

    def training_rows(self, prompted: Prompted, readout: Readout | None = None) -> list[Row]:
        """Rows with labels. Several where one would be too long: words in chunks, or windows.

        Args:
            readout: what they will be read by, which tags are trained for; None: the default one.
        """
        way = self._way(prompted)
        assert way.training is not None, f"{prompted.id}: {prompted.question} is not trained"
        return way.training(self, prompted, prompted.question, readout or way.readouts[0])

    def reading_rows(self, prompted: Prompted, readout: Readout) -> list[Row]:
        """Rows to read the answer from: with `readings` for one answer, with places for slots.

        For `generate` rows without places, after which the answer is written.
        """
        way = self._way(prompted)
        assert way.reading is not None, f"{prompted.id}: {prompted.question} is not read from rows"
        return way.reading(self, prompted, prompted.question, readout)

    def _way(self, prompted: Prompted) -> Way:
        asked = type(prompted.question)
        way = self.ways.get(asked, NO_WAY)
        if not way.readouts:
            raise UnsupportedError(
                f"the architecture {self.name!r} cannot answer a question of the kind"
                f" {asked.__name__!r} ({prompted.id}): {way.reason or 'it has no way'}."
            )
        return way

    @abstractmethod
    def input_room(self, prompted: Prompted) -> int:
        """Tokens that the text before the answer may have, special tokens aside.

        Raises:
            UnsupportedError: the architecture reads no shots, the only text whose length counts
                before rows are made.
        """

    @abstractmethod
    def inputs(self, rows: Sequence[Row]) -> Inputs:
        """The padded inputs of the model's forward for these rows."""

    @abstractmethod
    def generation_inputs(self, rows: Sequence[Row]) -> Inputs:
        """The inputs of the model's `generate` for these rows.

        Raises:
            UnsupportedError: the architecture writes no text.
        """


NO_WAY = Way(())


def targets_of(codec: Codec, question: Closed | Cloze) -> tuple[tuple[int, ...], ...]:
    """The tokens of each option's text."""
    return tuple(codec.target(text) for text in question.options)


def bundle(
    prompted: Prompted, question: Separate, verdict_row: Callable[[Prompted], Row]
) -> list[Row]:
    """One bundle of separate choices, to train on and to read: yes or no after each question.

        Is this right? … dog  ⟦yes|no⟧       Is this right? … cat  ⟦yes|no⟧

    Every row is an ordinary sequence, so nothing depends on what a model makes of block masks.

    Args:
        verdict_row: yes and no (readings of options 0 and 1) after one question.
    """
    apart = [verdict_row(replace(each, shots=prompted.shots)) for each in question.asked]
    right = [i for i, each in enumerate(question.asked) if each.target == verdicts_of(each)[0]]
    removed = sum(row.removed_tokens for row in apart)
    return [
        Row(prompted.id, (), (), labels=tuple(right), apart=tuple(apart), removed_tokens=removed)
    ]


def verdicts_of(asked: Prompted) -> tuple[str, str]:
    """The words of yes and no in a question about a choice."""
    assert isinstance(asked.question, Closed), f"{asked.id}: not answered with yes or no"
    yes, no = asked.question.options
    return yes, no


def verdict_tokens(codec: Codec, asked: Prompted) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The tokens of yes and of no.

    Raises:
        UnsupportedError: they are the same.
    """
    words = verdicts_of(asked)
    yes, no = (codec.target(word) for word in words)
    if yes == no:
        raise UnsupportedError(
            f"the words {' and '.join(map(repr, words))} are the same tokens under the tokenizer"
            f" of {codec.tokenizer.name_or_path!r}, so separate choices cannot be answered. Give"
            " the prompt other `words` for yes and no."
        )
    return yes, no


def parted_row(architecture: Architecture, asked: Prompted) -> Row:
    """Yes and no where they part, behind the tokens that both words begin with; the end token
    counts. How a decoder is asked about one of separate choices."""
    codec = architecture.codec
    end = (codec.special("eos"),)
    yes, no = (word + end for word in verdict_tokens(codec, asked))
    shared = next(i for i, (a, b) in enumerate(zip(yes, no, strict=False)) if a != b)
    alone = replace(asked, question=Closed(verdicts_of(asked)[:1]))
    (row,) = architecture.reading_rows(alone, Readout.slots)
    given = (row.decoder_ids or row.input_ids) + yes[:shared]
    row = replace(
        row,
        places=(len(given) - 1,),
        readings=(Reading(0, yes[shared], 0), Reading(0, no[shared], 1)),
    )
    return replace(row, decoder_ids=given) if row.decoder_ids else replace(row, input_ids=given)


def parted_bundle(
    architecture: Architecture, prompted: Prompted, question: Separate, readout: Readout
) -> list[Row]:
    """The way of a decoder with separate choices."""
    return bundle(prompted, question, lambda asked: parted_row(architecture, asked))


def unless_written(rows: Callable[..., list[Row]], written: Callable[..., list[Row]]) -> RowMaker:
    """The rows of tags that are read in one pass, or of those that are written."""

    def made(
        architecture: Architecture, prompted: Prompted, question: Slots, readout: Readout
    ) -> list[Row]:
        make = written if readout is Readout.generate else rows
        return make(architecture, prompted, question)

    return made


def first_tokens(codec: Codec, options: Sequence[str]) -> tuple[int, ...]:
    """The first token of each option, for the readout `slots`.

    Raises:
        UnsupportedError: two options begin with the same token, so one position cannot tell.
    """
    firsts = tuple(codec.target(text)[0] for text in options)
    if len(set(firsts)) < len(firsts):
        raise UnsupportedError(
            f"the label words {', '.join(options)} do not differ in their first token under"
            f" the tokenizer of {codec.tokenizer.name_or_path!r}, so the readout `slots` cannot"
            " tell them apart. Use the readout `rank`, or other label words."
        )
    return firsts


def first_token_readings(codec: Codec, question: Closed | Cloze) -> tuple[Reading, ...]:
    """Every option's first token, all read at the row's one place."""
    firsts = first_tokens(codec, question.options)
    return tuple(Reading(0, token, option) for option, token in enumerate(firsts))


def slot_labels(codec: Codec, prompted: Prompted, question: Slots) -> list[int]:
    """The code of the gold option of each slot; -1 where the gold answer is unknown."""
    if not prompted.slot_targets:
        return [-1] * len(question.places)
    codes = dict(zip(question.options, codec.codebook(len(question.options)), strict=True))
    return [codes[text] for text in prompted.slot_targets]


def pairs_of(codec: Codec, question: Slots, markers: Sequence[tuple[int, ...]]) -> Pairs:
    """What may be written behind a row: the markers of its words, each with the code of a tag."""
    codes = codec.codebook(len(question.options))
    # A word that looks like the end token would end the text.
    end = codec.special("eos")
    kept = tuple(tuple(token for token in marker if token != end) for marker in markers)
    return Pairs(kept, codes, question.follows if question.held else ())


def gold_text(pairs: Pairs, labels: Sequence[int]) -> tuple[int, ...]:
    """The text that a model is fed in training: markers and gold codes, all but the last code."""
    return pairs.text([pairs.codes.index(label) for label in labels])[:-1]
