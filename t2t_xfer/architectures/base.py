"""The seam between tasks and models: what an architecture must offer, and which readouts it has.

An architecture turns prompted examples into rows and rows into the model's own inputs. It knows
neither tasks nor engines; the training loop and the transformers engine know no architecture.
Plans ask for readouts without torch; what is not in the table cannot be done, and a plan that asks
for it ends before any training.

>>> planned_readout("encoder", "label", asked=None)
<Readout.slots: 'slots'>
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

from t2t_xfer.architectures.candidates import Candidates
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.rows import Pairs, Reading, Row
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import ArchitectureName, Options, Prompted, Readout

if TYPE_CHECKING:
    import torch


Inputs: TypeAlias = "dict[str, torch.Tensor | dict[str, torch.Tensor]]"
"""What a model's forward takes; a mask may come for each kind of its layers."""


class Architecture(Protocol):
    """One of encoder, seq2seq and causal, over one tokenizer."""

    name: ArchitectureName
    codec: Codec
    max_input_tokens: int
    candidates: Candidates
    """How the model reads the candidates of one question."""
    pads_left: bool
    """Whether rows of different lengths may be continued in one batch."""

    def training_rows(
        self, prompted: Prompted, options: Options, readout: Readout | None = None
    ) -> list[Row]:
        """Rows with labels. Several where one would be too long: words in chunks, or windows.

        Args:
            readout: tags are trained in the form that they will be read in, `slots` unless it
                is `generate`. Nothing else depends on it.
        """

    def reading_rows(self, prompted: Prompted, options: Options, readout: Readout) -> list[Row]:
        """Rows to read the answer from: with `readings` for one answer, with places for slots.

        For `generate` rows without places, after which the answer is written.
        """

    def input_room(self, prompted: Prompted) -> int:
        """Tokens that the text before the answer may have, special tokens aside.

        Raises:
            UnsupportedError: the architecture reads no shots, the only text whose length counts
                before rows are made.
        """

    def inputs(self, rows: Sequence[Row]) -> Inputs:
        """The padded inputs of the model's forward for these rows."""

    def generation_inputs(self, rows: Sequence[Row]) -> Inputs:
        """The inputs of the model's `generate` for these rows.

        Raises:
            UnsupportedError: the architecture writes no text.
        """


def options_of(prompted: Prompted, options: Options) -> Options:
    """The answers that one example is read for: its own candidates, or the task's options."""
    return Options(prompted.candidates) if prompted.candidates else options


def option_tokens(codec: Codec, options: Options) -> tuple[tuple[int, ...], ...]:
    """The tokens that stand for each option: its text, or its code."""
    if options.coded:
        return tuple((code,) for code in codec.codebook(len(options.texts)))
    return tuple(codec.target(text) for text in options.texts)


def bundle(architecture: Architecture, prompted: Prompted) -> list[Row]:
    """One bundle of separate choices, to train on and to read: yes or no after each question.

        Is this right? … dog  ⟦yes|no⟧       Is this right? … cat  ⟦yes|no⟧

    Every row is an ordinary sequence, so nothing depends on what a model makes of block masks.

    Raises:
        UnsupportedError: yes and no are the same tokens.
    """
    apart = []
    for each in prompted.separate:
        asked = replace(each, candidates=(), shots=prompted.shots)
        apart.append(_verdict_row(architecture, asked, each.candidates))
    right = [i for i, each in enumerate(prompted.separate) if each.target == each.candidates[0]]
    removed = sum(row.removed_tokens for row in apart)
    return [
        Row(prompted.id, (), (), labels=tuple(right), apart=tuple(apart), removed_tokens=removed)
    ]


def _verdict_row(architecture: Architecture, asked: Prompted, verdicts: tuple[str, ...]) -> Row:
    """Yes and no (readings of options 0 and 1) after one question.

    An encoder fills as many masks as the longer word has tokens. The others go on with the tokens
    that both words begin with, and are read where they part; the end token counts.
    """
    codec = architecture.codec
    yes, no = (codec.target(word) for word in verdicts)
    if yes == no:
        raise UnsupportedError(
            f"the words {' and '.join(map(repr, verdicts))} are the same tokens under the tokenizer"
            f" of {codec.tokenizer.name_or_path!r}, so separate choices cannot be answered. Give"
            " the prompt other `words` for yes and no."
        )
    if architecture.name == "encoder":
        (row,) = architecture.reading_rows(asked, Options(verdicts), Readout.slots)
        return row
    end = (codec.special("eos"),)
    yes, no = yes + end, no + end
    shared = next(i for i, (a, b) in enumerate(zip(yes, no, strict=False)) if a != b)
    (row,) = architecture.reading_rows(asked, Options(verdicts[:1]), Readout.slots)
    given = (row.decoder_ids or row.input_ids) + yes[:shared]
    row = replace(
        row,
        places=(len(given) - 1,),
        readings=(Reading(0, yes[shared], 0), Reading(0, no[shared], 1)),
    )
    return replace(row, decoder_ids=given) if row.decoder_ids else replace(row, input_ids=given)


