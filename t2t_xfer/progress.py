"""What long work tells: a bar where a terminal watches, a small file for other processes, and how
fast a model reads.

The file is what `t2t-xfer study status` reads from another terminal; it is written at most every
other second and is never a result.

    with reporting_to(store.progress_path(stage.digest)):
        for batch in Progress(batches, desc="read", unit="row"):
            ...

Rates count what was computed and nothing else: no tokens that fill up a batch, a context that is
computed once for several candidates once, nothing that an engine's cache held already, no time in
which a model is loaded. An engine that computes nothing has no rate.

>>> meter = start_meter()
>>> count_tokens(read=120)      # where a model computes
>>> meter.rates(2)["tokens_read"]
120
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from t2t_xfer.files import whole
from t2t_xfer.records import Json

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


@dataclass
class Meter:
    """What has been read and written since a moment."""

    read: int = 0
    """Input tokens, and those of candidates that are scored."""
    written: int = 0
    """Tokens of generated answers, end tokens included."""
    started: float = field(default_factory=time.perf_counter)

    def rates(self, examples: int) -> dict[str, Json]:
        """For a record: examples and tokens, each for a second of all the time until now."""
        seconds = max(time.perf_counter() - self.started, 1e-9)
        found: dict[str, Json] = {"examples_per_second": round(examples / seconds, 1)}
        if self.read:
            found |= {
                "tokens_read": self.read,
                "tokens_per_second": round(self.read / seconds, 1),
            }
        if self.written:
            found |= {
                "tokens_written": self.written,
                "written_tokens_per_second": round(self.written / seconds, 1),
            }
        return found


_METER: ContextVar[Meter | None] = ContextVar("meter", default=None)


def start_meter() -> Meter:
    """A meter that runs from now on; the one before it counts no more."""
    meter = Meter()
    _METER.set(meter)
    return meter


def count_tokens(read: int = 0, written: int = 0) -> None:
    """Tells the running meter, if there is one, what a model has just computed."""
    meter = _METER.get()
    if meter is not None:
        meter.read += read
        meter.written += written


@contextmanager
def not_counted() -> Iterator[None]:
    """Time that the running meter, if there is one, does not see: a model is loaded meanwhile."""
    begun = time.perf_counter()
    try:
        yield
    finally:
        meter = _METER.get()
        if meter is not None:
            meter.started += time.perf_counter() - begun
