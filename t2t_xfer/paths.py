"""Paths that a user writes: `~` resolved, and looked at without a traceback.

A home that nobody has and a name that no file system takes are mistakes of the user; Python raises
`RuntimeError` and `OSError` for them.

    there(expanded("~/data/a.jsonl"))
"""

from __future__ import annotations

from pathlib import Path

from t2t_xfer.errors import UserError


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
