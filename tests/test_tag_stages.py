"""Tagging tasks from plan to score: both forms, legal BIO, sentences in pieces."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.data.formats import read_file
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import Example, Generation, Readout
from t2t_xfer.specs.catalogue import Catalogue, shipped_root
from t2t_xfer.specs.study import StudySpec
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.stages.base import How
from t2t_xfer.stages.bases import Base
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.logs import PREDICTIONS, STATISTICS, logged, read_predictions, write_jsonl
from t2t_xfer.stages.predict import Evaluated, plan_predict, readouts_of
from t2t_xfer.stages.run import StageRunner
from t2t_xfer.stages.score import plan_score
from t2t_xfer.stages.train import plan_training
from t2t_xfer.study.plan import plan_study
from t2t_xfer.study.run import run_plan
from t2t_xfer.study.store import Store

from .learning import bio_examples
from .studydata import ARCHITECTURES, new_model, write_rows

BIO = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
WRITTEN = {"seq2seq": "generate", "causal": "generate"}


def task(hub: Path, **changes: Any) -> dict[str, Any]:
    return {
        "answer": "tags",
        "data": {
            "files": {"train": str(hub / "train.jsonl"), "test": str(hub / "test.{language}.jsonl")}
        },
        "languages": ["en", "ar"],
        "fields": {"words": "tokens"},
        "words_field": "tokens",
        "tags_field": "ner_tags",
        "tags": BIO,
        "default_tag": "O",
        "prompt": {"input": "names: {{ words }}"},
        "metric": "span_f1",
        **changes,
    }


LEGAL = {"tag_scheme": "bio", "tag_reading": "legal"}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    folder = tmp_path_factory.mktemp("tags")
    (folder / "tasks").mkdir()
    for name, changes in {
        "plain": {},
        "bio": {"tag_scheme": "bio"},
        "legal": LEGAL,
        "written": {**LEGAL, "readout": WRITTEN},
        "mixed": {"readout": WRITTEN, "train_task": "plain"},
        "free": {"readout": WRITTEN, "decoding": {"constrained": False}},
        "many": {"tags": [f"T{i}" for i in range(1363)], "default_tag": "T0"},
    }.items():
        text = json.dumps({"task": name, **task(folder, **changes)})
        (folder / "tasks" / f"{name}.yaml").write_text(text, encoding="utf-8")
    for split, count, times in (("train", 24, 1), ("test.en", 6, 6), ("test.ar", 6, 6)):
        rows = [_row(example, times) for example in bio_examples(count, times)]
        write_rows(folder / f"{split}.jsonl", rows)
    for language in ("en", "de", "ar"):
        raw = folder / "rawtext" / f"{language}.txt.gz"
        raw.parent.mkdir(exist_ok=True)
        raw.write_bytes(gzip.compress("mr Jordan in New Town . أحمد\n".encode() * 30))
    (folder / "hub").mkdir()
    return Context(Catalogue([folder, shipped_root()]), f"mirror:{folder / 'hub'}")


def _row(example: Example, times: int) -> dict[str, Any]:
    """Test sentences are long enough to be split."""
    words, tags = example.fields["words"], example.gold
    assert isinstance(words, tuple)
    assert isinstance(tags, tuple)
    return {"tokens": list(words * times), "ner_tags": list(tags * times)}


def study(target: str, *architectures: str) -> StudySpec:
    return StudySpec.model_validate(
        {
            "study": "names",
            "models": [new_model(each) for each in architectures],
            "intermediates": ["none"],
            "targets": [target],
            "languages": ["en", "ar"],
            "training": {"epochs": 1, "examples_per_step": 8, "max_input_tokens": 96},
        }
    )


def base(architecture: Any) -> Base:
    return Base(architecture, "float32", {}, How(), study("plain", architecture).models[0].new)


def trained(context: Context, architecture: str, name: str) -> dict[str, Any]:
    begun = base(architecture)
    return plan_training(context, begun, False, (name,), TrainingSpec(), None, 0).spec


def test_the_form_is_part_of_a_training_stages_identity(context: Context) -> None:
    spec = trained(context, "seq2seq", "written")
    assert spec["tagging"]["form"] == "generate"
    assert trained(context, "encoder", "written")["tagging"]["form"] == "slots"
    assert trained(context, "seq2seq", "plain")["tagging"]["form"] == "slots"


def test_the_reading_changes_scores_and_what_is_written_but_not_what_is_read_in_one_pass(
    context: Context,
) -> None:
    def differing(bio: dict[str, Any], legal: dict[str, Any]) -> set[str]:
        named = json.loads(json.dumps(legal).replace('"task": "legal"', '"task": "bio"'))
        return {key for key in bio.keys() | named.keys() if bio.get(key) != named.get(key)}

    bio, legal = (trained(context, "causal", name) for name in ("bio", "legal"))
    assert differing(bio, legal) == set()
    tests = [Evaluated(name, "en", "test", None) for name in ("bio", "legal")]
    for readout, changed in ((Readout.slots, set[str]()), (Readout.generate, {"tagging"})):
        read = [
            plan_predict(context, base("causal"), False, test, readout, 96).spec for test in tests
        ]
        assert differing(*read) == changed
    scored = [plan_score(context, test).spec for test in tests]
    assert differing(*scored) == {"parsed"}


def test_reading_in_another_form_than_trained_is_refused_when_planning(context: Context) -> None:
    with pytest.raises(UnsupportedError, match=r"'mixed' is read by 'generate'.*'plain'.*slots"):
        plan_study(study("mixed", "causal"), context)
    assert plan_study(study("mixed", "encoder"), context).cells  # an encoder has one form


def test_too_many_tags_for_a_new_models_vocabulary_are_refused_when_planning(
    context: Context,
) -> None:
    # 600 tokens, 105 of them special.
    with pytest.raises(UnsupportedError, match=r"1363 tags.* has 495 to give.* at least 1468"):
        plan_study(study("many", "causal"), context)


def test_tags_without_their_grammar_are_refused_when_planning(context: Context) -> None:
    with pytest.raises(UnsupportedError, match="'free': tags are written under their grammar"):
        plan_study(study("free", "causal"), context)


def test_logged_pieces_come_back(tmp_path: Path) -> None:
    example = Example("7", "t", "en", "test", {}, ("O",))
    for pieces in (1, 3):
        generation = Generation("7", Readout.slots, choices=(0,), pieces=pieces)
        write_jsonl(tmp_path / PREDICTIONS, [logged(example, generation)])
        assert read_predictions(tmp_path / PREDICTIONS) == {"7": generation}


@pytest.mark.parametrize("target", ["legal", "written"])
def test_a_study_predicts_legal_names_and_counts_the_pieces(
    context: Context, target: str, tmp_path: Path
) -> None:
    planned = plan_study(study(target, *ARCHITECTURES), context)
    store = Store(tmp_path)
    summary = run_plan(planned, store, StageRunner(context, progress=False), lambda _: None)
    assert (summary.failed, summary.blocked) == ((), ())
    for stage in planned.stages:
        record = store.record(stage.id)
        assert record is not None
        if stage.kind == "train":
            assert record.results["num_pieces"] >= 24
        if stage.kind == "predict" and stage.spec["engine"] == "transformers":
            assert record.results["num_split"] == 6  # every test sentence
            assert record.results["num_pieces"] >= 12
    for cell in planned.cells:
        record = store.record(cell.score_id)
        assert record is not None
        assert record.results["invalid_rate"] == 0
        assert cell.readout == readouts_of(cell.architecture, context.task(target))[0].value
        how = "legal-tag-by-tag" if cell.readout == "generate" else "best-sequence"
        assert str(record.results["signature"]).endswith(f"|bio:{how}")
        rows = list(read_file(store.path(cell.score_id) / STATISTICS))
        assert len(rows) == 6
        for row in rows:
            assert len(row["value"]) == len(row["gold"])
            before = "O"
            for tag in row["value"]:
                assert not tag.startswith("I-") or before in (tag, f"B{tag[1:]}")
                before = tag
