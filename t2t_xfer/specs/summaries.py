"""What `tasks ls` shows of every task, without reading files that it has read before.

The rule: a file counts as read if its name, time and size are what they were, and so is the code
that judged it; then what was written down is shown, else the file is loaded and judged again. The
index is a speed-up and nothing more: without it the same comes out, and one that cannot be read or
written is passed over.

    summaries(Catalogue(), cache_directory() / "tasks.json")[0].metric
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from t2t_xfer.files import whole
from t2t_xfer.records import Json
from t2t_xfer.specs.base import RESERVED
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.task import TaskSpec

MAX_KEPT = 5000
"""Files in the index, those of other folders included, before it begins anew."""


@dataclass(frozen=True)
class Summary:
    """One task in a list."""

    task: str
    answer: str
    metric: str
    languages: tuple[str, ...]
    trains_on: str
    """`mnli, en`, or `nothing`."""
    refers_to: tuple[str, ...]
    """Other tasks that it names, which must exist."""


def summaries(catalogue: Catalogue, index: Path) -> list[Summary]:
    """All tasks in the order of their names.

    Args:
        catalogue: where tasks are found.
        index: a JSON file that is read first and brought up to date afterwards.

    Raises:
        SpecError: what is wrong in a task's file.
    """
    names = catalogue.task_names()
    code = _code()
    old = _read(index, code)
    new: dict[str, Json] = {}
    found = []
    for name in names:
        path = catalogue.task_file(name)
        stored, stamp = old.get(str(path.absolute())), _stamp(path)
        one = _known(stored, name, stamp)
        if one is None or not {*one.refers_to} <= {*names, *RESERVED}:
            one = summary_of(catalogue.task(name))
        plain = {**asdict(one), "languages": [*one.languages], "refers_to": [*one.refers_to]}
        new[str(path.absolute())] = {"stamp": stamp, "summary": plain}
        found.append(one)
    if any(old.get(path) != stored for path, stored in new.items()):
        kept = old if len(old) < MAX_KEPT else {}
        _write(index, {"code": code, "tasks": {**kept, **new}})
    return found


def summary_of(spec: TaskSpec) -> Summary:
    """What a list shows of a task."""
    trains_on = f"{spec.train_task or spec.task}, {'+'.join(spec.trained_in)}"
    return Summary(
        spec.task,
        spec.answer,
        spec.metric,
        spec.languages,
        "nothing" if spec.answer == "pair" else trains_on,
        (*((spec.train_task,) if spec.train_task else ()), *spec.contains),
    )


def _stamp(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_mtime_ns} {stat.st_size}"


def _code() -> str:
    """Pins what judges a task's file: the modules of this package, by name, time and size."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return "\n".join(f"{file} {_stamp(file)}" for file in files)


def _known(stored: Json, name: str, stamp: str) -> Summary | None:
    """The summary that was written down for the file as it is; None if there is none."""
    if not isinstance(stored, dict) or stored.get("stamp") != stamp:
        return None
    plain: Any = stored.get("summary")
    try:
        lists = {key: tuple(plain[key]) for key in ("languages", "refers_to")}
        one = Summary(**{**plain, **lists})
    except (KeyError, TypeError):  # not written by this program
        return None
    return one if one.task == name else None


def _read(index: Path, code: str) -> dict[str, Json]:
    with suppress(OSError, ValueError, AttributeError, RecursionError):
        stored = json.loads(index.read_text(encoding="utf-8"))
        if stored.get("code") == code and isinstance(stored.get("tasks"), dict):
            return {**stored["tasks"]}
    return {}


def _write(index: Path, content: Json) -> None:
    with suppress(OSError), whole(index, durable=False) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
