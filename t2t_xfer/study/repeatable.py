"""Whether a stage, done again, gives the same bytes, and on what that depends.

On a CPU in float32 the same machine, versions and number of threads give the same bits: products
are cut into the same blocks and added in the same order. What is listed here breaks that.

    inexact({"engine": "vllm"}, {"device": "cpu"})    # ("vLLM: which requests ...",)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from t2t_xfer.records import Json


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
