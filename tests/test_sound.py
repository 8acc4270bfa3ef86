"""A changed byte in what a stage would start from, and what a record says of repeating a stage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from t2t_xfer.engines.machine import machine
from t2t_xfer.study.record import read_record
from t2t_xfer.study.repeatable import inexact
from t2t_xfer.study.store import Store

from .studydata import write_study
from .studyworld import World
from .test_run import make_plan, run


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_a_stage_refuses_what_changed_and_blocks_what_needs_it(tmp_path: Path) -> None:
    run(make_plan(1), tmp_path)
    plan, store = make_plan(2), Store(tmp_path)
    flip(store.path(plan.stages[1].id) / "text")  # the checkpoint of the shared intermediate
    summary, lines = run(plan, tmp_path)
    failed = next(line for line in lines if "failed" in line)
    assert "text does not have its checksum" in failed
    assert "Remove this directory" in failed
    assert [stage.split("/")[0] for stage in summary.failed] == ["train"]
    assert [stage.split("/")[0] for stage in summary.blocked] == ["predict", "score"]


def test_what_was_changed_is_done_again_once_it_is_removed(tmp_path: Path) -> None:
    run(make_plan(1), tmp_path)
    plan, store = make_plan(2), Store(tmp_path)
    folder = store.path(plan.stages[1].id)
    flip(folder / "text")
    shutil.rmtree(folder)
    summary, _ = run(plan, tmp_path)
    assert not summary.failed
    assert plan.stages[1].id in summary.ran


def test_a_flipped_byte_of_a_checkpoint_makes_no_number(copied: World, tmp_path: Path) -> None:
    """A new language is predicted from the checkpoint that was damaged in the meantime."""
    (trained,) = (copied.out / "store" / "train").glob("tiny-encoder-to-udpos*")
    flip(trained / "checkpoint" / "model.safetensors")
    outcome = copied.run(write_study(tmp_path / "wider", languages=["en", "de", "es"]))
    assert outcome.code == 1
    assert "model.safetensors does not have its checksum" in outcome.err + outcome.out
    assert "\ntiny-encoder,none,udpos,es" not in copied.cells.read_text()


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
