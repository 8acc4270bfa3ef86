"""A changed byte in what a stage would start from, and what a record says of repeating a stage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from t2t_xfer.engines.machine import machine
from t2t_xfer.study.record import inexact, read_record
from t2t_xfer.study.store import Store

from .studydata import t2t, write_study
from .studyworld import World
from .test_run import make_plan, run


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_what_changed_is_made_again_before_a_stage_starts_from_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(make_plan(1), tmp_path)
    plan, store = make_plan(2), Store(tmp_path)
    before = (store.path(plan.stages[1].id) / "text").read_bytes()
    flip(store.path(plan.stages[1].id) / "text")  # the checkpoint of the shared intermediate
    summary, lines = run(plan, tmp_path)
    assert "text does not have its checksum" in caplog.text
    assert any(line.startswith("again: train m+mnli ...") for line in lines)
    assert not summary.failed
    assert plan.stages[1].id in summary.ran
    assert (store.path(plan.stages[1].id) / "text").read_bytes() == before


def test_a_job_refuses_what_changed_and_the_next_run_makes_it_again(tmp_path: Path) -> None:
    """A job of a scheduler knows its own stages only."""
    run(make_plan(1), tmp_path)
    plan, store = make_plan(2), Store(tmp_path)
    changed = plan.stages[1]
    flip(store.path(changed.id) / "text")
    job = replace(plan, stages=tuple(s for s in plan.stages if changed.id in s.needs.values()))
    summary, lines = run(replace(job, stages=job.stages[-1:]), tmp_path)
    assert summary.failed == (job.stages[-1].id,)
    assert "Run the same command again: the stage is done anew" in lines[-1]
    assert store.record(changed.id) is None
    summary, _ = run(plan, tmp_path)
    assert changed.id in summary.ran
    assert not summary.failed


def test_a_flipped_byte_of_a_checkpoint_makes_no_number(
    copied: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A new language is predicted from the checkpoint that was damaged in the meantime."""
    (trained,) = (copied.out / "store" / "train").glob("tiny-encoder-to-udpos*")
    weights = trained / "checkpoint" / "model.safetensors"
    before = weights.read_bytes()
    flip(weights)
    outcome = copied.run(write_study(tmp_path / "wider", languages=["en", "de", "es"]))
    assert outcome.code == 0
    assert "model.safetensors does not have its checksum" in caplog.text
    assert "again: train tiny-encoder>udpos" in outcome.out
    assert weights.read_bytes() == before


@pytest.mark.parametrize("command", ["run", "report"])
def test_an_altered_statistic_is_never_shown(
    copied: World, caplog: pytest.LogCaptureFixture, command: str
) -> None:
    """Six of them turned a headline; `store verify` saw it, and every later run used them."""
    (score,) = (copied.out / "store" / "score").glob("tiny-encoder-to-mnli=xnli.de-*")
    log, cells = score / "statistics.jsonl", copied.cells.read_bytes()
    before = log.read_bytes()
    altered = before.replace(b'"statistics": [0', b'"statistics": [1')
    assert altered != before
    log.write_bytes(altered)
    assert t2t("store", "verify", "--output", copied.out).code == 1
    if command == "report":
        outcome = t2t("report", copied.out / "small")
        assert outcome.code == 0
        assert f"{score.name}: statistics.jsonl does not have its checksum" in caplog.text
        assert "1 of 36 cells are not finished" in (copied.out / "small/report.md").read_text()
    outcome = copied.run()
    assert outcome.code == 0
    assert "1 stages run" in outcome.out
    assert log.read_bytes() == before
    assert copied.cells.read_bytes() == cells
    assert t2t("store", "verify", "--output", copied.out).code == 0


def test_an_altered_answer_is_made_again(copied: World) -> None:
    """The examples of a report are answers, whose score is long done."""
    (predict,) = (copied.out / "store" / "predict").glob("tiny-causal*mnli*udpos*de-*")
    log = predict / "predictions.jsonl"
    before = log.read_bytes()
    flip(log)
    outcome = copied.run()
    assert (outcome.code, "1 stages run" in outcome.out) == (0, True)
    assert log.read_bytes() == before


def test_the_record_says_what_numbers_depend_on(finished: World) -> None:
    (trained,) = (finished.out / "store" / "train").glob("tiny-encoder-to-udpos*")
    record = read_record(trained)
    assert record.machine == machine()
    assert record.machine["threads"] == torch.get_num_threads()
    assert record.machine["processor"]
    assert tuple(record.inexact) == ()


@pytest.mark.parametrize(
    ("spec", "results", "word"),
    [
        ({}, {"device": "cuda:0"}, "cuda:0"),
        ({"engine": "vllm"}, {"device": "cpu"}, "vLLM"),
        ({"dtype": "bfloat16"}, {}, "dtype bfloat16"),
        ({"training": {"autocast": "bfloat16"}}, {}, "autocast bfloat16"),
        ({}, {"processes": 2}, "2 processes"),
    ],
)
def test_what_is_inexact(spec: dict[str, object], results: dict[str, object], word: str) -> None:
    (reason,) = inexact(spec, results)  # type: ignore[arg-type]
    assert word in reason
