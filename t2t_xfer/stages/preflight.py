"""Everything that can be known to fail, before anything runs.

A misnamed column, a label outside the set or a prompt that names a missing field shows when rows
are read and rendered. So all rows that open stages will need are read first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from t2t_xfer.architectures.adapter_files import check_quantisation
from t2t_xfer.engines.vllm_limits import adapter_rank, require_vllm
from t2t_xfer.records import Split
from t2t_xfer.stages.checkpoints import check_decodable
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.plans import trained_parts
from t2t_xfer.stages.ranks import read_prompts
from t2t_xfer.stages.stagelike import StageLike
from t2t_xfer.stages.training_data import languages_in


def preflight(stages: Sequence[StageLike], context: Context) -> None:
    """Reads and renders the data of every stage that is going to run.

    Raises:
        DataError: a row does not hold what its task says; nothing has run yet.
        MissingExtraError: something is not installed.
        UserError: an adapter does not fit its model, or the engine cannot apply it.
    """
    for stage in stages:
        spec: Any = stage.spec
        if stage.kind == "train" and spec["training"]["adapter"] == "qlora":
            check_quantisation()
        tracker = str(stage.how.get("report_to", "none"))
        if tracker not in ("none", "jsonl"):
            from t2t_xfer.training.trackers import check_tracker

            check_tracker(tracker)
        if spec.get("engine") == "vllm":
            require_vllm()
    _check_adapters(stages)
    for wanted in dict.fromkeys(rows for stage in stages for rows in _rows(stage)):
        context.prompted(*wanted)
    for stage in stages:
        if "null" in stage.spec:
            read_prompts(context, context.task(_task(stage)), stage.spec)


def _check_adapters(stages: Sequence[StageLike]) -> None:
    """Looks at the adapters that exist already; no weights are loaded."""
    adapters: dict[tuple[Any, Any], dict[str, None]] = {}
    for stage in stages:
        adapter, how = stage.how.get("adapter"), stage.how
        if stage.kind != "predict" or adapter is None:
            continue
        adapters.setdefault((how["path"], how["revision"]), {})[str(adapter)] = None
        if stage.spec["engine"] == "vllm":
            check_decodable(str(adapter))
            adapter_rank(str(adapter))
    for (path, revision), over in adapters.items():
        from t2t_xfer.architectures.switching import check_adapters

        check_adapters(path, revision, over)


def _rows(stage: StageLike) -> list[tuple[str, str, Split, int | None]]:
    """Task, language, split and limit of what a stage reads."""
    spec: Any = stage.spec
    if stage.kind == "model" or ("null" in spec and "split" not in spec):
        return []
    if stage.kind == "train":
        return [
            (part["shown"]["task"], language, "train", spec["limit"])
            for part in trained_parts(spec)
            for language in languages_in(part)
        ]
    rows = [(_task(stage), spec["language"], spec.get("split", "train"), spec["limit"])]
    if "majority_of" in spec:
        train = spec["majority_of"]
        languages = spec.get("train_languages", [train["source_language"]])
        rows += [(train["task"], code, "train", spec["train_limit"]) for code in languages]
    return rows


def _task(stage: StageLike) -> str:
    spec: Any = stage.spec
    return str(spec["parsed" if stage.kind == "score" else "shown"]["task"])
