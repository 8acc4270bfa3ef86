"""The executor `snakemake`: the same bytes as in this process, and what a failing job leaves."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.context import Context
from t2t_xfer.study.plan import plan_study
from t2t_xfer.study.snakemake import VISIBLE, jobs_of, leased_gpu, run_jobs, visible_gpus

from .conftest import REPOSITORY
from .studydata import make_mirror, new_model, one_thread, t2t, write_study
from .studyworld import World


def small(folder: Path, **changes: object) -> Path:
    return write_study(
        folder,
        **{
            "models": [new_model("encoder")],
            "intermediates": ["none"],
            "targets": ["udpos"],
            "languages": ["en", "de"],
            **changes,
        },
    )


def run(study: Path, hub: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """In another process, as a user would; jobs are processes anyway."""
    command = ["study", "run", str(study), "--data", f"mirror:{hub}", "--output", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        [sys.executable, "-m", "t2t_xfer", *command, *more],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        cwd=hub.parent,
        timeout=570,
    )


def cells_of(out: Path) -> Path:
    return out / "small" / "cells.csv"


def test_jobs_hold_every_open_stage_once(finished: World) -> None:
    plan = finished.plan()
    jobs = jobs_of(plan.stages)
    held = [stage.id for job in jobs for stage in job.stages]
    assert sorted(held) == sorted(stage.id for stage in plan.stages)
    kinds = Counter(job.kind for job in jobs)
    # 3 new models; of each 3 trainings (mnli, udpos, udpos after mnli), each of which is tested:
    # xnli and mnli>xnli train on mnli once and twice, so 4 trainings with one job of tests each
    assert kinds["model"] == 3
    assert kinds["train"] == kinds["predict"]
    assert kinds["baseline"] == 1
    done: set[str] = set()
    for job in jobs:
        assert set(job.after) <= done, "a job stands before what it needs"
        done.add(job.name)


def jobs_running(kind: str, folder: Path) -> list[int]:
    """Processes that do a job of this kind for a study below the folder."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                words = (process / "cmdline").read_text().split("\0")
                if "job" in words and str(folder) in " ".join(words) and f"{kind}-" in words[-4]:
                    found.append(int(process.name))
    return found


@pytest.mark.slow
def test_snakemake_gives_the_bytes_of_a_local_run_though_a_job_is_killed(tmp_path: Path) -> None:
    """As a system without memory kills a process: the job is tried again, and resumes."""
    one_thread()
    hub = make_mirror(tmp_path)
    training = {"steps": 12, "checkpoint_steps": 1, "examples_per_step": 8, "learning_rate": 1e-3}
    study = small(tmp_path, training={**training, "max_input_tokens": 96})
    rented = tmp_path / "rented"
    killed: list[int] = []

    def kill_one() -> None:
        while not killed:
            if list(rented.glob("store/.work/train-*/**/checkpoint-*/trainer_state.json")):
                for process in jobs_running("train", rented)[:1]:
                    os.kill(process, signal.SIGKILL)
                    killed.append(process)
            time.sleep(0.02)

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    done = run(study, hub, rented, "--executor", "snakemake", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    assert killed, "no training was seen"
    here = t2t("study", "run", study, "--data", f"mirror:{hub}", "--output", tmp_path / "here")
    assert here.code == 0, here.err
    assert cells_of(rented).read_bytes() == cells_of(tmp_path / "here").read_bytes()
    assert not list((rented / "store" / ".work").glob("snakemake-*"))


@pytest.mark.slow
def test_a_failing_job_loses_its_dependants_and_nothing_else(tmp_path: Path) -> None:
    hub = make_mirror(tmp_path)
    # No prompt of paws_x fits into 8 tokens, and the words of its prompt may not be dropped.
    study = small(
        tmp_path,
        targets=["paws_x", "udpos"],
        task_training={"paws_x": {"max_input_tokens": 8}},
    )
    out = tmp_path / "out"
    outcome = run(study, hub, out, "--executor", "snakemake", "--jobs", "2")
    assert outcome.returncode == 1
    assert "failed: train/tiny-encoder-to-paws_x" in outcome.stderr
    with cells_of(out).open() as file:
        targets = Counter(row["target"] for row in csv.DictReader(file))
    assert targets == {"udpos": 2}
    told = json.loads(t2t("study", "status", out / "small", "--json").out)["stages"]
    assert told["train"] == {"done": 1, "failed": 1}
    assert told["predict"]["blocked"] == 2  # paws_x in English and German


def test_a_dry_run_writes_no_result(tmp_path: Path) -> None:
    hub, study = make_mirror(tmp_path), small(tmp_path)
    outcome = run(study, hub, tmp_path / "out", "--executor", "snakemake", "--dry-run")
    assert outcome.returncode == 0, outcome.stderr
    assert not [p for p in (tmp_path / "out" / "store").iterdir() if p.name != ".work"]


def test_a_folder_with_braces_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Snakemake put its own values where a path had braces: a NameError, and nothing ran."""
    folder, out = tmp_path / "my {job} {n} {{'a b", tmp_path / "out"
    hub = make_mirror(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    catalogue = Catalogue()
    plan = plan_study(catalogue.study(small(folder)), Context(catalogue, f"mirror:{hub}"))
    jobs = [job for job in jobs_of(plan.stages) if job.kind == "baseline"]
    stages = [stage for job in jobs for stage in job.stages]
    assert run_jobs(stages, out, cores=1) == 0
    assert len(list((out / "store").rglob("record.json"))) == len(stages)


def test_snakemakes_own_folder_has_no_braces(tmp_path: Path) -> None:
    hub, out = make_mirror(tmp_path), tmp_path / "out {n}"
    outcome = t2t(
        *("study", "run", small(tmp_path), "--data", f"mirror:{hub}", "--output", out),
        *("--executor", "snakemake"),
    )
    assert outcome.code == 2
    assert "another --output" in outcome.err


def test_options_of_snakemake_need_it(tmp_path: Path) -> None:
    outcome = t2t("study", "run", "quickstart", "--profile", "slurm", "--output", tmp_path)
    assert outcome.code == 2
    assert "--executor snakemake" in outcome.err


def test_two_processes_lease_different_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VISIBLE, "3,5")
    with leased_gpu(tmp_path) as first:
        assert os.environ[VISIBLE] == first == "3"
        monkeypatch.setenv(VISIBLE, "3,5")  # as another process would see it
        with leased_gpu(tmp_path) as second:
            assert second == "5"
    with leased_gpu(tmp_path) as again:
        assert again == "3"


def test_without_several_gpus_nothing_is_leased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VISIBLE, "")
    assert visible_gpus() == []
    with leased_gpu(tmp_path) as device:
        assert device is None
    assert not list(tmp_path.iterdir())


def test_the_slurm_profile_loads_and_lists_the_jobs(tmp_path: Path) -> None:
    pytest.importorskip("snakemake_executor_plugin_slurm")
    hub, study = make_mirror(tmp_path), small(tmp_path)
    profile = str(REPOSITORY / "docs" / "examples" / "slurm")
    outcome = run(
        study, hub, tmp_path / "out", "--executor", "snakemake", "--profile", profile, "--dry-run"
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    told = outcome.stdout + outcome.stderr
    assert "slurm_partition=gpu" in told
    assert "gpu=1" in told
