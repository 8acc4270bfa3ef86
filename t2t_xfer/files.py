"""Files: written whole or not at all, known by their checksums, read as what they should be.

The rule: every file that something reads later is written beside its place, waited for until it is
on the disk, and renamed. So a reader never finds half of it, and what stood there before is kept
until the new one is complete, whatever is killed when.

    with whole(work / "complete.json") as temporary:      # OSError, for what mends it itself
        temporary.write_text(text, encoding="utf-8")
    write_text(Path("eval_outputs/cells.csv"), text)      # UserError, for people
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import platform
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from t2t_xfer.errors import UserError

T = TypeVar("T")

FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EFBIG: "a file may not become that large (ulimit -f)",
}
_SPACE = ("No space left on device", "database or disk is full")
"""What libraries say that hide the number: safetensors, tokenizers, SQLite."""
_WRITER = ("PytorchStreamWriter failed", "inline_container.cc", "iostream error")
"""What `torch.save` says of a write that failed, whatever the reason; it is nearly always space."""


@dataclass(frozen=True)
class FileSum:
    """What a file was when it was finished."""

    size: int
    """Bytes."""
    sha256: str


@contextmanager
def whole(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """A place to write to, which becomes `path` at the end; the folders above it are made.

    What a killed process left beside the same path is removed.

    Args:
        durable: waits until the file is on the disk. Not for what no later run reads.

    Raises:
        OSError: the place cannot be written.
    """
    temporary = _beside(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    try:
        yield temporary
        if durable:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if durable:
            sync_directory(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


class FileLock:
    """A lock that one process holds, until it gives it back or ends, however it ends.

    It is a file of its own, since NFS locks only what is open for writing. The file goes with the
    lock: who waited for it then finds another file at its place, and takes that one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def take(self, *, wait: bool) -> bool:
        """Whether this process holds the lock now; False: another one does.

        Raises:
            OSError: the file cannot be opened, or the file system has no locks.
        """
        while self._descriptor is None:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                if _is_at(descriptor, self.path):
                    self._descriptor = descriptor
            except BlockingIOError:
                return False
            finally:
                if self._descriptor is None:
                    os.close(descriptor)
        return True

    def give_back(self) -> None:
        """Lets another process have it. Nothing happens if it is not held."""
        if self._descriptor is not None:
            with suppress(OSError):  # a file that stays is harmless
                self.path.unlink()
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)  # children of a fork share the descriptor
            os.close(self._descriptor)
            self._descriptor = None


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """`whole`, for a result that a user asked for.

    Raises:
        UserError: the place cannot be written.
    """
    try:
        with whole(path) as temporary:
            yield temporary
    except OSError as e:
        why = disk_problem(e) or e.strerror or e
        room = "Make room, or choose" if disk_problem(e) else "Choose"
        raise UserError(
            f"{path} cannot be written: {why}. {room} another place with --output."
        ) from e


@contextmanager
def replaced_folder(path: Path, own: re.Pattern[str]) -> Iterator[Path]:
    """An empty folder to write to, which takes the place of `path` at the end.

    What was in `path` goes, if its name is one of ours, and is kept otherwise. A folder that
    nothing was written to leaves none.

    Args:
        own: names of files that the folder's writer makes.

    Raises:
        UserError: the place cannot be written; what was there is as it was.
    """
    temporary = _beside(path)
    old = _beside(path.with_name(f"{path.name}.old"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        for left in _left(path.with_name(f"{path.name}.old")):  # killed between the two renames
            _take_back(left, path, own)
        temporary.mkdir()
        yield temporary
        _swap(temporary, path, old)
        _take_back(old, path, own)
        if not any(path.iterdir()):
            path.rmdir()
    except OSError as e:
        why = disk_problem(e) or e.strerror or e
        raise UserError(
            f"{e.filename or path} cannot be read or written: {why}. Make room, or choose another"
            " place with --output."
        ) from e
    finally:
        clear(temporary)


def _swap(new: Path, path: Path, old: Path) -> None:
    """Puts `new` in the place of `path`, and that, if it is there, in the place of `old`."""
    if os.path.lexists(path):
        os.replace(path, old)
    try:
        os.replace(new, path)
    except OSError:
        if os.path.lexists(old):
            os.replace(old, path)
        raise


def _take_back(old: Path, path: Path, own: re.Pattern[str]) -> None:
    """Moves what is not ours from a folder that was put aside to its place, and removes it."""
    for entry in old.iterdir() if old.is_dir() else ():
        if not own.fullmatch(entry.name):
            path.mkdir(exist_ok=True)
            os.replace(entry, path / entry.name)
    clear(old)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{_host()}-{os.getpid()}.tmp")


def clear(path: Path) -> None:
    """Removes a file, a folder or nothing; what cannot be removed stays."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a result as it is, with the folders above it.

    Raises:
        UserError: the place cannot be written.
    """
    with replaced(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def settled(path: Path) -> FileSum:
    """Waits until a file is on the disk; its size and checksum."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileSum(size=file.tell(), sha256=digest)


def sum_problem(path: Path, name: str, expected: FileSum, *, content: bool = True) -> str | None:
    """What is wrong with a file, called `name`; None if it is what it was.

    Args:
        content: reads every byte. Otherwise the size alone is looked at.
    """
    try:
        size = path.stat().st_size
        if path.is_dir():
            return f"{name} is a directory"
        if size != expected.size:
            return f"{name} has {size} bytes, not {expected.size}"
        if not content:
            return None
        with path.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == expected.sha256
    except (FileNotFoundError, NotADirectoryError):
        return f"{name} is missing"
    return None if same else f"{name} does not have its checksum: its content changed"


def sync_directory(folder: Path) -> None:
    """Waits until the names in `folder` are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def disk_problem(error: BaseException | None) -> str | None:
    """`the disk is full` if that, or a disk that takes nothing more, is what `error` came from."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        why = _disk_problem(each)
        if why is not None:
            return why
        waiting += [each.__cause__, each.__context__]
    return None


def _disk_problem(error: BaseException) -> str | None:
    if isinstance(error, OSError) and error.errno in FULL:
        return FULL[error.errno]
    text = str(error)
    if any(words in text for words in _SPACE):
        return FULL[errno.ENOSPC]
    if isinstance(error, RuntimeError) and any(words in text for words in _WRITER):
        return "the disk is full or takes no more"
    return None


def share_as_others(folder: Path) -> None:
    """Gives files that only their owner may read the rights of the others beside them: safetensors
    makes its files so, whatever the umask is."""
    mode = 0o666 & folder.stat().st_mode
    for file in folder.iterdir():
        if file.is_file() and file.stat().st_mode & 0o777 == 0o600:
            file.chmod(mode)


def sweep(folder: Path) -> None:
    """Removes what was never finished below a folder that nobody else writes to."""
    for left in [*folder.rglob(".*.tmp")]:
        clear(left)


def _sweep(path: Path) -> None:
    """Removes what dead processes of this machine left of earlier writes of `path`."""
    for left in _left(path):
        clear(left)


def _left(path: Path) -> list[Path]:
    mine = re.compile(rf"\.{re.escape(path.name)}\.{re.escape(_host())}-(\d+)\.tmp")
    with os.scandir(path.parent) as entries:
        left = [(entry.path, match) for entry in entries if (match := mine.fullmatch(entry.name))]
    return [Path(place) for place, match in left if not _is_alive(int(match[1]))]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _host() -> str:
    """Of machines that share a disk, each knows its own processes only."""
    return re.sub(r"[^A-Za-z0-9]+", "", platform.node())[:20] or "host"
