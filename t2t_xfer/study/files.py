"""Files beside a study's report: written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from t2t_xfer.errors import UserError


def write_text(path: Path, text: str) -> None:
    """Writes a file by temp + rename, with the folders above it.

    Raises:
        UserError: the place cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as e:
        raise UserError(
            f"{path} cannot be written: {e.strerror}. Choose another place with --output."
        ) from e
