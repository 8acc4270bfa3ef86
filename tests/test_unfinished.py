"""A prediction that is stopped in the middle goes on, and ends in the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.stages.unfinished import UNFINISHED, Unfinished

from .studydata import one_thread, t2t, texts

CASES = [("encoder", "udpos"), ("causal", "xnli"), ("causal", "xquad"), ("seq2seq", "udpos")]


def evaluate(out: Path, architecture: str, task: str) -> Any:
    told = ("--language", "de" if task == "xnli" else "ar", "--limit", "12")
    return t2t(
        *("evaluate", "--model", f"micro:{architecture}", "--task", task, *told),
        *("--data", "microworld", "--output", out),
    )


def stop_after(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Everything stops when so many generations are written down."""
    put = Unfinished.__setitem__

    def counted(self: Unfinished, id: str, generation: Any) -> None:
        put(self, id, generation)
        if len(self) == number:
            raise KeyboardInterrupt

    monkeypatch.setattr(Unfinished, "__setitem__", counted)


def record(out: Path) -> dict[str, Any]:
    (path,) = (out / "store" / "predict").glob("*/record.json")
    found: dict[str, Any] = json.loads(path.read_text())["results"]
    return found


def begun(out: Path) -> Path:
    (path,) = (out / "store" / ".work").glob(f"*/{UNFINISHED}")
    return path


@pytest.mark.parametrize(("architecture", "task"), CASES)
def test_it_goes_on_and_ends_in_the_same_bytes(
    architecture: str, task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_thread()
    monkeypatch.setattr("t2t_xfer.stages.predict.BATCH_TOKENS", 64)
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    assert evaluate(straight, architecture, task).code == 0
    with monkeypatch.context() as patch:
        stop_after(patch, 5)
        assert evaluate(stopped, architecture, task).code != 0
    with begun(stopped).open("ab") as file:
        file.write(b'{"id": "torn, since the power')
    assert evaluate(stopped, architecture, task).code == 0
    logs = [texts(out / "store" / "predict", "predictions.jsonl") for out in (straight, stopped)]
    assert logs[0] == logs[1]
    again, first = record(stopped), record(straight)
    assert again["rows_read_before"] == 5
    assert "rows_read_before" not in first
    assert 0 < again["tokens_read"] < first["tokens_read"]
    assert not list((stopped / "store").rglob(UNFINISHED))


def test_what_another_code_has_read_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_thread()
    with monkeypatch.context() as patch:
        stop_after(patch, 5)
        patch.setattr("t2t_xfer.stages.unfinished.code", lambda: "another")
        assert evaluate(tmp_path, "encoder", "udpos").code != 0
    assert len(begun(tmp_path).read_bytes().splitlines()) == 6
    assert evaluate(tmp_path, "encoder", "udpos").code == 0
    assert "rows_read_before" not in record(tmp_path)
