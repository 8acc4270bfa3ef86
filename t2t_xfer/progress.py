"""Progress of long work: a bar where a terminal watches, and a small file for other processes.

The rule: work of seconds and more shows how far it is. The file is what `t2t-xfer study status`
reads from another terminal; it is written at most every other second and is never a result.

    with reporting_to(store.progress_path(stage.digest)):
        for batch in Progress(batches, desc="read", unit="row"):
            ...
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from tqdm import tqdm

from t2t_xfer.files import whole

_FILE: ContextVar[Path | None] = ContextVar("progress_file", default=None)
SECONDS_BETWEEN_WRITES = 2.0


class Progress(tqdm):  # type: ignore[type-arg]
    """A `tqdm` bar, off without a terminal, that also tells the file of `reporting_to`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._file = _FILE.get()
        self._done = int(options.get("initial") or 0)
        self._label = str(options.get("desc") or "")
        self._unit = str(options.get("unit") or "")
        self._written = 0.0
        super().__init__(*args, **{"leave": False, "disable": None, **options})

    def update(self, n: float | None = 1) -> bool | None:
        """`n` units further."""
        self._done += int(n or 0)
        now = time.monotonic()
        if self._file is not None and now - self._written >= SECONDS_BETWEEN_WRITES:
            self._written = now
            self._tell()
        return super().update(n)

    def _tell(self) -> None:
        assert self._file is not None
        text = json.dumps(
            {
                "what": self._label,
                "unit": self._unit,
                "done": self._done,
                "total": int(self.total or 0),
            }
        )
        try:
            with whole(self._file, durable=False) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError:  # a full disk stops the work itself, not its progress
            self._file = None


@contextmanager
def reporting_to(path: Path) -> Iterator[None]:
    """Bars made inside tell this file, too."""
    token = _FILE.set(path)
    try:
        yield
    finally:
        _FILE.reset(token)
        path.unlink(missing_ok=True)


def quiet_libraries() -> None:
    """Keeps other people's progress bars and advice off the terminal; errors still show."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    # On some processors: that a kernel for 4-bit evaluation, which we do not use, is not there.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
