"""Where the target of an example sits, for each architecture: in words, and in a model's tokens.

What bears the loss stands between marks, the rest is what the model is given.

    label   encoder   … relation: ⟦neutral⟧            masks, read by the MLM head
            seq2seq   decoder: ⟦neutral⟧
            causal    … relation: ⟦neutral⟧
    tags    encoder   The⟦DET⟧ dog⟦NOUN⟧               at the first subword of each word

    micro:encoder (encoder): 9 tokens, 1 of them with loss
      <s> ▁review : ▁Ein ▁wunder bares ▁opinion : ⟦<mask> → ▁good⟧ </s>
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from t2t_xfer.architectures import ARCHITECTURES, way_of
from t2t_xfer.architectures.base import Architecture
from t2t_xfer.architectures.rows import NULL, Row
from t2t_xfer.records import (
    ArchitectureName,
    Copied,
    Pair,
    Prompted,
    Question,
    Readout,
    Separate,
    Slots,
)
from t2t_xfer.stages.task import Task

OPEN, CLOSE = "⟦", "⟧"
"""Around what bears the loss."""
BEFORE = 40
"""Characters of the input that are shown before the target."""


@dataclass(frozen=True)
class Layout:
    """One architecture's view of an example."""

    architecture: ArchitectureName
    readout: str
    """How the answer is read unless the task asks for another; empty if it cannot be."""
    text: str
    """With marks around what bears the loss."""
    how: str


def layouts(
    asks: type[Question], prompted: Prompted, asked: Mapping[ArchitectureName, Readout]
) -> list[Layout]:
    """All three views.

    Args:
        asks: what the answer format asks.
        prompted: the example as text, with its target.
        asked: readouts that the task asks for.
    """
    found = []
    for architecture in ARCHITECTURES:
        way = way_of(architecture, asks)
        if not way.readouts:
            reason = way.reason or "it cannot answer in this format"
            found.append(Layout(architecture, "", "", reason))
            continue
        readout = asked.get(architecture, way.readouts[0])
        text, how = _view(architecture, prompted, readout)
        found.append(Layout(architecture, readout.value, text, how))
    return found


def _view(architecture: ArchitectureName, prompted: Prompted, readout: Readout) -> tuple[str, str]:
    match prompted.question:
        case Pair():
            return "", "nothing is trained; the states of one layer are compared"
        case Slots() as question:
            return _tags(architecture, prompted, question, readout)
        case Separate(asked):
            return _separate(architecture, asked)
        case Copied() if architecture == "encoder":
            return _pointed(prompted), "two masks after the input point at its first and last token"
    marked = _marked(prompted.target)
    if architecture == "seq2seq":
        return marked, "the decoder writes it; the encoder reads the input"
    after = f"{_tail(prompted.input)} {marked}"
    if architecture == "encoder":
        return after, "masks after the input, as many as the longest word has tokens"
    return after, "after the input"


def _tags(
    architecture: ArchitectureName, prompted: Prompted, question: Slots, readout: Readout
) -> tuple[str, str]:
    regions = {region.field: region for region in prompted.regions}
    words = [prompted.input[regions[s].start : regions[s].end] for s in question.places]
    tags = prompted.slot_targets or ("?",) * len(words)
    pairs = list(zip(words, tags, strict=True))
    beside = " ".join(f"{word}{_marked(tag)}" for word, tag in pairs)
    written = "" if readout is not Readout.generate else ", each word after the tags before it"
    if architecture == "encoder":
        return beside, "one code for each tag, at the first subword of each word"
    if architecture == "seq2seq":
        blocks = " | ".join(f"<{i}> {word} {_marked(tag)}" for i, (word, tag) in enumerate(pairs))
        return blocks, f"one code for each tag, in the decoder behind each word{written}"
    return beside, f"at the last subword of each word in a second copy of the sentence{written}"


