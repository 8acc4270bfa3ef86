"""The JSON-lines logs of stages: what a model answered, and what the metric made of it.

Raw answers are kept whole, so a changed parser or metric never decodes again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from t2t_xfer.errors import UserError
from t2t_xfer.records import Answer, Example, Generation, Json, Readout

PREDICTIONS = "predictions.jsonl"
"""Of a `predict` stage: one generation a line."""
STATISTICS = "statistics.jsonl"
"""Of a `score` stage: one example a line, with its additive statistics."""
_START = '{"id": '
_DECODER = json.JSONDecoder()


def read_log(path: Path, ids: Collection[str] | None = None) -> Iterator[dict[str, Any]]:
    """The lines of a log: all, or those of some examples, without parsing the others.

    Raises:
        UserError: the log cannot be read, or a line is not what a stage writes.
    """
    left = None if ids is None else set(ids)
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if left is not None and not left:
                    return
                try:
                    if left is None:
                        yield json.loads(line)
                    elif (id := _id(line)) in left:
                        left.remove(id)
                        yield json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise UserError(
                        f"{path}:{number}: not a line that a stage wrote ({error}). Run `t2t-xfer"
                        " store verify` to see which stages are damaged, then run the study again."
                    ) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error


def _id(line: str) -> str:
    """Every line begins with its example's id."""
    if not line.startswith(_START):
        raise ValueError("it does not begin with an id")
    return str(_DECODER.raw_decode(line, len(_START))[0])


def read_predictions(path: Path) -> dict[str, Generation]:
    """The logged generations of a `predict` stage by example id."""
    return {row["id"]: generation_of(row) for row in read_log(path)}


def generation_of(row: Mapping[str, Any]) -> Generation:
    """What `logged` has made of one."""
    return Generation(
        row["id"],
        Readout(row["readout"]),
        text=row["text"],
        scores=tuple(row["scores"]),
        choices=tuple(row["choices"]),
        legal=tuple(row.get("legal", ())),
        place=None if row["place"] is None else tuple(row["place"]),
        removed_tokens=row["removed_tokens"],
        lengths=tuple(row.get("lengths", ())),
        neighbours=tuple(row.get("neighbours", ())),
        pieces=row.get("pieces", 1),
        removed_shots=row.get("removed_shots", 0),
    )


def logged(example: Example, generation: Generation) -> dict[str, Json]:
    """One line of `predictions.jsonl`."""
    line: dict[str, Json] = {
        "id": example.id,
        "language": example.language,
        "gold": plain(example.gold),
        "readout": generation.readout.value,
        "text": generation.text,
        "scores": list(generation.scores),
        "choices": list(generation.choices),
        "place": plain(generation.place),
        "removed_tokens": generation.removed_tokens,
    }
    # Most tasks have none of these.
    if generation.legal:
        line["legal"] = list(generation.legal)
    if generation.lengths:
        line["lengths"] = list(generation.lengths)
    if generation.neighbours:
        line["neighbours"] = list(generation.neighbours)
    if generation.pieces > 1:
        line["pieces"] = generation.pieces
    if generation.removed_shots:
        line["removed_shots"] = generation.removed_shots
    return line


def plain(value: Any) -> Json:
    """A gold answer or a place as JSON."""
    if isinstance(value, Answer):
        return {"text": value.text, "start": value.start}
    return [plain(item) for item in value] if isinstance(value, tuple) else value


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Json]]) -> None:
    """One JSON object a line, UTF-8."""
    with path.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
