"""The benchmarks run from end to end on any machine, and their models have their sizes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from .conftest import REPOSITORY


@pytest.mark.slow
def test_the_tiny_benchmark_writes_every_figure(tmp_path: Path) -> None:
    command = [str(REPOSITORY / "benchmarks" / "gpu.sh"), "--tiny", "--output", str(tmp_path)]
    environment = {**os.environ, "PYTHON": sys.executable, "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run(command, check=True, env=environment, capture_output=True, timeout=300)
    (path,) = tmp_path.iterdir()
    found = json.loads(path.read_text())
    assert path.name.startswith("tiny-")
    assert "figures mean nothing" in found["note"]
    assert [case["architecture"] for case in found["cases"]] == ["encoder", "seq2seq", "causal"]
    for case in found["cases"]:
        for task in ("label", "tags"):
            for mode in ("as_trained", "autocast"):
                assert case[f"train_{task}"][mode]["steps_per_second"] > 0
                assert 0 < case[f"train_{task}"][mode]["share_of_matrix_rate"] < 1.5
            assert case[f"read_{task}"]["examples_per_second"] > 0


def test_the_benchmark_of_search_runs_at_any_size() -> None:
    command = [sys.executable, str(REPOSITORY / "benchmarks" / "retrieval.py"), "--threads", "1"]
    command += ["--rows", "3000", "--hidden", "16", "--rounds", "1", "--budget-mib", "8"]
    done = subprocess.run(
        [*command, "--runs", "ours", "mine", "faiss"],
        check=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    rows = [line.split("|")[1].strip() for line in done.stdout.splitlines() if line[:2] == "| "]
    assert rows[:3] == ["", "ours", "mine"]
    assert "mined " in done.stdout
    # faiss is an extra (`bench`): it is compared with where it is installed.
    if "faiss is not installed" not in done.stdout:
        assert rows[3] == "faiss"
        agreement = re.search(r"same neighbours in the same order: ([\d.]+) of all", done.stdout)
        assert agreement is not None
        assert float(agreement[1]) > 0.999


@pytest.mark.slow
def test_the_benchmark_of_training_measures_both_sides_on_the_same_rows(shared_hub: Path) -> None:
    command = [sys.executable, str(REPOSITORY / "benchmarks" / "training.py"), "--tiny"]
    command += ["--data", f"mirror:{shared_hub}", "--rounds", "1", "--steps", "2"]
    command += ["--architectures", "seq2seq"]  # the losses of all three: tests/test_equality.py
    done = subprocess.run(  # noqa: PLW1510
        [*command, "--threads", "1"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[1].strip() for line in done.stdout.splitlines() if line[:2] == "| "]
    assert [row for row in rows if row != "TRL SFTTrainer"] == [
        *("", "ours", "Seq2SeqTrainer, length grouping"),
    ]
    differences = re.findall(r"from full logits ([\d.e+-]+)", done.stdout)
    assert len(differences) == 1
    assert float(differences[0]) < 1e-5


def evaluation(*arguments: str) -> str:
    """What the benchmark of evaluation prints, with micro models on one thread."""
    command = [sys.executable, str(REPOSITORY / "benchmarks" / "evaluation.py"), *arguments]
    done = subprocess.run(  # noqa: PLW1510
        [*command, "--tiny", "--rounds", "1", "--threads", "1"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_every_part_of_the_benchmark_of_evaluation_runs() -> None:
    parts = ("labels", "cloze", "words", "seq2seq-8", "growth-2", "adapters", "tags")
    told = evaluation(*parts, "repeated", "vllm")
    for part in ("labels", "cloze", "words", "seq2seq-8", "growth-2", "adapters"):
        assert re.search(rf"\n{part}, 24m: .*\b6 (items|examples)", told)
    assert told.count("| ours | ") == 6
    assert told.count("useful GFLOPs a second") == 4
    assert len(re.findall(r"6 sentences, \d+ words: one pass", told)) == 2
    # Nothing is computed again.
    assert re.search(r"again [\d.]+ s, no torch", told)
    assert "the same output: True" in told
    assert "vLLM's environment is not named" in told


@pytest.mark.slow
def test_lm_eval_predicts_the_same_in_the_benchmark_of_evaluation() -> None:
    peer = os.environ.get("T2T_LM_EVAL", "")
    if not peer and find_spec("lm_eval") is None:
        pytest.skip("lm-eval is not installed; T2T_LM_EVAL may name a directory that holds it")
    told = evaluation("labels", "same", "adapters", "--peer", peer)
    found = re.findall(r"same predictions: ([\d.]+)% .* of a score ([\d.e+-]+)", told)
    assert len(found) == 6
    for share, difference in found:
        assert float(share) == 100
        assert float(difference) < 1e-3


@pytest.mark.slow
def test_without_a_device_it_says_so_and_measures_nothing(tmp_path: Path) -> None:
    command = [sys.executable, str(REPOSITORY / "benchmarks" / "gpu.py"), "--output", str(tmp_path)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(  # noqa: PLW1510
        command, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 2
    assert "no CUDA device" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_models_have_the_sizes_of_those_they_are_like(monkeypatch: pytest.MonkeyPatch) -> None:
    """Built without memory. mT5 large has 1.23 B, 256 M of them in a head of its own."""
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))
    import gpu_models

    found = []
    for shape in gpu_models.SHAPES:
        with torch.device("meta"):
            model = shape.model(shape.config(**{**shape.size, **gpu_models.IDS}))
        found.append(round(sum(p.numel() for p in model.parameters()) / 1e6))
    assert found == [560, 973, 1544]


def test_the_benchmark_of_statistics_reads_a_study_from_its_store() -> None:
    command = [sys.executable, str(REPOSITORY / "benchmarks" / "report_statistics.py")]
    command += ["--rows", "720", "--languages", "2", "--replicates", "50"]
    done = subprocess.run(
        command,
        check=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "720 rows in 72 cells" in done.stdout
    assert "| seconds in all | peak MiB |" in done.stdout
