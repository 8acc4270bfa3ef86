"""Files of results: written whole or not at all.

The rule: a result is written beside its place and renamed, so that a reader never finds half of it
and what stood there before is kept until the new one is complete.

    with replaced(Path("eval_outputs/cells.csv")) as temporary:
        temporary.write_text(text, encoding="utf-8")
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from t2t_xfer.errors import UserError


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A place to write to, which becomes `path` at the end; the folders above it are made.

    Raises:
        UserError: the place cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as e:
        raise UserError(
            f"{path} cannot be written: {e.strerror or e}. Choose another place with --output."
        ) from e
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
