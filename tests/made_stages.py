"""Stages made by hand, for tests of what happens to stages and not in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from t2t_xfer.stages.base import Stage
from t2t_xfer.stages.run import stage_from_json

SHOWN = {"task": "xnli", "answer": "label", "source_language": "en"}
ROWS = {"language": "en", "limit": None}
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "model": {"merged": True, "model": {}, "dtype": "float32"},
    "train": {
        **ROWS,
        "model": {},
        "dtype": "float32",
        "shown": SHOWN,
        "training": {"epochs": 1.0},
        "seed": 0,
    },
    "predict": {
        **ROWS,
        "shown": SHOWN,
        "split": "test",
        "data": "0123",
        "model": {},
        "dtype": "float32",
        "engine": "transformers",
        "readout": "slots",
        "max_input_tokens": 96,
        "batch_tokens": 8192,
    },
    "score": {**ROWS, "parsed": {"task": "xnli"}, "split": "test"},
}


def made(
    kind: str,
    label: str,
    needs: Mapping[str, str] | None = None,
    how: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Stage:
    """A stage of a kind with these fields; those that are not stated are anything legal."""
    spec = {"version": 1, **FIELDS[kind], **fields}
    return stage_from_json(kind, label, spec, needs or {}, how or {})
