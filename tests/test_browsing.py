"""What the pages take from the store: examples, inputs, drift, cost and memory."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.records import Json
from t2t_xfer.report.browser import CHANGED, EXAMPLES, GONE, Chunk, Inputs, browse
from t2t_xfer.report.given import costs, drift
from t2t_xfer.report.written import write_results
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.base import Stage
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.logs import PREDICTIONS, STATISTICS, write_jsonl
from t2t_xfer.study.plan_file import Cell, Plan
from t2t_xfer.study.record import peak, start_peak
from t2t_xfer.study.results import Results
from t2t_xfer.study.store import Store

from .made_stages import made
from .studyworld import World

MODELS = {"enc": "encoder", "dec": "causal"}


def data_of(folder: Path, number: int) -> dict[str, Any]:
    """What a script of the browser hands over."""
    text = (folder / "examples" / f"{number:04d}.js").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text[text.index("{") : text.rindex("}") + 1])
    return found


def test_a_finished_study_has_a_page_with_its_inputs(finished: World, tmp_path: Path) -> None:
    results = Results.read(finished.out / "small")
    cells = results.finished
    write_results(tmp_path, results, replicates=50)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"from {len(cells)} cells" in page
    assert "GB" in page[page.index('id="cost"') :]
    chunk = data_of(tmp_path, 0)
    target, language = chunk["target"], chunk["language"]
    runs = [
        c for c in results.plan.cells if (c.target, c.language, c.seed) == (target, language, 0)
    ]
    assert [run[0] for run in chunk["runs"]] == [cell.model for cell in runs]
    context = Context(Catalogue(), f"mirror:{finished.hub}")
    _, prompted = context.prompted(target, language, "test", None)
    inputs = {text.id: text.input for text in prompted}
    assert chunk["examples"]
    assert all(each["input"] == inputs[each["id"]] for each in chunk["examples"])
    assert {len(each["answers"]) for each in chunk["examples"]} == {len(runs)}


def test_inputs_of_another_prompt_or_without_data_are_not_shown(finished: World) -> None:
    log = Results.read(finished.out / "small").finished[0].log
    assert log is not None
    predict = log.predict
    assert predict is not None
    inputs = Inputs(Catalogue())
    shown: Any = predict.spec["shown"]
    other = replace(
        predict, spec={**predict.spec, "shown": {**shown, "input": "else: {{ premise }}"}}
    )
    assert inputs.of(other, {"0"}) == ({}, CHANGED)
    assert inputs.of(replace(predict, spec={**predict.spec, "data": "x"}), {"0"}) == ({}, CHANGED)
    lost = replace(predict, how={"data": "mirror:/nowhere/at/all"})
    assert inputs.of(lost, {"0"})[1].startswith("Inputs are not shown: ")
    assert inputs.of(None, {"0"}) == ({}, GONE)


class Made:
    """A store with two models' answers to questions in Arabic, made by hand."""

    def __init__(self, folder: Path, n: int) -> None:
        self.store = Store(folder)
        cells = []
        for model, architecture in MODELS.items():
            shown = {"task": "xquad", "answer": "span", "source_language": "en"}
            content, how = {"name": model}, {"data": "microworld"}
            predict = made(
                "predict", f"{model}=xquad.ar", {}, how, model=content, shown=shown, language="ar"
            )
            score = made("score", "s", {"predictions": predict.id}, parsed={"task": "xquad"})
            self.finish(predict, PREDICTIONS, [self.answer(model, i) for i in range(n)])
            self.finish(score, STATISTICS, [self.scored(model, i) for i in range(n)])
            place = (model, architecture, "none", "xquad", "ar", 0, "generate", score.id, False)
            cells.append(Cell("made-up", *place))
        plan = Plan("made-up", (), tuple(cells), sources={"xquad": "en"})
        self.results = Results(plan, self.store)

    def finish(self, stage: Stage, name: str, rows: list[dict[str, Json]]) -> None:
        write_jsonl(self.store.begin(stage) / name, rows)
        told: dict[str, Json] = {"metric": "accuracy", "signature": "accuracy|v:1", "n": len(rows)}
        told |= {"score": 50.0, "invalid_rate": 0.0, "removed_tokens": 0, "tokens_read": 7}
        self.store.commit(stage, told, 2.0)

    def answer(self, model: str, i: int) -> dict[str, Json]:
        text = "بيت" if model == "enc" else "home بيت"
        gold: list[Json] = [{"text": "بيت", "start": 0}]
        beside: dict[str, Json] = {"scores": [], "choices": [], "removed_tokens": 0}
        return {"id": f'"{i}"', "gold": gold, "text": text, **beside}

    def scored(self, model: str, i: int) -> dict[str, Json]:
        """The models differ on every third example; the decoder's eighth cannot be read."""
        right = i % 2 if i % 3 or model == "enc" else 1 - i % 2
        status = "invalid" if (model, i) == ("dec", 8) else "exact"
        row: dict[str, Json] = {"id": f'"{i}"', "gold": [{"text": "بيت", "start": 0}]}
        return row | {"value": "بيت", "status": status, "statistics": [float(right)]}

    def chunk(self) -> Chunk:
        (found,) = browse(self.results, Inputs(Catalogue()))
        return found


