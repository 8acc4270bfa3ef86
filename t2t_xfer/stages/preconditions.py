"""What a model's tokenizer must offer a task: one set of questions for plan, run and `tasks check`.

words   no two of them are the same tokens, none holds a token that the model does not know
codes   one for each tag; a sentinel for words (encoder-decoders), a mask (encoders)
rows    every example fits into the model's inputs, its answer into a window

The rule: no weights are loaded. Rows are made only of examples whose characters alone do not show
that they fit, so that hundred thousands are asked in a second.

    check_words(codec, "causal", task, Readout.rank)
    check_rows(architecture, task, prompted, Readout.rank, training=False)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from t2t_xfer.architectures.base import Architecture
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.windows import MIN_ROOM
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import (
    ArchitectureName,
    Cloze,
    Copied,
    Pair,
    Prompted,
    Readout,
    Separate,
    Slots,
)
from t2t_xfer.stages.task import Task

SLACK = 24
"""Tokens that special tokens, masks and spaces may take beside what the characters say."""


@dataclass(frozen=True)
class Findings:
    """What was found about the answers of a task under a tokenizer."""

    pieces: Mapping[str, tuple[str, ...]]
    """Label word -> its tokens."""
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    distinct: bool | None = None
    """Whether the words' first tokens tell them apart. None: there are no words."""


def answers_found(
    codec: Codec, architecture: ArchitectureName, task: Task, readout: str
) -> Findings:
    """Whether the tokenizer can say the answers of a task apart."""
    if task.answer.asks is Slots:
        return _codes(codec, architecture, len(task.answer.options))
    ids = {word: codec.target(word) for word in task.answer.words}
    if not ids:
        return Findings({})
    names = codec.tokenizer.convert_ids_to_tokens
    pieces = {word: tuple(map(str, names(list(each)))) for word, each in ids.items()}
    notes, problems = list[str](), list[str]()
    unknown = codec.tokenizer.unk_token_id
    for word, each in ids.items():
        if unknown is not None and unknown in each:
            problems.append(f"the word {word!r} holds a token that the model does not know.")
    for a, b in _equal(ids):
        problems.append(
            f"the words {a!r} and {b!r} are the same tokens ({' '.join(pieces[a])}): give one"
            " another word."
        )
    alike = _equal({word: each[:1] for word, each in ids.items()})
    if alike:
        named = ", ".join(f"{a!r} and {b!r}" for a, b in alike)
        if architecture == "encoder":
            notes.append(f"{named} begin with the same token: each has masks for all its tokens.")
        elif task.answer.asks is Separate:
            notes.append(f"{named} begin with the same token: they are read where they part.")
        elif readout == Readout.slots.value:
            problems.append(
                f"{named} begin with the same token, so `slots` cannot tell them apart."
            )
        else:
            notes.append(f"{named} begin with the same token: rank scoring will be used.")
    return Findings(pieces, tuple(notes), tuple(problems), not alike)


def _equal(ids: Mapping[str, tuple[int, ...]]) -> list[tuple[str, str]]:
    words = list(ids)
    return [(a, b) for i, a in enumerate(words) for b in words[i + 1 :] if ids[a] == ids[b]]


def _codes(codec: Codec, architecture: ArchitectureName, size: int) -> Findings:
    problems = list[str]()
    try:
        codec.codebook(size)
        if architecture == "encoder":
            codec.special("mask")
    except UnsupportedError as e:
        problems.append(str(e))
    if architecture == "seq2seq" and not codec.sentinels:
        problems.append("the tokenizer has no sentinels (<extra_id_0>, …), so words have no place.")
    note = () if problems else (f"the codebook has a token for each of the {size} tags.",)
    return Findings({}, note, tuple(problems))


def check_words(
    codec: Codec, architecture: ArchitectureName, task: Task, readout: Readout | str
) -> None:
    """Refuses answers that the tokenizer cannot tell apart.

    Raises:
        UnsupportedError: names the words and their tokens.
    """
    problems = answers_found(codec, architecture, task, str(readout)).problems
    if problems:
        raise UnsupportedError(
            f"task {task.name!r} with the tokenizer of {codec.tokenizer.name_or_path!r}:"
            f" {' '.join(problems)} `t2t-xfer tasks check {task.name} --model …` shows them all."
        )


def check_rows(
    architecture: Architecture,
    task: Task,
    prompted: Sequence[Prompted],
    readout: Readout | None,
    *,
    training: bool,
) -> None:
    """Refuses examples of which no rows can be made.

    Args:
        readout: how the answer is read; in training, the form of tags.
        training: whether the rows of training are asked for, which hold the answers.

    Raises:
        DataError: an example or its answer does not fit; names it.
    """
    if task.answer.asks is Pair:  # cut where they are embedded, asked about neighbours later
        return
    texts = () if task.answer.asks is Slots else task.answer.options
    beside = max(map(_most_tokens, texts), default=0)
    for text in prompted:
        alone = replace(text, shots=())  # as many stand before it as fit
        room = architecture.max_input_tokens - beside
        if all(_surely_fits(each, room) for each in alone.asked):
            continue
        if training:
            architecture.training_rows(alone, readout)
        else:
            architecture.reading_rows(alone, readout or Readout.slots)


def _surely_fits(text: Prompted, room: int) -> bool:
    """Whether the characters that cannot be shortened alone are fewer than the tokens."""
    shrinking, answers, least = {*text.shortenable}, tuple[str, ...](), 0
    match text.question:
        case Slots(places):
            shrinking.update(places)
        case Cloze(options):
            answers = options
        case Copied(field, unanswerable):
            shrinking.add(field)
            answers, least = (unanswerable, text.target), MIN_ROOM
    names = {region.field: region for region in text.regions if region.field in shrinking}
    outside = _most_tokens(_without(text.input, [(r.start, r.end) for r in names.values()])) + least
    longest = max(map(_most_tokens, answers), default=0)
    # A field that may be shortened keeps a token.
    return outside + len(text.shortenable) + longest + SLACK <= room


def _without(text: str, places: Sequence[tuple[int, int]]) -> str:
    left, cursor = list[str](), 0
    for start, end in sorted(places):
        left.append(text[cursor : max(start, cursor)])
        cursor = max(cursor, end)
    return "".join((*left, text[cursor:]))


def _most_tokens(text: str) -> int:
    """No tokenizer makes more tokens of a text than it has bytes, once it is normalised."""
    if text.isascii():
        return len(text)
    return len(re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).encode())
