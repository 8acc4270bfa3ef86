"""Checkpoints to resume from: whole or not used.

The rule: the Trainer writes a checkpoint's files in place; the marker that makes them a checkpoint
comes last, beside its place and renamed, after every file is on the disk. It holds their checksums.
What is not as its marker says is passed over with a word, for the one before or for the start: a
resumed run ends with the weights of an undisturbed one, or goes the way again.

    training/best-2.safetensors             the weights that dev scores chose, if they choose
    training/checkpoint-4/complete.json     {"files": {"optimizer.pt": …}, "beside": {…}, …}
    training/checkpoint-6/                  no marker: cut off while it was saved
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from t2t_xfer.files import FileSum, settled, sum_problem, sync_directory, whole

logger = logging.getLogger(__name__)

COMPLETE = "complete.json"
"""The marker."""


def mark_complete(folder: Path, progress: Mapping[str, Any], beside: Iterable[Path] = ()) -> None:
    """Makes a checkpoint of what lies in `folder`.

    Args:
        progress: what else is needed to go on; `read_marker` gives it back.
        beside: files next to the folder that this checkpoint needs.

    Raises:
        OSError: the disk takes no more.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    marker = {
        **progress,
        "files": {path.relative_to(folder).as_posix(): asdict(settled(path)) for path in files},
        "beside": {path.name: asdict(settled(path)) for path in beside},
    }
    for directory in (path for path in folder.rglob("*") if path.is_dir()):
        sync_directory(directory)
    with whole(folder / COMPLETE) as temporary:
        text = json.dumps({**marker, "sha256": _checksum(marker)})
        temporary.write_text(f"{text}\n", encoding="utf-8")
    sync_directory(folder.parent)


def read_marker(checkpoint: Path) -> dict[str, Any]:
    """What `mark_complete` was told.

    Raises:
        OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError: the marker is not
            what was written.
    """
    found: dict[str, Any] = json.loads((checkpoint / COMPLETE).read_text(encoding="utf-8"))
    if found.pop("sha256") != _checksum(found):
        raise ValueError("its checksum does not fit its text")
    return found


def newest_intact(directory: Path) -> Path | None:
    """The newest checkpoint all of whose files are what was written. None: from the start.

    Each newer one that is not is named in a warning; one without a marker was cut off while it was
    saved, which needs no word.
    """
    places = sorted(directory.glob(f"{PREFIX_CHECKPOINT_DIR}-*"), key=_step, reverse=True)
    for number, place in enumerate(places):
        if not (place / COMPLETE).exists():
            continue
        problem = _problem(place)
        if problem is None:
            return place
        older = any((other / COMPLETE).exists() for other in places[number + 1 :])
        logger.warning(
            "%s: %s. It is not used: training goes on from %s.",
            *(place, problem, "the checkpoint before it" if older else "the start"),
        )
    return None


def _problem(checkpoint: Path) -> str | None:
    """The first thing that is not as the marker says."""
    try:
        marker = read_marker(checkpoint)
        wanted = {checkpoint / name: FileSum(**entry) for name, entry in marker["files"].items()}
        beside = marker["beside"].items()
        wanted |= {checkpoint.parent / name: FileSum(**entry) for name, entry in beside}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return f"{COMPLETE} is not what was written ({type(error).__name__})"
    problems = (sum_problem(path, path.name, entry) for path, entry in wanted.items())
    return next((problem for problem in problems if problem), None)


def _checksum(marker: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(marker).encode()).hexdigest()


def _step(checkpoint: Path) -> int:
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else -1