def test_disagreements_come_first_and_then_what_could_not_be_read(tmp_path: Path) -> None:
    chunk = Made(tmp_path, 2 * EXAMPLES).chunk()
    ids = [int(each.id.strip('"')) for each in chunk.examples]
    differing = [i for i in range(2 * EXAMPLES) if i % 3 == 0]
    assert ids[: len(differing)] == differing
    assert ids[len(differing)] == 8
    assert (len(ids), chunk.total, chunk.disagreements) == (EXAMPLES, 2 * EXAMPLES, len(differing))
    assert [each.disagree for each in chunk.examples] == [i % 3 == 0 for i in ids]
    first = chunk.examples[0]
    assert (first.gold, first.input) == ("بيت", None)
    encoder, decoder = first.answers
    assert encoder is not None
    assert decoder is not None
    assert (encoder.raw, encoder.points, decoder.raw, decoder.points) == ("بيت", 0, "home بيت", 100)
    assert chunk.note


def test_drift_counts_letters_of_generated_answers(tmp_path: Path) -> None:
    made = Made(tmp_path, 5)
    encoder, decoder = drift(made.results)
    assert (encoder.outside, encoder.letters, encoder.gold_share) == (0, 15, 0.0)
    assert (decoder.outside, decoder.letters) == (20, 35)
    plan = made.results.plan
    slots = replace(plan, cells=tuple(replace(cell, readout="slots") for cell in plan.cells))
    assert drift(Results(slots, made.store)) == []


def test_costs_count_every_stage_once(tmp_path: Path) -> None:
    made = Made(tmp_path, 2)
    plan = made.results.plan
    found = costs(Results(replace(plan, cells=plan.cells * 2), made.store))
    assert [cost.kind for cost in found] == ["predict", "predict", "score", "score"]
    assert [(cost.seconds, cost.tokens) for cost in found] == [(2.0, 7)] * 4


def test_a_damaged_log_is_named_and_counts_for_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its stage is not done any more: the next run does it again."""
    made = Made(tmp_path, 2)
    folder = min((tmp_path / "predict").iterdir())
    path = folder / PREDICTIONS
    path.write_bytes(b"x" * path.stat().st_size)
    results = Results(made.results.plan, Store(made.store.root))
    assert {each.model for each in drift(results)} == {"enc"}
    assert len(costs(results)) == 3  # of four stages
    assert str(path.name) in caplog.text
    assert "counts as not done" in caplog.text


def test_the_mark_of_memory_is_of_the_stage() -> None:
    start_peak()
    if not peak():
        pytest.skip("this system does not let a process set back its mark of memory")
    before = peak()["process"]
    large = bytearray(200_000_000)
    for place in range(0, len(large), 4096):
        large[place] = 1
    assert peak()["process"] > before + 150_000_000  # type: ignore[operator]
    del large
    start_peak()
    assert peak()["process"] < before + 100_000_000  # type: ignore[operator]
