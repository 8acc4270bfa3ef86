"""A stage that has no room is done again in smaller batches, and finds the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.stages.run import StageRunner
from t2t_xfer.study.run import run_plan
from t2t_xfer.study.store import Store

from .studydata import one_thread, texts
from .studyworld import World


@pytest.fixture
def again(copied: World) -> Any:
    """Runs the plan of the finished study in a store of its own, one model of it."""
    one_thread()
    planned = copied.plan()
    stages = [
        stage
        for stage in planned.stages
        if stage.label.startswith("tiny-encoder>udpos") or stage.label == "tiny-encoder"
    ]

    def run(root: Path) -> Any:
        from dataclasses import replace

        from t2t_xfer.specs.catalogue import Catalogue
        from t2t_xfer.stages.context import Context

        context = Context(Catalogue(), f"mirror:{copied.hub}")
        plan = replace(planned, stages=tuple(stages), cells=())
        return run_plan(plan, Store(root), StageRunner(context, progress=False), lambda _: None)

    return run


def test_reading_goes_on_in_smaller_batches(
    again: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    straight = again(tmp_path / "straight")
    assert straight.ran
    assert not straight.failed
    read = TransformersEngine.answer
    tried: list[int] = []

    def no_room(self: TransformersEngine, *arguments: Any) -> Any:
        tried.append(self.batch_tokens)
        if self.batch_tokens > 1000:
            raise torch.OutOfMemoryError("no room for 3 GiB")
        return read(self, *arguments)

    monkeypatch.setattr(TransformersEngine, "answer", no_room)
    summary = again(tmp_path / "tight")
    assert not summary.failed, summary
    assert tried[:3] == [8192, 2048, 512]
    assert "no room for 3 GiB. It is done again in smaller batches" in caplog.text
    found = [
        texts(tmp_path / out / "predict", "predictions.jsonl") for out in ("straight", "tight")
    ]
    assert [*found[0]] == [*found[1]]
    for name, log in found[0].items():
        assert answers(log) == answers(found[1][name])


def answers(log: str) -> list[object]:
    """What was read, without scores, whose last digits depend on the batch."""
    import json

    return [(row["id"], row.get("text")) for row in map(json.loads, log.splitlines())]


def test_no_room_at_all_fails_the_stage_alone(
    again: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(self: TransformersEngine, *arguments: Any) -> Any:
        raise torch.OutOfMemoryError("no room for 3 GiB")

    monkeypatch.setattr(TransformersEngine, "answer", no_room)
    summary = again(tmp_path)
    assert {stage.split("/")[0] for stage in summary.failed} == {"predict"}
    assert {stage.split("/")[0] for stage in summary.blocked} == {"score"}


def test_another_error_is_not_tried_again(
    again: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def broken(self: TransformersEngine, *arguments: Any) -> Any:
        tried.append(1)
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(TransformersEngine, "answer", broken)
    summary = again(tmp_path)
    assert len(tried) == len(summary.failed)
