"""How fast a model reads: tokens counted where they are computed, and rates over the time it took.

The rule: what was computed counts, and nothing else. Tokens that fill up a batch do not count; a
context that is computed once for several candidates counts once; what an engine's cache holds
already does not count again, nor does the time in which a model is loaded. An engine that computes
nothing counts nothing, and has no rate.

    meter = start_meter()
    engine.read(prompted, options, readout)     # calls count_tokens(read=…, written=…)
    meter.rates(len(prompted))                  # {"examples_per_second": 41.3, …}
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from t2t_xfer.records import Json


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
