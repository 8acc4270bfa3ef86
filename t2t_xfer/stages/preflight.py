"""Everything that can be known to fail, before anything runs.

A misnamed column, a label outside the set or a prompt that names a missing field shows when rows
are read and rendered. So all rows that open stages will need are read first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from t2t_xfer.engines.vllm_limits import require_vllm
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.run import StageLike


def preflight(stages: Sequence[StageLike], context: Context) -> None:
    """Reads and renders the data of every stage that is going to run.

    Raises:
        DataError: a row does not hold what its task says; nothing has run yet.
        MissingExtraError: a stage needs vLLM, which is not installed.
    """
    seen: set[tuple[Any, ...]] = set()
    for stage in stages:
        spec: Any = stage.spec
        if spec.get("engine") == "vllm":
            require_vllm()
        if stage.kind not in ("train", "predict"):
            continue
        split = spec.get("split", "train")
        key = (spec["shown"]["task"], spec["language"], split, spec["limit"])
        if key not in seen:
            seen.add(key)
            context.prompted(*key)
