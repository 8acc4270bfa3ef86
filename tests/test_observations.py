"""What stands behind the cells of a study, read from a real store."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_xfer.errors import UserError
from t2t_xfer.records import Json
from t2t_xfer.stages.base import Stage
from t2t_xfer.stages.logs import PREDICTIONS, STATISTICS, write_jsonl
from t2t_xfer.study.plan_file import Cell, Plan
from t2t_xfer.study.results import Results
from t2t_xfer.study.store import Store

from .made_stages import made as made_stage

LANGUAGES = ("en", "de", "tr")


def finish(store: Store, stage: Stage, name: str, rows: list[dict[str, Json]], **more: Json) -> str:
    work = store.begin(stage)
    write_jsonl(work / name, rows)
    store.commit(stage, {"n": len(rows), **more}, 0.1)
    return stage.id


def made(tmp_path: Path, cut: int = 0, wrong: str = "") -> Results:
    """A study of three languages, of which `tr` is not finished."""
    store, cells = Store(tmp_path), []
    for language in LANGUAGES:
        predict = made_stage("predict", "p", language=language)
        score = made_stage("score", "s", {"predictions": predict.id}, language=language)
        cells.append(
            Cell("x", "enc", "encoder", "none", "xnli", language, 0, "slots", score.id, False)
        )
        if language == "tr":
            continue
        read: list[dict[str, Json]] = [{"id": str(i), "removed_tokens": i * cut} for i in range(4)]
        finish(store, predict, PREDICTIONS, read, removed_tokens=6 * cut)
        rows: list[dict[str, Json]] = [
            {"id": str(i), "gold": "a", "value": None, "status": status, "statistics": [i % 2]}
            for i, status in enumerate(("scored", "invalid", "scored", "scored"))
        ]
        if wrong:
            rows[-1]["statistics"] = [1, 2]
        told = {"metric": "accuracy", "score": 50.0, "invalid_rate": 0.25, "signature": "a|v:1"}
        finish(store, score, STATISTICS, rows, **told)
    return Results(Plan("x", (), tuple(cells), sources={"xnli": "en"}), store)


@pytest.mark.parametrize("cut", [0, 7])
def test_finished_cells_come_with_their_examples(tmp_path: Path, cut: int) -> None:
    results = made(tmp_path, cut)
    english, german = results.finished
    assert [cell.language for cell in results.unfinished] == ["tr"]
    assert (english.language, german.language) == ("en", "de")
    assert german.ids == ("0", "1", "2", "3")
    assert german.ids is english.ids
    assert german.statistics.tolist() == [[0], [1], [0], [1]]
    assert german.statuses == ("scored", "invalid", "scored", "scored")
    assert german.removed_tokens.tolist() == [0, cut, 2 * cut, 3 * cut]


def test_a_broken_log_is_named_and_no_number_comes_of_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    results = made(tmp_path)
    path = results.store.path(results.plan.cells[1].score_id) / STATISTICS
    text = path.read_text(encoding="utf-8")
    path.write_text(text[:-3] + "  \n", encoding="utf-8")  # the same size: only a look inside tells
    (english,) = results.finished
    assert english.language == "en"
    assert "statistics.jsonl" in caplog.text
    assert "counts as not done" in caplog.text


def test_statistics_of_different_lengths_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no table of statistics"):
        _ = made(tmp_path, wrong="length").finished[0].examples
