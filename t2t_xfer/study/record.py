"""`record.json`: what a finished stage was, what it found, and the checksums of its files.

The rule: a record is whole or it is not a record. It carries a checksum of itself, its identity
must hash to its directory's name, and it is written by temp + fsync + rename. Times stand here and
nowhere else, so that every other file of a stage can be the same byte for byte.

    record = new_record(stage, work, {"score": 71.2, "device": "cpu"}, seconds=12.3)
    write_record(work, record)
    read_record(work).results["score"]      # 71.2

A record also says the most memory that the stage took (`start_peak`, `peak`; what cannot be
measured is left out and stops nothing) and why the same again may differ in last digits
(`inexact`): on a CPU in float32 the same machine, versions and number of threads give the same
bits, since products are cut into the same blocks and added in the same order.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from t2t_xfer.engines.machine import machine, versions
from t2t_xfer.files import FileSum, settled, sum_problem, sync_directory, whole
from t2t_xfer.records import Json
from t2t_xfer.stages.base import Stage, canonical_json, identity, plain_json, split_id
from t2t_xfer.stages.run import stage_from_json

_SELF = Path("/proc/self")
_STARTED: ContextVar[bool] = ContextVar("started", default=False)
"""Whether the process's mark was set back."""


def start_peak() -> None:
    """Begins to measure."""
    for cuda in _cuda():
        cuda.reset_peak_memory_stats()
    try:
        (_SELF / "clear_refs").write_text("5")  # sets VmHWM back: proc(5)
        _STARTED.set(True)
    except OSError:
        _STARTED.set(False)


def peak() -> dict[str, Json]:
    """The highest memory since `start_peak`, in bytes; empty if nothing could be measured."""
    found: dict[str, Json] = {}
    if _STARTED.get() and (mark := _mark()):
        found["process"] = mark
    allocated = [int(cuda.max_memory_allocated()) for cuda in _cuda()]
    if any(allocated):
        found["accelerator"] = max(allocated)
    return found


