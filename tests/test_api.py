"""The three calls for scripts, and the two example scripts as they stand."""

from __future__ import annotations

import csv
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import t2t_xfer
from t2t_xfer.api import COLUMNS
from t2t_xfer.errors import UserError
from t2t_xfer.microworld.checkpoints import checkpoint

from .adapters_made import made_adapter
from .conftest import REPOSITORY
from .studydata import one_thread, t2t

EXAMPLES = REPOSITORY / "docs" / "examples"
MODEL = "micro:encoder"


def test_a_table_of_scores_as_dicts_text_and_csv(tmp_path: Path) -> None:
    tasks = [t2t_xfer.load_task(name, data="microworld") for name in ("xnli", "udpos")]
    scores = t2t_xfer.evaluate(
        tasks, engine="oracle", languages=["en", "tr"], limit=4, output=tmp_path
    )
    table = scores.table()
    assert [(row["task"], row["language"]) for row in table] == [
        (task, code) for task in ("xnli", "udpos") for code in ("en", "tr")
    ]
    assert all(set(row) == set(COLUMNS) for row in table)
    assert {(row["score"], row["n"], row["invalid_rate"]) for row in table} == {(100.0, 4, 0.0)}
    assert (table[0]["model"], table[0]["adapter"], scores.failed) == ("oracle", "none", ())
    assert len(str(scores).splitlines()) == 2 + len(table)
    with scores.to_csv(tmp_path / "new" / "scores.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert written == [{key: str(value) for key, value in row.items()} for row in table]
    # The table is the caller's own.
    table[0]["score"] = 0.0
    assert scores.table()[0]["score"] == 100.0


def test_a_call_hides_the_bars_that_the_command_hides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = ("HF_HUB_DISABLE_PROGRESS_BARS", "HF_DATASETS_DISABLE_PROGRESS_BARS")
    for name in (*bars, "TRANSFORMERS_VERBOSITY"):
        monkeypatch.setenv(name, "")  # so that it is as before after the test
        monkeypatch.delenv(name)
    task = t2t_xfer.load_task("xnli", data="microworld")
    t2t_xfer.evaluate(task, engine="oracle", languages="de", limit=4, output=tmp_path)
    assert [os.environ[name] for name in bars] == ["1", "1"]
    assert os.environ["TRANSFORMERS_VERBOSITY"] == "error"


def test_the_command_finds_what_the_call_has_computed(tmp_path: Path) -> None:
    task = t2t_xfer.load_task("xnli", data="microworld")
    t2t_xfer.evaluate(task, engine="oracle", languages="de", limit=4, output=tmp_path)
    same = ("--engine", "oracle", "--language", "de", "--limit", 4, "--data", "microworld")
    done = t2t("evaluate", "--task", "xnli", *same, "--output", tmp_path)
    assert "2 of 2 stages need no work" in done.err


def test_a_task_shows_its_rows_as_text() -> None:
    task = t2t_xfer.load_task("xnli", data="microworld")
    assert (task.answer, task.metric) == ("label", "accuracy")
    ((example, prompted),) = task.examples("tr", limit=1)
    assert example.language == "tr"
    assert str(example.fields["premise"]) in prompted.input


def test_what_cannot_work_is_said() -> None:
    xnli = t2t_xfer.load_task("xnli", data="microworld")
    with pytest.raises(UserError, match="Did you mean 'xnli'"):
        t2t_xfer.load_task("xnly", data="microworld")
    with pytest.raises(UserError, match="one data source, but was given hub, microworld"):
        t2t_xfer.evaluate([xnli, t2t_xfer.load_task("udpos")], MODEL)
    with pytest.raises(UserError, match="no task at all"):
        t2t_xfer.evaluate([], MODEL)
    with pytest.raises(UserError, match="needs --model"):
        t2t_xfer.evaluate(xnli)
    with pytest.raises(AttributeError, match="has no attribute 'evaluat'"):
        t2t_xfer.evaluat  # noqa: B018


def test_the_example_scripts_run_as_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python first, in this process; the shell then prints the same numbers from the store."""
    one_thread()
    monkeypatch.chdir(tmp_path)
    for seed in (1, 2):
        made_adapter(str(checkpoint(MODEL)), "encoder", tmp_path / "runs" / f"r{seed}", seed)
    rest = ["--language", "en", "--language", "tr", "--limit", "4", "--output", "out"]
    adapters = ["--adapter", "runs/r1", "--adapter", "runs/r2"]
    tasks = ["--task", "xnli", "--task", "udpos"]
    script = str(EXAMPLES / "batch_evaluation.py")
    monkeypatch.setattr(sys, "argv", [script, *adapters, *tasks, *rest])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(script, run_name="__main__")
    assert ended.value.code == 0
    assert "udpos: best with" in capsys.readouterr().out
    with open("out/scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 2 * 2

    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [EXAMPLES / "batch_evaluation.sh", MODEL, "runs", "--data", "microworld", *rest],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "24 of 24 stages need no work" in done.stderr
    printed = [line.split("\t") for line in done.stdout.splitlines()]
    for task, mean, adapter in printed:
        scores = [float(r["score"]) for r in rows if (r["task"], r["adapter"]) == (task, adapter)]
        assert float(mean) == pytest.approx(sum(scores) / 2, abs=0.006)
    assert len(printed) == 6
