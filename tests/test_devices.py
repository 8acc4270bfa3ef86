"""Several processes train what one would have trained: same examples, losses and weights.

Two processes on a CPU, over gloo. DDP goes through the command line; FSDP is tested on weights that
are really in pieces, because on a CPU the Trainer takes an FSDP setting and runs DDP instead.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from t2t_xfer.architectures.micro import new_model, train_tokenizer
from t2t_xfer.architectures.rows import Row
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import ArchitectureName
from t2t_xfer.training.devices import check_select
from t2t_xfer.training.steps import Step

from . import spread
from .conftest import REPOSITORY
from .studydata import new_model as new_model_spec
from .studydata import one_thread, t2t, write_study

TRAINING = """
steps: 5
checkpoint_steps: 3
examples_per_step: 12
learning_rate: 1e-3
# A gradient that is nought but for rounding must not become a step of Adam's.
adam_epsilon: 1e-6
max_input_tokens: 128
micro_batch_tokens: 400
"""
TOLERANCE = 2e-6
"""Of losses, relative, and of weights after five steps of 1e-3. Sums of float32 in another order;
measured: 1e-7 and 5e-8."""


def launched(num_processes: int, *arguments: object, **environment: str) -> Any:
    """A module in several processes, with torch's launcher, which is accelerate's too."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    command = [sys.executable, *launcher, str(num_processes), "-m", *map(str, arguments)]
    return subprocess.run(  # noqa: PLW1510
        command,
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=600,
    )


def checkpoint(architecture: ArchitectureName, folder: Path) -> Path:
    """A model without dropout: processes would draw it for other rows."""
    texts = ["Ada sees the old dog near the river .", "Nobody likes red fish ."] * 20
    tokenizer = train_tokenizer(texts, 500, architecture)
    model = new_model(architecture, len(tokenizer), hidden=32, layers=2, heads=2, dropout=0.0)
    model.save_pretrained(folder / architecture)
    tokenizer.save_pretrained(folder / architecture)
    return folder / architecture


def arguments(folder: Path, model: Path, out: str) -> tuple[object, ...]:
    (folder / "training.yaml").write_text(TRAINING)
    return (
        *("train", "--model", model, "--task", "mnli", "--task", "squad_v1"),
        *("--data", "microworld", "--limit", "48", "--training", folder / "training.yaml"),
        *("--output", folder / out, "--json"),
    )


def losses_and_weights(folder: Path) -> tuple[list[float], dict[str, torch.Tensor]]:
    (stage,) = folder.glob("store/train/*")
    lines = (stage / "losses.jsonl").read_text().splitlines()
    weights = load_file(stage / "checkpoint" / "model.safetensors")
    return [json.loads(line)["loss"] for line in lines], weights


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["seq2seq"])  # both of its sides, and a head of its own
def test_two_processes_give_what_one_gives(architecture: ArchitectureName, tmp_path: Path) -> None:
    """Labels and spans: an encoder's spans are pointers, which leave the head's bias aside."""
    one_thread()
    model = checkpoint(architecture, tmp_path)
    alone = t2t(*arguments(tmp_path, model, "out1"))
    both = launched(2, "t2t_xfer", *arguments(tmp_path, model, "out2"))
    assert (alone.code, both.returncode) == (0, 0), both.stderr
    one, two = map(json.loads, (alone.out, both.stdout))  # the first process alone speaks
    assert (one["processes"], two["processes"]) == (1, 2)
    for key in ("steps", "examples", "tokens", "examples_of"):
        assert one[key] == two[key]
    losses, weights = zip(*(losses_and_weights(tmp_path / f"out{i}") for i in (1, 2)), strict=True)
    assert len(losses[0]) == 5
    assert losses[1] == pytest.approx(losses[0], rel=TOLERANCE)
    assert losses[0][0] != losses[0][-1]
    for name, weight in weights[0].items():
        assert torch.allclose(weight, weights[1][name], atol=TOLERANCE, rtol=0), name
    assert not list((tmp_path / "out2" / "store" / ".work").iterdir())


