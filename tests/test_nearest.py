"""A misspelt option, command, choice, task, language or model is told the nearest known one."""

from __future__ import annotations

from pathlib import Path

import pytest

from .studydata import t2t


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ("task ls", "'tasks'"),
        ("tasks lst", "'ls'"),
        ("tasks ls --jsn", "'--json'"),
        ("evaluate --task xnli --engine oracl", "'oracle'"),
        ("tasks preview xnli --split tset", "'test'"),
        ("schema tsk", "'task'"),
        ("tasks show xnil", "'xnli'"),
        ("study plan quickstrat", "'quickstart'"),
        ("tasks preview xnli --data microwrld", "'microworld'"),
        ("tasks preview xnli --data microworld --language german", "'de'"),
        ("tasks preview xnli --data microworld --model micro:encodr", "'micro:encoder'"),
        (
            "evaluate --task xnli --language de --data microworld --model new:encodr",
            "'new:encoder'",
        ),
        ("evaluate --task xnli --language de --data microworld --model runs/modl", "'runs/model'"),
    ],
)
def test_the_nearest_known_name(
    arguments: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "model").mkdir(parents=True)
    done = t2t(*arguments.split())
    assert done.code == 2
    assert f"Did you mean {hint}?" in done.err
    assert "Traceback" not in done.err
