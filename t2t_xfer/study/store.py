"""The store: one directory per finished stage, with `record.json` as the mark of success.

    root/train/micro-encoder+mnli-3f9a1c20b7d4/record.json and the stage's files
    root/.work/                                stages that run, failed or were killed

The rule: a result appears by one rename of the whole directory, with its record written last, so
a stage has a whole record or none, whatever was killed when. The digest at the end of its name
finds a stage; the label before it is for people.

    work = store.begin(stage)               # waits while another process does this stage
    if store.record(stage.id) is None:      # the other process may have finished it
        store.commit(stage, do(stage, work), seconds)
    else:
        store.discard_work(stage)
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from t2t_xfer.errors import UserError
from t2t_xfer.records import Json
from t2t_xfer.study.record import (
    RECORD,
    DamagedRecordError,
    Record,
    content_problems,
    new_record,
    read_record,
    size_problems,
    sync_directory,
    write_record,
)
from t2t_xfer.study.stage import KINDS, Stage, is_id, split_id

log = logging.getLogger(__name__)

_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
}
_CLOSED = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOTDIR: "a part of the path is a file, not a directory",
    errno.EEXIST: "a part of the path is a file, not a directory",
    errno.ENOLCK: "the file system has no locks (flock)",
    errno.ENOTSUP: "the file system has no locks (flock)",
}


class StoreError(UserError):
    """The store cannot be read or written: no stage can go on."""


class Store:
    """Finished stages under one directory; several processes may use it at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._work = root / ".work"
        self._locks: dict[str, int] = {}

    def record(self, stage_id: str) -> Record | None:
        """The record of a finished stage, or None if it must (again) be done.

        Cheap: it looks at sizes only. A damaged record and a missing or shorter file count as
        not done, with a warning; `verify` also finds changed bytes.
        """
        folder = self.path(stage_id)
        with _named_problems(self.root):
            try:
                record = read_record(folder)
            except (FileNotFoundError, NotADirectoryError):
                return None
            except DamagedRecordError as error:
                log.warning("%s. The stage counts as not done.", error)
                return None
            problems = size_problems(folder, record)
        if problems:
            log.warning("%s: %s. The stage counts as not done.", folder, "; ".join(problems))
            return None
        return record

    def path(self, stage_id: str) -> Path:
        """Where the stage's files are, or will be: absolute if the root is."""
        kind, name, digest = split_id(stage_id)
        exact = self.root / kind / name
        return exact if exact.is_dir() else _find(self.root / kind, digest) or exact

    def stage_ids(self) -> list[str]:
        """Every directory that looks like a finished stage, sorted; its record may be damaged."""
        with _named_problems(self.root):
            kinds = (self.root / kind for kind in KINDS)
            paths = (p for kind in kinds if kind.is_dir() for p in kind.iterdir())
            return sorted(filter(is_id, (f"{p.parent.name}/{p.name}" for p in paths)))

    def records(self) -> list[Record]:
        """The whole records of all finished stages."""
        return [*filter(None, map(self.record, self.stage_ids()))]

    def is_running(self, digest: str) -> bool:
        """Whether a process holds the stage's lock at this moment."""
        try:
            descriptor = os.open(self._work / f"{digest}.lock", os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def progress_path(self, digest: str) -> Path:
        """Where a running stage says how far it is (`progress.py`)."""
        return self._work / f"{digest}.progress"

    def remove(self, stage: Stage) -> None:
        """Remove a stage's result. It steps aside first, so nobody ever sees half of it.

        Raises:
            StoreError: the store cannot be written.
        """
        work = self.begin(stage)
        with _named_problems(self.root):
            aside = work.with_name(f"{work.name}.old")
            shutil.rmtree(aside, ignore_errors=True)
            if self.path(stage.id).is_dir():
                os.rename(self.path(stage.id), aside)
            shutil.rmtree(aside, ignore_errors=True)
        self.discard_work(stage)

    def log_path(self, stage: Stage) -> Path:
        """Where the log of a failing stage belongs: beside its work directory."""
        return self._work / f"{_work_name(stage)}.log"

    def begin(self, stage: Stage) -> Path:
        """The work directory of a stage, locked against every other process.

        Waits while another process holds the lock; ask `record` again afterwards. What an
        earlier attempt left in the directory is still there, so that training can resume.
        Everything in the directory at `commit` becomes part of the record.

        Raises:
            StoreError: the store cannot be written.
        """
        with _named_problems(self.root):
            self._work.mkdir(parents=True, exist_ok=True)
            if stage.digest not in self._locks:
                self._locks[stage.digest] = _lock(self._lock_path(stage), stage.id)
            work = self._work_path(stage)
            work.mkdir(exist_ok=True)
            for stale in (work / RECORD, work / f"{RECORD}.tmp"):
                stale.unlink(missing_ok=True)  # killed between record and rename
            return work

    def commit(self, stage: Stage, results: Mapping[str, Json], seconds: float) -> Record:
        """Make the work directory the stage's result, and release the lock.

        `seconds` is wall-clock time. A whole record that is already there is kept.

        Raises:
            StoreError: the store cannot be written.
            ValueError, TypeError: the results are not JSON, or hold a NaN.
        """
        if stage.digest not in self._locks:
            raise RuntimeError(f"commit without begin: {stage.id}")
        existing = self.record(stage.id)
        if existing is not None:
            self.discard_work(stage)
            return existing
        work = self._work_path(stage)
        with _named_problems(self.root):
            write_record(work, new_record(stage, work, results, seconds))
            self._publish(work, self.path(stage.id), self.root / stage.id)
            self.log_path(stage).unlink(missing_ok=True)
            record = read_record(self.root / stage.id)
        self.release(stage)
        return record

    def verify(self, stage_id: str) -> list[str]:
        """Everything that is wrong with a stage's files, by name; reads every byte of them."""
        folder = self.path(stage_id)
        with _named_problems(self.root):
            try:
                return content_problems(folder, read_record(folder))
            except (FileNotFoundError, NotADirectoryError):
                return [f"{folder / RECORD} is missing"]
            except DamagedRecordError as error:
                return [str(error)]

    def discard_work(self, stage: Stage) -> None:
        """Remove the work directory of a stage, and release the lock."""
        shutil.rmtree(self._work_path(stage), ignore_errors=True)
        self.release(stage)

    def release(self, stage: Stage) -> None:
        """Let another process do this stage; the work directory stays."""
        descriptor = self._locks.pop(stage.digest, None)
        if descriptor is not None:
            self.progress_path(stage.digest).unlink(missing_ok=True)
            with suppress(OSError):  # a lock file that stays is harmless
                self._lock_path(stage).unlink()
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # children of a fork share the descriptor
            os.close(descriptor)

    def _publish(self, work: Path, old: Path, new: Path) -> None:
        """One rename. A damaged result steps aside first: only then is there no record."""
        new.parent.mkdir(parents=True, exist_ok=True)
        aside = work.with_name(f"{work.name}.old")
        shutil.rmtree(aside, ignore_errors=True)
        if old.is_dir():
            os.rename(old, aside)
        os.rename(work, new)
        sync_directory(new.parent)
        shutil.rmtree(aside, ignore_errors=True)

    def _work_path(self, stage: Stage) -> Path:
        return _find(self._work, stage.digest) or self._work / _work_name(stage)

    def _lock_path(self, stage: Stage) -> Path:
        return self._work / f"{stage.digest}.lock"


def disk_problem(error: BaseException | None) -> str | None:
    """`the disk is full` if that, or a read-only disk, is what `error` came from."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return _FULL[error.errno]
        if "No space left on device" in str(error):  # safetensors hides the number
            return _FULL[errno.ENOSPC]
        error = error.__cause__ or error.__context__
    return None


def _work_name(stage: Stage) -> str:
    return stage.id.replace("/", "-")


def _find(folder: Path, digest: str) -> Path | None:
    """The directory of a stage under whatever label."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.name.endswith(f"-{digest}"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return folder / names[0] if names else None


def _lock(path: Path, stage_id: str) -> int:
    """An open, locked file. A file beside the directory, since NFS locks only what is open for
    writing; taken again if its last holder removed it, since the new one is then another file.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log.warning("%s: another process is doing this stage; waiting for it", stage_id)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _same_file(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def _named_problems(root: Path) -> Iterator[None]:
    """A full, read-only or closed disk as an error for people."""
    try:
        yield
    except OSError as error:
        why = disk_problem(error) or _CLOSED.get(error.errno or 0)
        if why is None:
            raise
        where = f": {error.filename}" if error.filename else ""
        raise StoreError(
            f"The store {root} cannot be used: {why}{where}. Finished stages are kept. "
            "Mend this, or choose another place with --output, then run the same command again."
        ) from error
