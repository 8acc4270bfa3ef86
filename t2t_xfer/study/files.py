"""Files beside a study's report: written whole or not at all, and read as what they should be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from t2t_xfer.errors import UserError
from t2t_xfer.replacing import replaced

T = TypeVar("T")


def write_text(path: Path, text: str) -> None:
    """Writes a file by temp + rename, with the folders above it.

    Raises:
        UserError: the place cannot be written.
    """
    with replaced(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path, made: Callable[[Any], T]) -> T:
    """What `made` makes of a JSON file in a study's directory.

    Raises:
        UserError: there is none, it cannot be read, or `made` finds something else in it.
    """
    try:
        return made(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(
            f"{path.parent} holds no {path.name}, so it is no study's directory. Give the directory"
            " that `t2t-xfer study run` named, for example eval_outputs/quickstart."
        ) from None
    except (OSError, ValueError, TypeError, KeyError) as e:
        raise UserError(f"{path} cannot be read: {e}. Run the study again to write it anew.") from e
