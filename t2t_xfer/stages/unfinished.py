"""What an interrupted `predict` stage has read, so that it goes on where it was cut off.

The rule: a generation is written as soon as it is whole, in the form of `predictions.jsonl`. It
counts for the same stage, read from the same prompts by the same model, code and versions on the
same machine; then it is the same bit for bit, since batches stay cut as they were, and a run that
was interrupted ends in the same bytes as one that was left alone. Anything else starts anew.

    unfinished.jsonl    {"of": "5f0c…"}         the hash of all that
                        {"id": "3", "language": …}
                        {"id": "17", "langu             cut off: dropped
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from t2t_xfer.architectures.checkpoint import adapter_identity
from t2t_xfer.engines.machine import code, machine, versions
from t2t_xfer.records import Example, Generation, Json, Prompted
from t2t_xfer.stages.base import Attempt
from t2t_xfer.stages.bases import pinned_model
from t2t_xfer.stages.logs import generation_of, logged
from t2t_xfer.stages.model import Weights

if TYPE_CHECKING:
    from t2t_xfer.stages.predict import PredictStage

UNFINISHED = "unfinished.jsonl"


class Unfinished(dict[str, Generation]):
    """Generations by example id; each new one is written down."""

    def __init__(self, path: Path, identity: str, examples: Sequence[Example]) -> None:
        """Reads what an earlier attempt with the same identity has left."""
        super().__init__()
        self._path = path
        self._examples = {example.id: example for example in examples}
        size = self._read(identity)
        self.num_before = len(self)
        """Examples that an earlier attempt has read."""
        self._file = path.open("r+b" if size else "wb")
        self._file.truncate(size)
        self._file.seek(size)
        if not size:
            self._write({"of": identity})

    def __setitem__(self, id: str, generation: Generation) -> None:
        super().__setitem__(id, generation)
        self._write(logged(self._examples[id], generation))

    def close(self) -> None:
        """Nothing more is written down."""
        self._file.close()

    def remove(self) -> None:
        """Of a stage that is finished."""
        self._path.unlink()

    def _write(self, line: Mapping[str, Json]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._file.flush()

    def _read(self, identity: str) -> int:
        """Bytes of the whole lines; 0 if the file is another's or there is none."""
        size = 0
        if not self._path.is_file():
            return 0
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines):
                try:
                    row = json.loads(line)
                    if not line.endswith(b"\n") or (number == 0 and row != {"of": identity}):
                        break
                    if number:
                        super().__setitem__(row["id"], generation_of(row))
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                    break
                size += len(line)
        return size


def identity_of(
    stage: PredictStage,
    attempt: Attempt,
    weights: Weights,
    device: str,
    prompted: Sequence[Prompted],
) -> str | None:
    """Of all that decides what is read; None where the model cannot be told by its content.

    A directory that changed since the plan was made is not known: what is in memory may be either.
    """
    planned = stage.model or {}  # empty if another stage has made the model
    model = pinned_model(weights.path, weights.revision)
    adapter = None if weights.adapter is None else adapter_identity(weights.adapter)
    changed = "sha256" in planned and model != {"sha256": planned["sha256"]}
    if weights.adapter == stage.how.adapter and planned.get("adapter") != adapter:
        changed = True
    if model is None or changed:
        return None
    # vLLM computes in processes of its own, and tells the GPU's name with the device.
    on_gpu = stage.engine == "transformers" and device.startswith("cuda")
    told = {
        "stage": stage.digest,
        "share": attempt.share,
        "model": model,
        "adapter": adapter,
        "machine": machine(on_gpu),
        "device": device,
        "versions": dict(versions()),
        "code": code(),
        "asked": hashlib.sha256(repr(prompted).encode()).hexdigest(),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