def first_tokens(codec: Codec, options: Options) -> tuple[int, ...]:
    """The first token of each option, for the readout `slots`.

    Raises:
        UnsupportedError: two options begin with the same token, so one position cannot tell.
    """
    firsts = tuple(tokens[0] for tokens in option_tokens(codec, options))
    if len(set(firsts)) < len(firsts):
        raise UnsupportedError(
            f"the label words {', '.join(options.texts)} do not differ in their first token under"
            f" the tokenizer of {codec.tokenizer.name_or_path!r}, so the readout `slots` cannot"
            " tell them apart. Use the readout `rank`, or other label words."
        )
    return firsts


def first_token_readings(codec: Codec, options: Options) -> tuple[Reading, ...]:
    """Every option's first token, all read at the row's one place."""
    firsts = first_tokens(codec, options)
    return tuple(Reading(0, token, option) for option, token in enumerate(firsts))


def slot_labels(
    prompted: Prompted, options: Options, codes: Sequence[tuple[int, ...]]
) -> list[int]:
    """The code of the gold option of each slot; -1 where the gold answer is unknown."""
    index = {text: i for i, text in enumerate(options.texts)}
    if not prompted.slot_targets:
        return [-1] * len(prompted.slots)
    return [codes[index[text]][0] for text in prompted.slot_targets]


def pairs_of(codec: Codec, options: Options, markers: Sequence[tuple[int, ...]]) -> Pairs:
    """What may be written behind a row: the markers of its words, each with the code of a tag."""
    codes = tuple(tokens[0] for tokens in option_tokens(codec, options))
    # A word that looks like the end token would end the text.
    end = codec.special("eos")
    kept = tuple(tuple(token for token in marker if token != end) for marker in markers)
    return Pairs(kept, codes, options.follows if options.held else ())


def gold_text(pairs: Pairs, labels: Sequence[int]) -> tuple[int, ...]:
    """The text that a model is fed in training: markers and gold codes, all but the last code."""
    return pairs.text([pairs.codes.index(label) for label in labels])[:-1]


ANSWER_READOUTS: dict[tuple[ArchitectureName, str], tuple[Readout, ...]] = {
    # One mask slot for every token of the longest label word: one forward pass.
    ("encoder", "label"): (Readout.slots,),
    # `rank` is exact for label words of any number of tokens; `slots` reads their first tokens
    # only and needs these to differ; `generate` writes one of them, token by token.
    ("seq2seq", "label"): (Readout.rank, Readout.slots, Readout.generate),
    ("causal", "label"): (Readout.rank, Readout.slots, Readout.generate),
    # Letters are label words.
    ("encoder", "choice"): (Readout.slots,),
    ("seq2seq", "choice"): (Readout.rank, Readout.slots, Readout.generate),
    ("causal", "choice"): (Readout.rank, Readout.slots, Readout.generate),
    # Texts of choices: the mean log-probability of their tokens (and the end token) decides.
    ("seq2seq", "cloze"): (Readout.rank,),
    ("causal", "cloze"): (Readout.rank,),
    # Yes or no after a prompt for each choice: the log-odds are compared.
    ("encoder", "separate"): (Readout.slots,),
    ("seq2seq", "separate"): (Readout.slots,),
    ("causal", "separate"): (Readout.slots,),
    # Two pointers, compared with the context's states.
    ("encoder", "span"): (Readout.slots,),
    ("seq2seq", "span"): (Readout.generate,),
    ("causal", "span"): (Readout.generate,),
    ("encoder", "tags"): (Readout.slots,),
    # Each is trained in the form that it is read in (docs/tagging.md).
    ("seq2seq", "tags"): (Readout.slots, Readout.generate),
    ("causal", "tags"): (Readout.slots, Readout.generate),
    # Nothing is trained: the states of one layer, and the yes/no question about the nearest.
    ("encoder", "pair"): (Readout.embed, Readout.rank),
    ("seq2seq", "pair"): (Readout.embed, Readout.rank),
    ("causal", "pair"): (Readout.embed, Readout.rank),
}

REASONS: dict[tuple[ArchitectureName, str], str] = {
    ("encoder", "cloze"): (
        "an encoder compares answers over the same mask slots, and the texts of choices have any"
        " number of tokens. Write `form: separate` (a yes or no to each choice) or leave `form` out"
        " (letters): every architecture can answer these"
    ),
}
"""Why a pair is not in the table, and the way out."""


def planned_readout(architecture: ArchitectureName, answer: str, asked: Readout | None) -> Readout:
    """The readout that a stage will use; `asked` is what the task's YAML wants, if anything.

    Raises:
        UnsupportedError: the architecture cannot answer this format, or not by that readout.
    """
    possible = ANSWER_READOUTS.get((architecture, answer), ())
    if not possible:
        reason = REASONS.get((architecture, answer))
        raise UnsupportedError(
            f"the architecture {architecture!r} cannot answer tasks of the format {answer!r}"
            + (f": {reason}." if reason else ". Leave the task or the model out of the study.")
        )
    if asked is None:
        return possible[0]
    if asked not in possible:
        raise UnsupportedError(
            f"the architecture {architecture!r} cannot read {answer!r} answers by the readout"
            f" {asked.value!r}; it can by {', '.join(r.value for r in possible)}. Change"
            f" `readout: {{{architecture}: …}}` in the task's YAML, or leave it out."
        )
    return asked
