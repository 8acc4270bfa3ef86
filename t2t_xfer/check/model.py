"""How a model's tokenizer sees the answers of a task. No weights are loaded.

label, choice   the words' tokens; do their first tokens tell them apart?
tags            a code of one token for each tag; a sentinel for each word (encoder-decoders)
all             how many tokens the inputs have
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from t2t_xfer.architectures import planned_readout
from t2t_xfer.architectures.base import Architecture
from t2t_xfer.architectures.checkpoint import ANSWER_ROOM, adapter_base, is_adapter, max_positions
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.check.findings import ModelCheck, SplitNumbers
from t2t_xfer.errors import DataError, UnsupportedError
from t2t_xfer.microworld import checkpoints
from t2t_xfer.paths import expanded
from t2t_xfer.records import ArchitectureName, Prompted, Slots, Split
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.stages.bases import config_of, model_architecture
from t2t_xfer.stages.preconditions import answers_found, check_rows
from t2t_xfer.stages.task import Task


@dataclass(frozen=True)
class Tokens:
    """A model's tokenizer, and how its architecture makes rows with it."""

    model: str
    """As the user named it."""
    reader: Architecture
    """At the usual length of inputs, or the longest that the model has."""

    @property
    def architecture(self) -> ArchitectureName:
        """Encoder, seq2seq or causal."""
        return self.reader.name

    @property
    def codec(self) -> Codec:
        """What asks the tokenizer."""
        return self.reader.codec

    def unfit(self, task: Task, prompted: Sequence[Prompted], split: Split) -> str:
        """The first example that does not fit; empty if all do."""
        asked = task.spec.readout.get(self.architecture)
        training = split == "train"
        try:
            readout = planned_readout(self.architecture, task.answer, asked)
            check_rows(self.reader, task, prompted, readout, training=training)
        except DataError as e:
            return f"with inputs of {self.reader.max_input_tokens} tokens: {e}"
        except UnsupportedError:  # said with the answers
            return ""
        return ""

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, without special ones."""
        # `verbose`: no advice about texts that are longer than the model.
        found = self.codec.tokenizer(list(texts), add_special_tokens=False, verbose=False)
        return [len(ids) for ids in found["input_ids"]]


def load_tokens(model: str) -> Tokens:
    """The tokenizer of a checkpoint in a directory or on the hub."""
    if model.startswith("new:"):
        raise UnsupportedError(
            f"--model {model}: a new model has no tokenizer before it is made. Name a checkpoint."
        )
    path = str(expanded(model)) if model.startswith("~") else model
    architecture = model_architecture(path, None)
    most = max_positions(config_of(path, None))
    length = TrainingSpec().max_input_tokens
    if most is not None:
        length = min(length, most - (ANSWER_ROOM if architecture == "causal" else 0))
    from t2t_xfer.architectures.loading import architecture_at

    return Tokens(model, architecture_at(path, None, length))


def check_model(
    task: Task, tokens: Tokens, splits: Mapping[str, Mapping[Split, SplitNumbers | None]]
) -> ModelCheck:
    """Whether the model can give the task's answers, and how they would be read."""
    asked = task.spec.readout.get(tokens.architecture)
    notes, readout = list[str](), None
    try:
        readout = planned_readout(tokens.architecture, task.answer, asked).value
    except UnsupportedError as e:
        notes.append(str(e))
    found = answers_found(tokens.codec, tokens.architecture, task, readout or "")
    notes += found.notes
    room = len(tokens.codec.sentinels)
    if tokens.architecture == "seq2seq" and task.answer.asks is Slots and room:
        known = (each for of in splits.values() for each in of.values() if each is not None)
        words = (each.lengths["words"].longest for each in known if "words" in each.lengths)
        longest = max(words, default=0)
        if longest > room:
            notes.append(
                f"the longest sentence has {longest} words, more than the {room} sentinels: such"
                " sentences are read in parts."
            )
    return ModelCheck(
        tokens.model,
        tokens.architecture,
        readout,
        found.pieces,
        found.distinct,
        tuple(notes),
        found.problems,
    )


def architecture_of_model(model: str) -> Architecture:
    """Rows as this model sees them. No weights are loaded.

    Args:
        model: a directory, a model of the hub, a micro model, or an adapter's directory.
    """
    path = str(checkpoints.checkpoint(model)) if checkpoints.is_micro(model) else model
    return load_tokens(adapter_base(path).path if is_adapter(path) else path).reader
