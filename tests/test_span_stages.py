"""Span tasks through plan, training, prediction and score, on rows made here."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import Answer, Example, Generation, Readout
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.study import StudySpec
from t2t_xfer.specs.task import TaskSpec
from t2t_xfer.stages.base import How
from t2t_xfer.stages.bases import Base
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.logs import PREDICTIONS, logged, read_predictions, write_jsonl
from t2t_xfer.stages.predict import Evaluated, plan_baseline, plan_predict, readouts_of
from t2t_xfer.stages.run import StageRunner
from t2t_xfer.study.plan import plan_study
from t2t_xfer.study.run import run_plan
from t2t_xfer.study.store import Store

from .learning import span_examples
from .studydata import ARCHITECTURES, new_model, write_rows


def squad_row(example: Example, language: str) -> dict[str, Any]:
    assert isinstance(example.gold, tuple)
    answers = [answer for answer in example.gold if isinstance(answer, Answer)]
    return {
        "id": f"q{example.id}",
        "question": f"{example.fields['question']}?",
        # Long enough for windows.
        "context": f"{example.fields['context']} " + "the house was near . " * 12,
        "answers": {
            "text": [answer.text for answer in answers],
            "answer_start": [answer.start for answer in answers],
        },
    }


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    folder = tmp_path_factory.mktemp("spans")
    hub = folder / "hub"
    train = [squad_row(example, "en") for example in span_examples(24, 1)]
    write_rows(hub / "rajpurkar" / "squad" / "plain_text" / "train.jsonl", train)
    for language in ("en", "ar"):
        rows = [squad_row(example, language) for example in span_examples(6, 2)]
        write_rows(hub / "google" / "xtreme" / f"XQuAD.{language}" / "validation.jsonl", rows)
    for language in ("en", "de", "ar"):
        text = folder / "rawtext" / f"{language}.txt.gz"
        text.parent.mkdir(exist_ok=True)
        text.write_bytes(gzip.compress("the house was near a dog . أحمر\n".encode() * 30))
    return Context(Catalogue(), f"mirror:{hub}")


def base(architecture: Any) -> Base:
    return Base(architecture, "float32", {}, How(), new_spec(architecture).models[0].new)


def new_spec(*architectures: str) -> StudySpec:
    return StudySpec.model_validate(
        {
            "study": "spans",
            "models": [new_model(each) for each in architectures],
            "intermediates": ["none"],
            "targets": ["xquad"],
            "languages": ["en", "ar"],
            "training": {"epochs": 1, "examples_per_step": 8, "max_input_tokens": 64},
        }
    )


XQUAD = Evaluated("xquad", "en", "test", None)


@pytest.mark.parametrize("architecture", ["seq2seq", "causal"])
def test_decoding_is_part_of_a_generating_stages_identity(
    context: Context, architecture: str
) -> None:
    begun = base(architecture)
    (readout,) = readouts_of(begun.architecture, context.task("xquad"))
    stage = plan_predict(context, begun, False, XQUAD, readout, 64)
    assert stage.readout is Readout.generate
    assert stage.spec["decoding"] == {"constrained": True, "max_new_tokens": 32}


def test_it_is_no_part_of_one_that_points(context: Context) -> None:
    (readout,) = readouts_of("encoder", context.task("xquad"))
    stage = plan_predict(context, base("encoder"), False, XQUAD, readout, 64)
    assert stage.readout is Readout.slots
    assert "decoding" not in stage.spec


def test_the_majority_of_open_answers_is_refused_when_planning(context: Context) -> None:
    with pytest.raises(UnsupportedError, match="'xquad': there is no majority baseline"):
        plan_baseline(context, "majority", XQUAD, None)


def test_a_task_says_how_answers_are_written() -> None:
    xquad = Catalogue().task("xquad").model_dump()
    changed = {**xquad, "decoding": {"constrained": False, "max_new_tokens": 20}}
    assert TaskSpec.model_validate(changed).decoding.max_new_tokens == 20
    with pytest.raises(ValueError, match="at least 2"):
        TaskSpec.model_validate({**xquad, "decoding": {"max_new_tokens": 1}})


def test_a_logged_place_comes_back(tmp_path: Path) -> None:
    example = Example("7", "t", "en", "test", {}, (Answer("dog", 4),))
    for place in (None, (4, 7)):
        generation = Generation("7", Readout.generate, text="dog", place=place, removed_tokens=3)
        row = logged(example, generation)
        assert row["gold"] == [{"text": "dog", "start": 4}]
        write_jsonl(tmp_path / PREDICTIONS, [row])
        assert read_predictions(tmp_path / PREDICTIONS) == {"7": generation}


def test_a_study_of_spans_runs_on_all_three_architectures(context: Context, tmp_path: Path) -> None:
    planned = plan_study(new_spec(*ARCHITECTURES), context)
    assert planned.baselines == {}
    store = Store(tmp_path)
    summary = run_plan(planned, store, StageRunner(context, progress=False), lambda _: None)
    assert (summary.failed, summary.blocked) == ((), ())
    for cell in planned.cells:
        record = store.record(cell.score_id)
        assert record is not None
        assert record.results["n"] == 6
        assert record.results["invalid_rate"] == 0
        assert set(record.results["details"]) == {"exact_match", "f1"}  # type: ignore[arg-type]
        assert cell.readout == ("slots" if cell.architecture == "encoder" else "generate")