@pytest.mark.slow
def test_fsdp_on_a_device_where_it_would_be_ddp_is_refused(tmp_path: Path) -> None:
    given = arguments(tmp_path, checkpoint("causal", tmp_path), "out")
    run = launched(2, "t2t_xfer", *given, ACCELERATE_USE_FSDP="true")
    assert run.returncode == 1
    assert "FSDP was asked for" in run.stderr
    assert not list((tmp_path / "out" / "store").glob("train/*"))


def test_choosing_weights_that_are_in_pieces_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    check_select()
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(UnsupportedError, match=r"training\.select"):
        check_select()


@pytest.mark.slow
def test_a_mistake_is_said_once(tmp_path: Path) -> None:
    run = launched(2, "t2t_xfer", "train", "--model", "new:causal", "--task", "nosuch")
    assert run.returncode == 1  # the launcher's own
    assert len(re.findall("unknown task 'nosuch'", run.stderr)) == 1


@pytest.mark.slow
def test_weights_in_pieces_learn_what_whole_ones_learn(tmp_path: Path) -> None:
    """FSDP2 on gloo; `tests/spread.py` asserts that every weight is a DTensor."""
    for count in ("1", "2"):
        (tmp_path / count).mkdir()
    spread.main(tmp_path / "1")
    run = launched(2, "tests.spread", tmp_path / "2")
    assert run.returncode == 0, run.stderr
    whole, pieces = (torch.load(tmp_path / i / "weights.pt") for i in ("1", "2"))
    found = [json.loads((tmp_path / i / "losses.json").read_text()) for i in ("1", "2")]
    assert len(found[0]) == 3
    assert found[1] == pytest.approx(found[0], rel=1e-5)
    assert whole.keys() == pieces.keys()
    for name, weight in whole.items():
        assert torch.allclose(weight, pieces[name], atol=1e-5), name


@pytest.mark.parametrize("command", [("evaluate", "--task", "xnli"), ("study", "run", "x.yaml")])
def test_what_uses_one_process_refuses_several(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = write_study(
        tmp_path, models=[new_model_spec("causal")], targets=["xnli"], languages=["en"]
    )
    monkeypatch.setenv("WORLD_SIZE", "2")
    arguments = [study if part == "x.yaml" else part for part in command]
    outcome = t2t(*arguments, "--data", "microworld")
    assert outcome.code == 2
    assert "started in 2 processes" in outcome.err


def row(name: str, length: int, pointer: bool = False) -> Row:
    from t2t_xfer.architectures.codec import TokenSpan

    keys = TokenSpan(0, 1) if pointer else None
    return Row(name, tuple(range(length)), (0,), labels=(0,), keys=keys)


def test_processes_share_a_step_evenly() -> None:
    """By length 9 8 7 5 4 2: one process takes 9 7 4 and the other 8 5 2. Of budget 16, [9] and
    [7 4] (2 × 7 = 14), [8 5] (2 × 8 = 16) and [2] (3 × 8 would be 24)."""
    rows = [row(str(n), n) for n in (4, 9, 2, 8, 5, 7)]
    step = Step(rows, 6, tuple(r.id for r in rows), 16)
    shares = [[[r.id for r in batch] for batch in share] for share in step.shares(2)]
    assert shares == [[["9"], ["7", "4"]], [["8", "5"], ["2"]]]


def test_a_process_that_is_done_earlier_goes_on_with_rows_that_weigh_nothing() -> None:
    """Pointers are batches of their own: the first process has one, the second has not."""
    rows = [row("a", 5), row("b", 4), row("c", 3, pointer=True)]
    first, second = Step(rows, 3, ("a", "b", "c"), 100).shares(2)
    assert [[(r.id, r.weight) for r in batch] for batch in first] == [[("a", 1)], [("c", 1)]]
    assert [[(r.id, r.weight) for r in batch] for batch in second] == [[("b", 1)], [("c", 0)]]


def test_nobody_is_left_without_work() -> None:
    shares = Step([row("a", 5)], 1, ("a",), 100).shares(3)
    assert [[(r.id, r.weight) for r in batch] for share in shares for batch in share] == [
        [("a", 1)],
        [("a", 0)],
        [("a", 0)],
    ]
