"""The store: one directory per finished stage, with `record.json` as the mark of success.

    root/train/micro-encoder+mnli-3f9a1c20b7d4/record.json and the stage's files
    root/.work/                                stages that run, failed or were killed
    root/.seals.json                           which files were found whole when last read

The rule: a result appears by one rename of the whole directory, with its record written last, so
a stage has a whole record or none, whatever was killed when. The digest at the end of its name
finds a stage; the label before it is for people.

    work = store.begin(stage)               # waits while another process does this stage
    if store.record(stage.id) is None:      # the other process may have finished it
        store.commit(stage, {"score": 71.2}, seconds=12.3)
    else:
        store.discard_work(stage)

No stage reads, and no report shows, what is not what a stage wrote. What is shown is compared with
its checksum, and nothing is read twice for it: a file with the size, the times and the inode that
it had when it was found whole is not read again (`Seals`). Of weights, which take seconds to read,
only the size is looked at, until a stage starts from them (`Sound`). What changed counts as not
done from then on.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from t2t_xfer.errors import UserError, cut
from t2t_xfer.files import (
    FileLock,
    FileSum,
    clear,
    disk_problem,
    sum_problem,
    sweep,
    sync_directory,
    whole,
)
from t2t_xfer.records import Json
from t2t_xfer.stages.base import KINDS, Stage, is_id, split_id
from t2t_xfer.study.record import (
    RECORD,
    DamagedRecordError,
    Record,
    changed_files,
    content_problems,
    new_record,
    read_record,
    size_problems,
    write_record,
)

INDEX = ".seals.json"
TICK = 2 * 10**9
"""Nanoseconds in which a file may change twice without another time (2 s on FAT and some NFS)."""


class Seals:
    """The files of one store."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, list[object]] | None = None
        self._fresh: set[str] = set()
        """Known in this process, but too young to be told from a change at the same time."""
        self._changed = False

    def problem(self, folder: Path, name: str, expected: FileSum) -> str | None:
        """What is wrong with a file in a stage's folder; None: it has its checksum.

        Raises:
            OSError: it cannot be read.
        """
        path = folder / name
        known, key = self._read(), path.relative_to(self._root).as_posix()
        with suppress(FileNotFoundError, NotADirectoryError):
            stamp = _stamp(path, expected)
            if known.get(key) == stamp:
                return None
        problem = sum_problem(path, name, expected)
        if problem is None:
            # Taken before: what changed while it was read is read again.
            known[key] = stamp
            young = time.time_ns() - path.stat().st_ctime_ns < TICK
            (self._fresh.add if young else self._fresh.discard)(key)
            self._changed = self._changed or not young
        return problem

    def save(self) -> None:
        """Keeps what was found for the next process, where that can be written."""
        if not self._changed or self._known is None:
            return
        lasting = {name: seal for name, seal in self._known.items() if name not in self._fresh}
        with suppress(OSError), whole(self._root / INDEX, durable=False) as temporary:
            temporary.write_text(json.dumps(lasting), encoding="utf-8")
        self._changed = False

    def _read(self) -> dict[str, list[object]]:
        if self._known is None:
            self._known = {}
            with suppress(OSError, ValueError, RecursionError):
                read = json.loads((self._root / INDEX).read_text(encoding="utf-8"))
                self._known = read if isinstance(read, dict) else {}
        return self._known


def _stamp(path: Path, expected: FileSum) -> list[object]:
    found: os.stat_result = path.stat()
    times = [found.st_mtime_ns, found.st_ctime_ns]
    return [found.st_size, *times, found.st_ino, expected.sha256]


log = logging.getLogger(__name__)

SHOWN = ("predict", "score")
"""Kinds of stages whose files a report shows; what holds weights is read when a stage starts from
it (`Sound`), since that costs seconds."""
ASIDE = "record.changed.json"
"""What is left of the record of a stage whose files are not what it wrote."""

SHOWN_PATH = 1000
"""Characters of a path in a message."""
_CLOSED = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOTDIR: "a part of the path is a file, not a directory",
    errno.EEXIST: "a part of the path is a file, not a directory",
    errno.EISDIR: "a directory lies where a file belongs",
    errno.ENAMETOOLONG: "the path is too long",
    errno.ENOLCK: "the file system has no locks (flock)",
    errno.ENOTSUP: "the file system has no locks (flock)",
}


class StoreError(UserError):
    """The store cannot be read or written: no stage can go on."""


