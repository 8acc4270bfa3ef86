"""Observed cells with made-up answers, for the tests of the report's statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from t2t_xfer.metrics import METRICS
from t2t_xfer.study.results import Examples, Floats, Result


@cache
def numbered(n: int, prefix: str = "") -> tuple[str, ...]:
    return tuple(f"{prefix}{i}" for i in range(n))


def cell(
    statistics: Any,
    *,
    model: str = "enc",
    intermediate: str = "none",
    target: str = "xnli",
    language: str = "de",
    seed: int = 0,
    metric: str = "accuracy",
    ids: Sequence[str] = (),
    **others: Any,
) -> Result:
    """A cell whose score is that of its statistics, `[examples]` or `[examples, k]`."""
    table: Floats = np.array(statistics, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    n = len(table)
    score = float(METRICS[metric]().score(table.sum(axis=0), np.array(float(n))))
    names = tuple(ids) or numbered(n)
    return Result(
        *("made-up", model, {"enc": "encoder", "dec": "causal"}.get(model, "seq2seq")),
        *(intermediate, target, language, seed, metric, score, n, 0.0),
        others.pop("readout", "slots"),
        signature=f"{metric}|v:1",
        chosen=Examples(names, table, ("scored",) * n, np.zeros(n, dtype=np.int64)),
        **others,
    )


def with_ids(result: Result, ids: tuple[str, ...]) -> Result:
    return replace(result, chosen=replace(result.examples, ids=ids))


def made_study(
    rng: np.random.Generator, *, seeds: Sequence[int] = (0,), n: int = 40, models: int = 2
) -> list[Result]:
    """Every cell of a small study; `mnli` before `xnli` is a same-data pair."""
    return [
        cell(
            rng.random(n) < 0.6,
            model=model,
            intermediate=intermediate,
            target=target,
            language=language,
            seed=seed,
            same_data=(intermediate, target) == ("mnli", "xnli"),
        )
        for model in ("enc", "dec", "s2s")[:models]
        for intermediate in ("none", "mnli", "squad")
        for target in ("xnli", "paws_x")
        for language in ("en", "de", "tr")
        for seed in seeds
    ]
