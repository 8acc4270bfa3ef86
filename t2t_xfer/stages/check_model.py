"""How a model's tokenizer sees the answers of a task. No weights are loaded.

label, choice   the words' tokens; do their first tokens tell them apart?
tags            a code of one token for each tag; a sentinel for each word (encoder-decoders)
all             how many tokens the inputs have
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2t_xfer.architectures import planned_readout
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.errors import UnsupportedError, UserError
from t2t_xfer.records import ArchitectureName, Readout
from t2t_xfer.stages.check_findings import LanguageCheck, ModelCheck
from t2t_xfer.stages.models import model_architecture
from t2t_xfer.stages.task import Task
from t2t_xfer.trust import NO_CODE


@dataclass(frozen=True)
class Tokens:
    """A tokenizer, and the architecture of the model that it belongs to."""

    model: str
    """As the user named it."""
    architecture: ArchitectureName
    codec: Codec

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, without special ones."""
        # `verbose`: no advice about texts that are longer than the model.
        found = self.codec.tokenizer(list(texts), add_special_tokens=False, verbose=False)
        return [len(ids) for ids in found["input_ids"]]


def load_tokens(model: str) -> Tokens:
    """The tokenizer of a checkpoint in a directory or on the hub.

    Raises:
        UserError: there is no such checkpoint, or it has no tokenizer that can be read.
        UnsupportedError: the tokenizer cannot say which characters a token covers, or a model
            that does not exist yet.
    """
    if model.startswith("new:"):
        raise UnsupportedError(
            f"--model {model}: a new model has no tokenizer before it is made. Name a checkpoint."
        )
    path = str(Path(model).expanduser()) if model.startswith("~") else model
    architecture = model_architecture(path, None)
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(path, **NO_CODE)
    except (OSError, ValueError) as e:
        raise UserError(
            f"the tokenizer of {model!r} cannot be loaded: {' '.join(str(e).split())} Give a"
            " directory with a tokenizer, or the id of a model on the hub."
        ) from e
    return Tokens(model, architecture, Codec(tokenizer))


def check_model(task: Task, tokens: Tokens, languages: Sequence[LanguageCheck]) -> ModelCheck:
    """Whether the model can give the task's answers, and how they would be read."""
    notes, problems = list[str](), list[str]()
    asked = task.spec.readout.get(tokens.architecture)
    try:
        readout = planned_readout(tokens.architecture, task.answer.name, asked).value
    except UnsupportedError as e:
        readout = ""
        notes.append(str(e))
    pieces: Mapping[str, tuple[str, ...]] = {}
    distinct = None
    if task.answer.options.coded:
        _check_codes(task, tokens, languages, notes, problems)
    elif words := _asked_words(task):
        ids = {word: tokens.codec.target(word) for word in words}
        distinct = len({each[:1] for each in ids.values()}) == len(ids)
        decode: Any = tokens.codec.tokenizer.convert_ids_to_tokens
        pieces = {word: tuple(decode(list(each))) for word, each in ids.items()}
        _check_words(tokens, ids, readout, notes, problems)
    return ModelCheck(
        tokens.model,
        tokens.architecture,
        readout,
        pieces,
        tuple(notes),
        tuple(problems),
        distinct,
    )


def _asked_words(task: Task) -> tuple[str, ...]:
    """What the model is asked to say: the words of the options, or yes and no to each choice."""
    verdicts: tuple[str, ...] = getattr(task.answer, "verdicts", ())
    return verdicts or task.answer.options.texts


def _check_words(
    tokens: Tokens,
    ids: Mapping[str, tuple[int, ...]],
    readout: str,
    notes: list[str],
    problems: list[str],
) -> None:
    """Label words as this tokenizer cuts them."""
    unknown = tokens.codec.tokenizer.unk_token_id
    for word, each in ids.items():
        if unknown is not None and unknown in each:
            problems.append(f"the word {word!r} holds a token that the model does not know.")
    for a, b in _equal(ids):
        problems.append(f"the words {a!r} and {b!r} are the same tokens: give one another word.")
    alike = _equal({word: each[:1] for word, each in ids.items()})
    if not alike:
        return
    named = ", ".join(f"{a!r} and {b!r}" for a, b in alike)
    if tokens.architecture == "encoder":
        notes.append(f"{named} begin with the same token: each has masks for all of its tokens.")
    elif readout == Readout.slots.value:
        problems.append(f"{named} begin with the same token, so `slots` cannot tell them apart.")
    else:
        notes.append(f"{named} begin with the same token: rank scoring will be used.")


def _equal(ids: Mapping[str, tuple[int, ...]]) -> list[tuple[str, str]]:
    words = list(ids)
    return [(a, b) for i, a in enumerate(words) for b in words[i + 1 :] if ids[a] == ids[b]]


def _check_codes(
    task: Task,
    tokens: Tokens,
    languages: Sequence[LanguageCheck],
    notes: list[str],
    problems: list[str],
) -> None:
    """A code for each tag, and a place for each word."""
    size = len(task.answer.options.texts)
    try:
        tokens.codec.codebook(size)
        notes.append(f"the codebook has a token for each of the {size} tags.")
        if tokens.architecture == "encoder":
            tokens.codec.special("mask")
    except UnsupportedError as e:
        problems.append(str(e))
    if tokens.architecture != "seq2seq":
        return
    room = len(tokens.codec.sentinels)
    longest = max(
        (s.words.longest for each in languages for s in each.splits if s.words is not None),
        default=0,
    )
    if not room:
        problems.append("the tokenizer has no sentinels (<extra_id_0>, …), so words have no place.")
    elif longest > room:
        notes.append(
            f"the longest sentence has {longest} words, more than the {room} sentinels: such"
            " sentences are read in parts."
        )