def _separate(architecture: ArchitectureName, asked: Sequence[Prompted]) -> tuple[str, str]:
    after = {"encoder": "at masks after each input", "seq2seq": "in the decoder"}
    shown = [
        _marked(each.target)
        if architecture == "seq2seq"
        else f"{_tail(each.input)} {_marked(each.target)}"
        for each in asked
    ]
    where = after.get(architecture, "after each input")
    return " | ".join(shown), f"a row for each choice, {where}; log-odds compared over the choices"


def _pointed(prompted: Prompted) -> str:
    if prompted.answer is None:
        return _marked(prompted.target) + " (no piece of the text)"
    start, end = prompted.answer.start, prompted.answer.end
    before = _one_line(prompted.input[max(0, start - BEFORE) : start])
    after = _one_line(prompted.input[end : end + BEFORE])
    return f"…{before}{_marked(prompted.input[start:end])}{after}…"


def _tail(text: str) -> str:
    return _one_line(text if len(text) <= BEFORE else f"…{text[-BEFORE:]}")


def _marked(text: str) -> str:
    return f"{OPEN}{_one_line(text)}{CLOSE}"


def _one_line(text: str) -> str:
    return text.replace("\n", "⏎")


def token_lines(
    model: str, architecture: Architecture, task: Task, text: Prompted
) -> Iterator[str]:
    """The training rows of one example.

    Tokens stand apart by spaces. Between marks stands a token at which the head is read, and what
    it should predict there, or for a pointer the token that it should point at.
    """
    readout = task.spec.readout.get(architecture.name)
    rows = architecture.training_rows(text, readout)
    shown = [each for row in rows for each in row.sequences]
    for number, row in enumerate(shown, start=1):
        part = f", row {number} of {len(shown)}" if len(shown) > 1 else ""
        cut = f", {row.removed_tokens} cut off" if row.removed_tokens else ""
        yield (
            f"  {model} ({architecture.name}): {row.num_tokens} tokens,"
            f" {len(row.places)} with loss{cut}{part}"
        )
        decode = _decoder(architecture)
        if row.decoder_ids:
            yield "    encoder  " + " ".join(map(decode, row.input_ids))
        side = "decoder  " if row.decoder_ids else ""
        yield f"    {side}{' '.join(_row_marked(row, text, decode))}"


def _decoder(architecture: Architecture) -> Callable[[int], str]:
    """Shows a token; of those that stand for bytes the text, where it is whole characters."""
    tokenizer = architecture.codec.tokenizer
    special = frozenset(tokenizer.all_special_tokens)

    def decode(token: int) -> str:
        raw = str(tokenizer.convert_ids_to_tokens([token])[0])
        text = tokenizer.convert_tokens_to_string([raw]) if raw not in special else ""
        if not text.strip() or "\ufffd" in text or raw.startswith("##"):
            return raw.replace("Ċ", "⏎")
        return ("▁" if raw[0] in "Ġ▁" else "") + text.strip()

    return decode


def _row_marked(row: Row, text: Prompted, decode: Callable[[int], str]) -> Iterator[str]:
    """The tokens of the sequence that holds the places."""
    numbers = {place: number for number, place in enumerate(row.places)}
    for place, token in enumerate(row.decoder_ids or row.input_ids):
        if place not in numbers:
            yield decode(token)
        else:
            answer = _answer(row, text, numbers[place], decode)
            yield f"{OPEN}{decode(token)} → {answer}{CLOSE}"


def _answer(row: Row, text: Prompted, number: int, decode: Callable[[int], str]) -> str:
    if isinstance(text.question, Separate):
        return " or ".join(decode(each.token) for each in row.readings if each.place == number)
    label = row.labels[number]
    if text.slot_targets:
        return f"{decode(label)} = {text.slot_targets[row.first_slot + number]}"
    if row.keys is None:
        return decode(label)
    if label == NULL:
        return "nothing to point at"
    place = row.keys.start + label
    return f"{decode(row.input_ids[place])} at {place}"