def _mark() -> int:
    """The kernel's high-water mark of resident memory; 0: it does not tell."""
    try:
        found = re.search(r"VmHWM:\s*(\d+) kB", (_SELF / "status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def _cuda() -> list[Any]:
    """CUDA, if torch is loaded and uses it: this module never loads torch."""
    torch = sys.modules.get("torch")
    return [torch.cuda] if torch is not None and torch.cuda.is_initialized() else []


def inexact(spec: Mapping[str, Json], results: Mapping[str, Json]) -> tuple[str, ...]:
    """Why doing the stage again may change last digits; empty if it gives the same bytes."""
    found = []
    device = str(results.get("device", "cpu"))
    if device.split(":")[0] not in ("cpu", "none"):
        found.append(f"{device}: its kernels may add in another order each time")
    if spec.get("engine") == "vllm":
        found.append("vLLM: which requests share a batch depends on when they come")
    training: Any = spec.get("training", {})
    for key, value in (("dtype", spec.get("dtype")), ("autocast", training.get("autocast"))):
        if value not in (None, "none", "float32"):
            found.append(f"{key} {value}: another processor rounds in other places")
    processes = results.get("processes", 1)
    if processes != 1:
        found.append(f"{processes} processes: their number decides the order of sums")
    return tuple(found)


RECORD = "record.json"
SomeStage = TypeVar("SomeStage", bound=Stage)


class DamagedRecordError(ValueError):
    """There is a `record.json`, but it is not what was written. The stage is not done."""


@dataclass(frozen=True)
class Record:
    """A finished stage."""

    stage_id: str
    kind: str
    label: str
    spec: Mapping[str, Json]
    needs: Mapping[str, str]
    how: Mapping[str, Json]
    results: Mapping[str, Json]
    """What the stage returned: numbers, signatures, counts, and `device` in words."""
    files: Mapping[str, FileSum]
    """Every file of the stage by its path relative to the stage's directory."""
    versions: Mapping[str, str]
    git: Mapping[str, Json]
    """`commit` and `dirty` of the checkout that ran; empty for an installed package."""
    seconds: float
    """Wall-clock time of the last attempt (a resumed stage counts from its resumption)."""
    finished: str
    """UTC, ISO 8601."""
    machine: Mapping[str, Json] = field(default_factory=dict)
    """System, processor and number of threads: with other ones, last digits may differ."""
    memory: Mapping[str, Json] = field(default_factory=dict)
    """The most that was taken while the stage ran, in bytes (`peak`); empty: not measured."""
    inexact: Sequence[str] = ()
    """Why the same again, on the same machine, may differ in last digits. Empty: it does not."""

    def stage(self, kind: type[SomeStage]) -> SomeStage:
        """The stage that this is the record of: `record.stage(ScoreStage).split`."""
        stage = stage_from_json(self.kind, self.label, self.spec, self.needs, self.how)
        assert isinstance(stage, kind), self.stage_id
        return stage


def new_record(stage: Stage, folder: Path, results: Mapping[str, Json], seconds: float) -> Record:
    """The record of `stage`, whose files are all that lies in `folder`."""
    return Record(
        stage_id=stage.id,
        kind=stage.kind,
        label=stage.label,
        spec=stage.spec,
        needs=stage.needs,
        how=stage.how.plain(),
        results=results,
        files={name: settled(folder / name) for name in _files(folder)},
        versions=versions(),
        git=_git(),
        seconds=round(seconds, 3),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine(),
        memory=peak(),
        inexact=inexact(stage.spec, results),
    )


def write_record(folder: Path, record: Record) -> None:
    """Write `record.json` whole or not at all, and wait until it is on the disk.

    Raises:
        ValueError, TypeError: the results are not JSON, or hold a NaN. Nothing is written.
    """
    files = {name: asdict(entry) for name, entry in record.files.items()}
    body = {**vars(record), "files": files}
    body["sha256"] = _checksum(body)
    text = json.dumps(plain_json(body), ensure_ascii=False, indent=2, allow_nan=False)
    for directory in (path for path in folder.rglob("*") if path.is_dir()):
        sync_directory(directory)
    with whole(folder / RECORD) as temporary:
        temporary.write_text(f"{text}\n", encoding="utf-8")


def read_record(folder: Path) -> Record:
    """The record in `folder`.

    Raises:
        FileNotFoundError: there is none.
        DamagedRecordError: it is cut off, edited, or of another stage.
    """
    try:
        raw = (folder / RECORD).read_bytes()
    except IsADirectoryError as error:
        raise DamagedRecordError(f"{folder / RECORD} is a directory") from error
    try:
        body = json.loads(raw.decode("utf-8"))
        if body.pop("sha256") != _checksum(body):
            raise ValueError("its checksum does not fit its text")
        files = {name: FileSum(**entry) for name, entry in body.pop("files").items()}
        record = Record(files=files, **body)
        digest = identity(record.kind, record.spec, record.needs)
        if not folder.name.endswith(f"-{digest}") or split_id(record.stage_id)[2] != digest:
            raise ValueError("it belongs to another stage")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedRecordError(f"{folder / RECORD} is damaged: {error}") from error
    return record


def size_problems(folder: Path, record: Record) -> list[str]:
    """Files that are not there or not of their size. Reads no file."""
    return _problems(folder, record, content=False)


def content_problems(folder: Path, record: Record) -> list[str]:
    """`changed_files`, and files that the stage did not make."""
    strangers = set(_files(folder)) - set(record.files) - {RECORD}
    found = [f"{name} is not in the record" for name in sorted(strangers)]
    return changed_files(folder, record) + found


def changed_files(folder: Path, record: Record) -> list[str]:
    """`size_problems`, and files whose bytes changed. Reads every byte."""
    return _problems(folder, record, content=True)


def _problems(folder: Path, record: Record, *, content: bool) -> list[str]:
    found = (
        sum_problem(folder / name, name, entry, content=content)
        for name, entry in record.files.items()
    )
    return [problem for problem in found if problem]


def _checksum(body: Mapping[str, object]) -> str:
    return hashlib.sha256(canonical_json(body).encode("utf-8")).hexdigest()


def _files(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise ValueError(f"{path} is a link: a stage's files must lie in its own directory")
        if path.is_file():
            yield path.relative_to(folder).as_posix()


@cache
def _git() -> Mapping[str, Json]:
    """The state of the checkout that this package runs from, if it does."""
    package = Path(__file__).resolve().parents[1]
    try:
        top = _ask_git(package, "rev-parse", "--show-toplevel")
        if Path(top) != package.parent:  # installed inside somebody else's repository
            return {}
        commit = _ask_git(package, "rev-parse", "HEAD")
        changes = _ask_git(package, "status", "--porcelain", "--", str(package))
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": commit, "dirty": bool(changes)}


def _ask_git(folder: Path, *arguments: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    return answer.stdout.strip()
