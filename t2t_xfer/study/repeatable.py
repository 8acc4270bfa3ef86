"""Whether a stage, done again, gives the same bytes, and on what that depends.

On a CPU in float32 the same machine, versions and number of threads give the same bits: products
are cut into the same blocks and added in the same order. What is listed here breaks that.

    machine()                       # {"system": ..., "processor": ..., "threads": 2}
    inexact({"engine": "vllm"}, {"device": "cpu"})    # ("vLLM: which requests ...",)
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from t2t_xfer.records import Json

_CPU_INFO = Path("/proc/cpuinfo")


def machine() -> dict[str, Json]:
    """What ran a stage, as far as it can change the last digits."""
    torch: Any = sys.modules.get("torch")
    threads = None if torch is None else int(torch.get_num_threads())
    return {"system": platform.system(), "processor": _processor(), "threads": threads}


def inexact(spec: Mapping[str, Json], results: Mapping[str, Json]) -> tuple[str, ...]:
    """Why doing the stage again may change last digits; empty if it gives the same bytes."""
    found = []
    device = str(results.get("device", "cpu"))
    if device.split(":")[0] not in ("cpu", "none"):
        found.append(f"{device}: its kernels may add in another order each time")
    if spec.get("engine") == "vllm":
        found.append("vLLM: which requests share a batch depends on when they come")
    training: Any = spec.get("training", {})
    for key, value in (("dtype", spec.get("dtype")), ("autocast", training.get("autocast"))):
        if value not in (None, "none", "float32"):
            found.append(f"{key} {value}: another processor rounds in other places")
    processes = results.get("processes", 1)
    if processes != 1:
        found.append(f"{processes} processes: their number decides the order of sums")
    return tuple(found)


@cache
def _processor() -> str:
    """The processor's name; `platform.processor()` is empty on many Linux systems."""
    try:
        for line in _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
