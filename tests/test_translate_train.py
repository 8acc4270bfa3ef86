"""Training on translations: only where a task says so, and never under the name of zero-shot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from t2t_xfer.data.examples import fingerprint, read_examples
from t2t_xfer.data.sources import open_source
from t2t_xfer.errors import DataError
from t2t_xfer.specs.catalogue import Catalogue, shipped_root
from t2t_xfer.specs.task import TaskSpec
from t2t_xfer.stages.base import Stage
from t2t_xfer.stages.context import Context
from t2t_xfer.study.plan import plan_study
from t2t_xfer.study.plan_file import Cell
from t2t_xfer.study.results import Result

from .learning import LABEL_TASK
from .reported import page as render
from .studydata import make_mirror, new_model, nli, one_thread, t2t, write_rows, write_study

TASK = """\
answer: label
data: {files: {train: "rows/{language}.jsonl"}}
train_languages: [de, ar]
contains: [mnli]
languages: [en]
label_field: label
labels: {entailment: {value: 0}, neutral: {value: 1}, contradiction: {value: 2}}
prompt: {use: nli}
shortenable: [premise, hypothesis]
metric: accuracy
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with translated rows in German and Arabic, and poison in Spanish."""
    one_thread()
    make_mirror(tmp_path)
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "mnli_mt.yaml").write_text(TASK, encoding="utf-8")
    for code in ("de", "ar"):
        write_rows(tmp_path / "rows" / f"{code}.jsonl", nli(code, 12, 7))
    (tmp_path / "rows" / "es.jsonl").write_text("POISON")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def context(folder: Path) -> Context:
    return Context(Catalogue(), f"mirror:{folder / 'hub'}")


def test_only_the_named_languages_are_read(folder: Path) -> None:
    world = context(folder)
    task = world.catalogue.task("mnli_mt")
    assert len(read_examples(task, world.source, "de", "train")) == 12
    with pytest.raises(DataError, match=r"is trained in de, ar \(`train_languages`\)"):
        read_examples(task, world.source, "en", "train")
    with pytest.raises(DataError, match="no language 'es'"):
        read_examples(task, world.source, "es", "train")
    with pytest.raises(DataError, match="no language 'de'"):
        read_examples(task, world.source, "de", "validation")


def test_without_the_key_translations_are_never_read(folder: Path) -> None:
    world = context(folder)
    xnli = world.catalogue.task("xnli")
    write_rows(folder / "hub" / "facebook" / "xnli" / "de" / "train.jsonl", nli("de", 4, 0))
    with pytest.raises(DataError, match="zero-shot"):
        fingerprint(xnli, world.source, "de", "train")


def cells_and_stages(folder: Path, **changes: Any) -> tuple[tuple[Cell, ...], list[Stage]]:
    study = write_study(
        folder,
        **{
            "models": [new_model("encoder")],
            "intermediates": ["none", "mnli", "mnli_mt"],
            "targets": ["xnli", "udpos"],
            "languages": ["en", "de"],
            **changes,
        },
    )
    plan = plan_study(Catalogue().study(study), context(folder))
    return plan.cells, [stage for stage in plan.stages if stage.kind == "train"]


def test_cells_behind_translations_are_marked(folder: Path) -> None:
    cells, _ = cells_and_stages(folder)
    marked = {(cell.intermediate, cell.target) for cell in cells if cell.translate_train}
    assert marked == {("mnli_mt", "xnli"), ("mnli_mt", "udpos")}
    # `contains` says that the rows are MNLI's, which train xnli.
    same_data = {(cell.intermediate, cell.target) for cell in cells if cell.same_data}
    assert same_data == {("mnli", "xnli"), ("mnli_mt", "xnli")}


def test_a_target_trained_on_translations_is_marked_under_every_intermediate(folder: Path) -> None:
    own = TASK.replace("languages: [en]", "languages: [en]\ntrain_task: mnli_mt", 1)
    own = own.replace("train_languages: [de, ar]\n", "")
    (folder / "tasks" / "told.yaml").write_text(
        own.replace("train: ", "test: ").replace("contains: [mnli]\n", "")
    )
    write_rows(folder / "rows" / "en.jsonl", nli("en", 8, 3))
    cells, _ = cells_and_stages(
        folder, targets=["told"], intermediates=["none", "udpos"], languages=["en"]
    )
    assert {cell.translate_train for cell in cells} == {True}
    assert {cell.intermediate for cell in cells} == {"none", "udpos"}


def test_other_translations_are_another_stage(folder: Path) -> None:
    _, before = cells_and_stages(folder)
    rows = nli("ar", 12, 7)
    rows[3]["premise"] += "!"
    write_rows(folder / "rows" / "ar.jsonl", rows)
    _, after = cells_and_stages(folder)
    moved = {stage.label for stage in after} - {
        new.label for old in before for new in after if old.digest == new.digest
    }
    # The intermediate itself, and the two targets that are trained after it.
    assert moved == {
        "tiny-encoder>mnli_mt@0",
        "tiny-encoder>mnli_mt>mnli@0",
        "tiny-encoder>mnli_mt>udpos@0",
    }


def test_the_identity_of_english_training_is_what_it_was(folder: Path) -> None:
    _, stages = cells_and_stages(folder)
    mnli = next(stage for stage in stages if stage.label == "tiny-encoder>mnli@0")
    assert mnli.spec["language"] == "en"
    assert "languages" not in mnli.spec
    assert "rows" not in mnli.spec


def test_a_record_names_the_languages_of_its_training(folder: Path) -> None:
    settings = folder / "training.yaml"
    settings.write_text(
        "{steps: 2, examples_per_step: 4, learning_rate: 1e-3, max_input_tokens: 96}"
    )
    done = t2t(
        *("train", "--model", "new:encoder", "--task", "mnli_mt", "--training", settings),
        *("--data", f"mirror:{folder / 'hub'}", "--output", folder / "out", "--json"),
    )
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["translate_train"] == {"mnli_mt": ["de", "ar"]}
    assert told["training_examples"] == 24, "12 rows of each language"


def rows(intermediate: str, score: float, *, translated: bool) -> Iterator[Result]:
    for code in ("en", "de"):
        yield Result(
            *("s", "m", "encoder", intermediate, "paws_x", code, 0, "accuracy", score, 100, 0.0),
            *("slots", "accuracy|v:1"),
            same_data=False,
            translate_train=translated,
        )


def test_a_report_marks_translate_train_and_keeps_it_out_of_the_means() -> None:
    """qqp gains 10 points and the translations 30: the mean change is that of qqp alone."""
    found = [
        *rows("none", 50.0, translated=False),
        *rows("qqp", 60.0, translated=False),
        *rows("mnli_mt", 80.0, translated=True),
    ]
    page = render(found)
    assert "80.0 (+30.0*)§" in page
    assert "60.0 (+10.0*) " in page
    assert "- m (encoder): +10.0 (" in page
    assert "§ Translate-train cells, not zero-shot" in page
    assert "mnli_mt before paws_x" in page


def test_a_report_without_translations_says_nothing_of_them() -> None:
    page = render([*rows("none", 50.0, translated=False)])
    assert "§" not in page


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_languages": ["en"]}, "a language beside the source language"),
        ({"train_languages": ["de", "de"]}, "stands there twice"),
        ({"train_languages": ["xx"]}, "the code of a language"),
        # LABEL_TASK's file names no language.
        ({"train_languages": ["de"]}, r"training data that names \{language\}"),
    ],
)
def test_languages_that_cannot_be_trained_in_are_refused(
    changes: dict[str, Any], message: str
) -> None:
    stated = LABEL_TASK.model_dump(mode="json", exclude_unset=True)
    with pytest.raises(ValidationError, match=message):
        TaskSpec.model_validate({**stated, **changes})


def test_the_microworld_tells_its_training_rows_in_other_languages() -> None:
    """As on the hub: the same events and labels as MNLI and SQuAD, row by row."""
    source = open_source("microworld")
    catalogue = Catalogue([shipped_root()])
    for english, translated, code in (
        ("mnli", "mnli_translated", "sw"),
        ("squad_v1", "squad_v1_translated", "de"),
    ):
        first = read_examples(catalogue.task(english), source, "en", "train")
        second = read_examples(catalogue.task(translated), source, code, "train")
        assert [e.id for e in first] == [e.id for e in second]
        if english == "mnli":
            assert [e.gold for e in first] == [e.gold for e in second]
        assert not any(one.fields == two.fields for one, two in zip(first, second, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["encoder", "causal"])
def test_training_on_the_target_language_helps_in_the_microworld(
    architecture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The positive control. Turkish words mean nothing to a new model that was trained on English
    ones; a model that was trained on the same sentences in Turkish has seen what they are."""
    one_thread()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tasks").mkdir()
    shipped = (shipped_root() / "tasks" / "udpos.yaml").read_text(encoding="utf-8")
    text = shipped.replace("task: udpos", "task: udpos_tr\ntrain_languages: [tr]")
    (tmp_path / "tasks" / "udpos_tr.yaml").write_text(text, encoding="utf-8")
    size = {"vocabulary": 900, "hidden": 64, "layers": 2, "heads": 2}
    model = {"architecture": architecture, "languages": ["en", "tr"], **size}
    study = write_study(
        tmp_path,
        models=[{"name": "m", "new": model}],
        intermediates=["none"],
        targets=["udpos", "udpos_tr"],
        languages=["tr"],
        training={"epochs": 5, "learning_rate": 2e-3, "max_input_tokens": 96},
        limit={"train": 300, "test": 100},
    )
    done = t2t("study", "run", study, "--data", "microworld", "--output", tmp_path / "out")
    assert done.code == 0, done.err
    lines = (tmp_path / "out" / "small" / "cells.csv").read_text().splitlines()[1:]
    scores = {line.split(",")[4]: float(line.split(",")[8]) for line in lines}
    # 100 sentences have some 500 words: a difference of 10 points is far outside of chance.
    assert scores["udpos_tr"] > scores["udpos"] + 10, scores
    report = (tmp_path / "out" / "small" / "report.md").read_text(encoding="utf-8")
    assert "every mean change: none before udpos_tr." in report