class Store:
    """Finished stages under one directory; several processes may use it at once."""

    def __init__(self, root: Path, *, helped: bool = False) -> None:
        """`helped`: other processes were started to do the same stages, which is no news."""
        self.root = root
        self._wait_level = logging.INFO if helped else logging.WARNING
        self._work = root / ".work"
        self._locks: dict[str, FileLock] = {}
        self._seals = Seals(root)
        self._swept = False
        self._told: set[Path] = set()
        """Damaged stages that were spoken of: once is enough."""

    def record(self, stage_id: str) -> Record | None:
        """The record of a finished stage, or None if it must (again) be done.

        A damaged record and a missing or shorter file count as not done, with a warning, and so
        does a changed byte in what a report shows (`SHOWN`), which is read once and not again
        until it is touched (`Seals`). Of weights only the size is looked at.
        """
        folder = self.path(stage_id)
        with _named_problems(self.root):
            try:
                record = read_record(folder)
            except (FileNotFoundError, NotADirectoryError):
                return None
            except DamagedRecordError as error:
                self._tell(folder, str(error))
                return None
            problems = self._problems(folder, record)
        if problems:
            self._tell(folder, f"{folder}: {'; '.join(problems)}")
            return None
        return record

    def _problems(self, folder: Path, record: Record) -> list[str]:
        if record.kind not in SHOWN:
            return size_problems(folder, record)
        found = (self._seals.problem(folder, name, entry) for name, entry in record.files.items())
        return [problem for problem in found if problem]

    def _tell(self, folder: Path, problem: str) -> None:
        if folder not in self._told:
            self._told.add(folder)
            log.warning("%s. The stage counts as not done.", problem)

    def is_damaged(self, stage_id: str) -> bool:
        """Whether a record is there, but not (with) what its stage wrote."""
        there = os.path.lexists(self.path(stage_id) / RECORD)
        return there and self.record(stage_id) is None

    def condemn(self, stage_id: str) -> None:
        """Makes a stage whose files have changed count as not done, in every process to come."""
        folder = self.path(stage_id)
        with suppress(FileNotFoundError, NotADirectoryError), _named_problems(self.root):
            os.replace(folder / RECORD, folder / ASIDE)

    def keep_seals(self) -> None:
        """Keeps for the next process which files were found whole."""
        self._seals.save()

    def path(self, stage_id: str) -> Path:
        """Where the stage's files are, or will be: absolute if the root is."""
        kind, name, digest = split_id(stage_id)
        exact = self.root / kind / name
        with _named_problems(self.root):
            return exact if exact.is_dir() else _find(self.root / kind, digest) or exact

    def stage_ids(self) -> list[str]:
        """Every directory that looks like a finished stage, sorted; its record may be damaged."""
        with _named_problems(self.root):
            kinds = (self.root / kind for kind in KINDS)
            paths = (p for kind in kinds if kind.is_dir() for p in kind.iterdir())
            return sorted(filter(is_id, (f"{p.parent.name}/{p.name}" for p in paths)))

    def records(self) -> list[Record]:
        """The whole records of all finished stages."""
        found = [*filter(None, map(self.record, self.stage_ids()))]
        self.keep_seals()
        return found

    def is_running(self, digest: str) -> bool:
        """Whether a process holds the stage's lock at this moment."""
        lock = FileLock(self._lock_path(digest))
        try:
            return lock.path.exists() and not lock.take(wait=False)
        except OSError:
            return False
        finally:
            lock.give_back()

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
            clear(aside)
            if os.path.lexists(self.path(stage.id)):
                os.rename(self.path(stage.id), aside)
            clear(aside)
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
            self.sweep()
            if stage.digest not in self._locks:
                lock = FileLock(self._lock_path(stage.digest))
                if not lock.take(wait=False):
                    told = "%s: another process is doing this stage; waiting for it"
                    log.log(self._wait_level, told, stage.id)
                    lock.take(wait=True)
                self._locks[stage.digest] = lock
            work = self._work_path(stage)
            work.mkdir(exist_ok=True)
            sweep(work)
            clear(work / RECORD)  # killed between record and rename
            return work

    def sweep(self) -> None:
        """Once in a process: removes the locks of dead processes and what these told of progress.

        Raises:
            StoreError: the store cannot be written.
        """
        if self._swept:
            return
        self._swept = True
        with _named_problems(self.root):
            for left in self._work.glob("*.progress*"):
                if not self.is_running(left.name.strip(".").partition(".")[0]):
                    left.unlink(missing_ok=True)
            for left in self._work.glob("[0-9a-f]*.lock"):
                with suppress(OSError):
                    lock = FileLock(left)
                    lock.take(wait=False)
                    lock.give_back()

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
        lock = self._locks.pop(stage.digest, None)
        if lock is not None:
            self.progress_path(stage.digest).unlink(missing_ok=True)
            lock.give_back()

    def _publish(self, work: Path, old: Path, new: Path) -> None:
        """One rename. A damaged result steps aside first: only then is there no record."""
        new.parent.mkdir(parents=True, exist_ok=True)
        aside = work.with_name(f"{work.name}.old")
        clear(aside)
        if os.path.lexists(old):
            os.rename(old, aside)
        os.rename(work, new)
        sync_directory(new.parent)
        clear(aside)

    def _work_path(self, stage: Stage) -> Path:
        return _find(self._work, stage.digest) or self._work / _work_name(stage)

    def _lock_path(self, digest: str) -> Path:
        return self._work / f"{digest}.lock"


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


@contextmanager
def _named_problems(root: Path) -> Iterator[None]:
    """A full, read-only or closed disk as an error for people."""
    try:
        yield
    except OSError as error:
        why = disk_problem(error) or _CLOSED.get(error.errno or 0)
        if why is None:
            raise
        where = f": {cut(error.filename, SHOWN_PATH)}" if error.filename else ""
        raise StoreError(
            f"The store {cut(root, SHOWN_PATH)} cannot be used: {why}{where}. Finished"
            " stages are kept. Mend this, or choose another place with --output, then run the same"
            " command again."
        ) from error


class ChangedError(UserError):
    """A finished stage's files are not what it wrote."""


class Sound:
    """Which stages' files this process has written itself or compared with their checksums."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._known: set[str] = set()

    def wrote(self, stage_id: str) -> None:
        """The stage was done in this process."""
        self._known.add(stage_id)

    def path(self, stage_id: str) -> Path:
        """Where the stage's files are, after reading every byte of them once.

        Raises:
            ChangedError: some do not have their checksums; names them.
        """
        folder = self.store.path(stage_id)
        if stage_id in self._known:
            return folder
        try:
            problems = changed_files(folder, read_record(folder))
        except (FileNotFoundError, NotADirectoryError, DamagedRecordError) as error:
            problems = [str(error)]
        if problems:
            self.store.condemn(stage_id)
            raise ChangedError(f"{folder}: {'; '.join(problems)}. It is not used.")
        self._known.add(stage_id)
        return folder
