"""Paths that a user writes, and what a YAML file may name on this machine.

A home that nobody has and a name that no file system takes are mistakes of the user, though Python
raises `RuntimeError` and `OSError` for them.

>>> name_problem("../pool", slashes=1)
'a name without `..`, and with text on both sides of a slash'

A YAML file may come from a stranger, so what it names must lie, links followed, in the folder that
its relative names start from or in the working directory. A user allows more with
`t2t-xfer --allow-outside DIR` (several times) and `--allow-pickle`, or with the variables of the
environment that these set, which the jobs of a cluster inherit:

    export T2T_ALLOW_OUTSIDE=/scratch/data:/scratch/models
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from t2t_xfer.errors import UserError

MAX_NAME_BYTES: Final = 200
"""Of a piece between slashes. File systems take 255, with endings such as `.jsonl.gz`."""


def name_problem(name: str, slashes: int = 0) -> str:
    """What keeps a name from being part of a path, in words that follow `expected`; empty if
    nothing does.

    Whatever stands in a YAML file and becomes a folder or a file's name goes through here: data
    sets, configurations, splits, pools, revisions.

    Args:
        name: for example of a data set.
        slashes: so many may stand in it.
    """
    pieces = name.split("/")
    if "://" in name:  # an address may hold a password, and would stand in records
        return "a name, not an address"
    if len(pieces) > slashes + 1 or "\\" in name:
        return f"a name with at most {slashes} slashes" if slashes else "a name without slashes"
    if any(piece in ("", ".", "..") or piece.startswith("~") for piece in pieces):
        return "a name without `..`, and with text on both sides of a slash"
    if not name.isprintable():
        return "a name without control characters"
    if any(len(piece.encode(errors="replace")) > MAX_NAME_BYTES for piece in pieces):
        return f"a name of at most {MAX_NAME_BYTES} bytes"
    return ""


def path_problem(path: str | Path) -> str:
    """What keeps a text from being a path at all; empty if nothing does."""
    if not str(path).isprintable():
        return "holds control characters"
    if any(len(part.encode(errors="replace")) > 255 for part in Path(path).parts):
        return "holds a name that is longer than file systems take"
    return ""


def expanded(path: str | Path) -> Path:
    """The path with its `~`.

    Raises:
        UserError: there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(
            f"{path}: there is no user of this name. Write the folder itself."
        ) from error


def is_file(path: Path) -> bool:
    """Whether a file is there. A name that the file system refuses (too long, with a zero byte) is
    no file's."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_dir(path: Path) -> bool:
    """As `is_file`, of a folder."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


OUTSIDE = "T2T_ALLOW_OUTSIDE"
"""Folders that YAML files may also read from, separated as in PATH."""
PICKLE = "T2T_ALLOW_PICKLE"
"""`1`: weights may be read from `pytorch_model.bin`, too, though never with code in it."""

NO_CODE: Final[Mapping[str, Any]] = MappingProxyType({"trust_remote_code": False})
"""For every `from_pretrained`: without it transformers would ask at the terminal whether code that
comes with a checkpoint may run. It never may, so there is no option for it."""


def allow_outside(folders: Sequence[Path]) -> None:
    """Lets YAML files of this process, and of those it starts, name what lies in these folders."""
    named = [str(expanded(folder).absolute()) for folder in folders]
    os.environ[OUTSIDE] = os.pathsep.join([*_named(), *named])


def allow_pickle() -> None:
    """Lets this process, and those it starts, read weights that are no safetensors."""
    os.environ[PICKLE] = "1"


def pickle_allowed() -> bool:
    """Whether weights may be read from `pytorch_model.bin`."""
    return os.environ.get(PICKLE, "") not in ("", "0")


def weight_files() -> dict[str, Any]:
    """How `from_pretrained` may read weights; pickles as tensors only, and no code ever."""
    return {
        "use_safetensors": None if pickle_allowed() else True,
        "weights_only": True,
        **NO_CODE,
    }


def outside(path: Path, root: Path) -> str:
    """What is wrong with a path that leads where its YAML file may not read; empty if it may.

    Args:
        path: may hold `*` and `{language}`, which stand for themselves here.
        root: the folder that relative names start from.
    """
    if problem := path_problem(path):
        return problem
    real = expanded(path).resolve()
    if any(real.is_relative_to(folder.resolve()) for folder in (root, Path(), *_allowed())):
        return ""
    return f"leads to {real}, out of {root.resolve()} and of the working directory"


def advice(path: Path) -> str:
    """How to allow a path that is outside."""
    return f"If you trust the file: t2t-xfer --allow-outside {expanded(path).resolve().parent} …"


def _named() -> list[str]:
    return [name for name in os.environ.get(OUTSIDE, "").split(os.pathsep) if name]


def _allowed() -> list[Path]:
    return [expanded(name) for name in _named()]
