"""Paths that a user writes: `~` resolved, and looked at without a traceback; and the one gate for
names that become part of a path.

A home that nobody has and a name that no file system takes are mistakes of the user; Python raises
`RuntimeError` and `OSError` for them.

    is_file(expanded("~/data/a.jsonl"))
    name_problem("../pool")     # "a name without `..`"
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

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
