"""What `--engine auto` picks, and that it says why; the readout is the same whatever it picks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.base import Stage
from t2t_xfer.stages.context import Context
from t2t_xfer.study import as_is
from t2t_xfer.study.as_is import (
    EngineChoice,
    EngineName,
    Evaluation,
    choose_engine,
    plan_evaluation,
)
from t2t_xfer.study.store import Store

from .studydata import t2t

SPANS = ("xquad", ("en", "de"))


@pytest.fixture
def context() -> Context:
    return Context(Catalogue(), "microworld")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Whether vLLM and a GPU are there, and from how many examples on it pays."""

    def set_up(vllm: bool, gpu: bool, least: int = 10) -> None:
        monkeypatch.setattr(as_is, "has_vllm", lambda: vllm)
        monkeypatch.setattr(as_is, "gpu_at_hand", lambda: gpu)
        monkeypatch.setattr(as_is, "MIN_EXAMPLES", least)

    return set_up


def asked_for(task: str, model: str = "micro:causal", engine: EngineName = "auto") -> Evaluation:
    return Evaluation(model, ("none",), (task,), ("en", "de"), engine, 5, 128)


def choose(context: Context, task: str, store: Store | None = None, **asked: Any) -> EngineChoice:
    return choose_engine(context, asked_for(task, **asked), task, [None], ("en", "de"), store)


def test_vllm_where_much_is_written_on_a_gpu(context: Context, machine: Any) -> None:
    machine(vllm=True, gpu=True)
    assert choose(context, "xquad") == EngineChoice(
        "vllm", "10 examples are to be written on a GPU"
    )


@pytest.mark.parametrize(
    ("task", "model", "here", "why"),
    [
        ("xquad", "micro:causal", (False, True, 10), "vLLM is not installed"),
        ("xquad", "micro:causal", (True, False, 10), "vLLM pays on a GPU only"),
        ("xquad", "micro:causal", (True, True, 11), "10 examples are too few: from 11 on"),
        ("xnli", "micro:causal", (True, True, 10), "answers are read in one pass"),
        ("udpos", "micro:causal", (True, True, 10), "tags in one pass are read at every word"),
        ("tatoeba", "micro:causal", (True, True, 10), "no hidden states of a chosen layer"),
        ("xnli", "micro:encoder", (True, True, 10), "it runs decoders"),
    ],
)
def test_transformers_anywhere_else(
    context: Context, machine: Any, task: str, model: str, here: Sequence[Any], why: str
) -> None:
    machine(*here)
    found = choose_engine(context, asked_for(task, model), task, [None], ("de",) * 2, None)
    assert found.engine == "transformers"
    assert why in found.why


def predictions(context: Context, engine: EngineName) -> list[Stage]:
    planned = plan_evaluation(context, asked_for("xquad", engine=engine), print)
    return [stage for stage in planned.stages if stage.kind == "predict"]


def finished(store: Store, stages: Sequence[Stage]) -> None:
    for stage in stages:
        store.begin(stage)
        store.commit(stage, {}, 0.0)
        store.release(stage)


@pytest.mark.parametrize("other", [False, True])
def test_what_an_engine_has_begun_it_goes_on_with(
    context: Context, machine: Any, tmp_path: Path, other: bool
) -> None:
    """Whatever would be picked now: so nothing is computed twice, and a table has one engine."""
    store = Store(tmp_path)
    slow, fast = predictions(context, "transformers"), predictions(context, "vllm")
    machine(vllm=True, gpu=not other)
    finished(store, (fast if other else slow)[:1])
    engine = "vllm" if other else "transformers"
    assert choose(context, "xquad", store) == EngineChoice(
        engine, "it has 1 of 2 predictions in the store"
    )
    asked = plan_evaluation(context, asked_for("xquad"), print, store)
    stages = [stage.id for stage in asked.stages if stage.kind == "predict"]
    assert stages == [stage.id for stage in (fast if other else slow)]
    assert {str(stage.spec["readout"]) for stage in [*slow, *fast]} == {"generate"}


def test_all_of_vllms_predictions_serve_where_it_is_not_installed(
    context: Context, machine: Any, tmp_path: Path
) -> None:
    machine(vllm=False, gpu=False)
    store, fast = Store(tmp_path), predictions(context, "vllm")
    finished(store, fast[:1])
    assert choose(context, "xquad", store).engine == "transformers"
    finished(store, fast[1:])
    assert choose(context, "xquad", store).engine == "vllm"


def test_the_command_says_which_and_why_and_keeps_the_address_of_the_result(
    machine: Any, tmp_path: Path
) -> None:
    machine(vllm=False, gpu=False)
    command = ["evaluate", "--model", "micro:causal", "--task", "xnli", "--language", "en"]
    rest = ["--data", "microworld", "--limit", "3", "--output", str(tmp_path)]
    first = t2t(*command, *rest)
    assert first.code == 0, first.err
    line = "--engine auto: transformers for xnli: vLLM is not installed"
    assert first.err.splitlines().count(line) == 1
    named = t2t(*command, *rest, "--engine", "transformers")
    assert "2 of 2 stages need no work" in named.err
    assert "--engine auto" not in named.err
