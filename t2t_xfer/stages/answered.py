"""Which earlier answers count for a `predict` stage: those of the same model on the same machine.

The rule: a model is known by its content, or its answers are not kept. Known are the files of a
directory and the commit of a hub's model. A directory that changed since the plan was made is not
known: what is in memory may be either.

    answers = cached_answers(context.responses, stage, weights, "cpu")
    TransformersEngine(loaded, batch_tokens, answers)
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from t2t_xfer.architectures.candidates import Candidates
from t2t_xfer.architectures.checkpoint import adapter_identity
from t2t_xfer.engines import Engine
from t2t_xfer.engines.cached import CachedAnswers
from t2t_xfer.engines.machine import code, machine, versions
from t2t_xfer.engines.response_cache import ResponseCache
from t2t_xfer.records import Json, Readout
from t2t_xfer.stages.bases import pinned_model
from t2t_xfer.stages.model import Weights

if TYPE_CHECKING:
    from t2t_xfer.stages.predict import PredictStage


def cached_answers(
    cache: ResponseCache, stage: PredictStage, weights: Weights, device: str
) -> CachedAnswers:
    """What the model of a stage has answered before; nothing of one that is not known.

    Args:
        device: what computes, in words.
    """
    if cache.max_bytes == 0:
        return CachedAnswers()
    model = _content(stage, weights)
    if model is None:
        return CachedAnswers()
    # vLLM computes in processes of its own, and tells the GPU's name with the device.
    on_gpu = stage.engine == "transformers" and device.startswith("cuda")
    computed = {"machine": machine(on_gpu), "device": device, "versions": dict(versions())}
    told = {
        "engine": stage.engine,
        "dtype": stage.dtype,
        "max_input_tokens": stage.max_input_tokens,
    }
    identity = {**model, **told, **computed, "code": code()}
    return CachedAnswers(cache, json.dumps(identity, sort_keys=True))


def count_recalled(engine: Engine) -> dict[str, Json]:
    """What a record says of answers that were not computed: they make a rate mean little."""
    answers = getattr(engine, "answers", None)
    recalled = answers.num_recalled if isinstance(answers, CachedAnswers) else 0
    return {"rows_from_cache": recalled} if recalled else {}


def told_candidates(engine: Engine, readout: Readout) -> dict[str, Json]:
    """What a record says of how the candidates of a question were read, and why not packed."""
    found = getattr(engine, "candidates", None)
    if readout is not Readout.rank or not isinstance(found, Candidates):
        return {}
    why = {"candidates_reason": found.reason} if found.separate else {}
    return {"candidates": found.form, **why}


def _content(stage: PredictStage, weights: Weights) -> dict[str, Json] | None:
    planned = stage.model or {}  # empty if another stage has made the model
    model = pinned_model(weights.path, weights.revision)
    adapter = None if weights.adapter is None else adapter_identity(weights.adapter)
    changed = "sha256" in planned and model != {"sha256": planned["sha256"]}
    if weights.adapter == stage.how.adapter and planned.get("adapter") != adapter:
        changed = True
    return None if model is None or changed else {"model": model, "adapter": adapter}
