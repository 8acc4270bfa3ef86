"""How a model sees an example: its tokens, and which of them bear the loss.

micro:encoder (encoder): 9 tokens, 1 of them with loss
  <s> ▁review : ▁Ein ▁wunder bares ▁opinion : ⟦<mask> → ▁good⟧ </s>
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from t2t_xfer.architectures.base import Architecture
from t2t_xfer.architectures.rows import NULL, Row
from t2t_xfer.records import Prompted
from t2t_xfer.stages.layout import CLOSE, OPEN
from t2t_xfer.stages.task import Task


def token_lines(
    model: str, architecture: Architecture, task: Task, text: Prompted
) -> Iterator[str]:
    """The training rows of one example.

    Tokens stand apart by spaces. Between marks stands a token at which the head is read, and what
    it should predict there, or for a pointer the token that it should point at.

    Raises:
        UnsupportedError: the architecture cannot answer the task.
    """
    readout = task.spec.readout.get(architecture.name)
    rows = architecture.training_rows(text, task.answer.options, readout)
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
        yield f"    {'decoder  ' if row.decoder_ids else ''}{' '.join(_marked(row, text, decode))}"


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


def _marked(row: Row, text: Prompted, decode: Callable[[int], str]) -> Iterator[str]:
    """The tokens of the sequence that holds the places."""
    numbers = {place: number for number, place in enumerate(row.places)}
    for place, token in enumerate(row.decoder_ids or row.input_ids):
        if place not in numbers:
            yield decode(token)
        else:
            answer = _answer(row, text, numbers[place], decode)
            yield f"{OPEN}{decode(token)} → {answer}{CLOSE}"


def _answer(row: Row, text: Prompted, number: int, decode: Callable[[int], str]) -> str:
    if text.separate:
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
