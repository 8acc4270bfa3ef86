"""The most memory that was taken while a stage ran, for its record.

The rule: what cannot be measured is left out, and measuring never stops a stage. The process's own
mark is set back at the start where the system allows it (Linux); elsewhere there is no figure,
since a mark of the whole life of a process says nothing of one stage.

    start_peak()
    ...
    peak()      # {"process": 812646400}, and "accelerator" where CUDA was used; bytes
"""

from __future__ import annotations

import re
import sys
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from t2t_xfer.records import Json

_SELF = Path("/proc/self")
_STARTED: ContextVar[bool] = ContextVar("started", default=False)
"""Whether the process's mark was set back."""


def start_peak() -> None:
    """Begins to measure."""
    for cuda in _cuda():
        cuda.reset_peak_memory_stats()
    try:
        (_SELF / "clear_refs").write_text("5")  # sets VmHWM back: proc(5)
        _STARTED.set(True)
    except OSError:
        _STARTED.set(False)


def peak() -> dict[str, Json]:
    """The highest memory since `start_peak`, in bytes; empty if nothing could be measured."""
    found: dict[str, Json] = {}
    if _STARTED.get() and (mark := _mark()):
        found["process"] = mark
    allocated = [int(cuda.max_memory_allocated()) for cuda in _cuda()]
    if any(allocated):
        found["accelerator"] = max(allocated)
    return found


def _mark() -> int:
    """The kernel's high-water mark of resident memory; 0: it does not tell."""
    try:
        found = re.search(r"VmHWM:\s*(\d+) kB", (_SELF / "status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def _cuda() -> list[Any]:
    """CUDA, if torch is loaded and uses it: this module never loads torch."""
    torch = sys.modules.get("torch")
    return [torch.cuda] if torch is not None and torch.cuda.is_initialized() else []
