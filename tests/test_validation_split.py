"""A study that tests on validation rows: they are scored, choose nothing, and are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.errors import DataError
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.study import StudySpec
from t2t_xfer.stages.context import Context
from t2t_xfer.study.plan import plan_study
from t2t_xfer.study.plan_file import Plan

from .studydata import (
    make_mirror,
    make_poisoned_mirror,
    new_model,
    nli,
    one_thread,
    pairs,
    study_spec,
    t2t,
    write_rows,
    write_study,
)

CHANGES: dict[str, Any] = {
    "models": [new_model("encoder")],
    "intermediates": ["none"],
    "targets": ["xnli", "paws_x"],
    "languages": {"xnli": ["en", "ar"], "paws_x": ["en", "es"]},
    "split": {"paws_x": "validation"},
    "limit": {"train": 16, "test": 8, "validation": 6},
}


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """With validation rows of two target languages."""
    found = make_mirror(tmp_path)
    place = found / "google-research-datasets" / "paws-x" / "es" / "validation.jsonl"
    write_rows(place, pairs("es", 12, 5))
    write_rows(found / "facebook" / "xnli" / "ar" / "validation.jsonl", nli("ar", 12, 5))
    return found


def planned(hub: Path, **changes: Any) -> Plan:
    study = StudySpec.model_validate(study_spec(**{**CHANGES, **changes}))
    return plan_study(study, Context(Catalogue(), f"mirror:{hub}"))


def test_every_number_of_validation_rows_says_so(tmp_path: Path, hub: Path) -> None:
    one_thread()
    training = {**study_spec()["training"], "select": {"limit": 4}}
    file, out = write_study(tmp_path, **CHANGES, training=training), tmp_path / "out"
    done = t2t("study", "run", file, "--data", f"mirror:{hub}", "--output", out)
    assert done.code == 0, done.err
    folder = out / "small"
    by_target: dict[str, set[bool]] = {}
    for line in (folder / "cells.csv").read_text().splitlines()[1:]:
        by_target.setdefault(line.split(",")[4], set()).add("|split:validation" in line)
    assert by_target == {"xnli": {False}, "paws_x": {True}}
    page = (folder / "report.md").read_text()
    assert "paws_x (accuracy, validation rows)" in page
    assert "xnli (accuracy)" in page
    assert "Tested on validation rows: paws_x. Test rows: xnli." in page.replace("\\", "")
    told = "the very rows that are tested: paws_x in en."
    for text in (page.replace("\\", ""), (folder / "report.html").read_text(), done.out):
        assert told in text
    assert "accuracy, validation rows" in (folder / "report.html").read_text()
    assert "accuracy, validation rows" in (folder / "main_table.tex").read_text()
    scored = [json.loads(p.read_text()) for p in (out / "store" / "score").glob("*/record.json")]
    found = {(r["spec"]["parsed"]["task"], r["spec"]["language"]): r for r in scored}
    assert found["paws_x", "es"]["spec"]["split"] == "validation"
    assert found["paws_x", "es"]["results"]["n"] == 6  # by the limit of validation rows
    submitted = t2t("submission", folder, "--output", tmp_path / "files")
    assert "paws" not in " ".join(p.name for p in (tmp_path / "files").rglob("*")).lower()
    assert submitted.code in (0, 2)


def test_rows_that_chose_weights_are_told_by_what_they_are(hub: Path) -> None:
    """XNLI is trained and chosen on MNLI, whose validation rows are others."""
    chosen = {**study_spec()["training"], "select": {}}
    without = planned(hub, split="validation")
    assert without.notes == ("Tested on validation rows: xnli, paws_x.",)
    _, second = planned(hub, split="validation", training=chosen).notes
    assert second.startswith("Weights were chosen (`select`) on the very rows that are tested:")
    assert "paws_x in en. These" in second
    assert "xnli" not in second
    assert planned(hub, split="test", training=chosen).notes == ()


def test_the_split_is_part_of_what_a_number_is(hub: Path) -> None:
    """Of predictions and scores; the training before them is one stage."""
    stages = [
        {stage.id for stage in planned(hub, split=split).stages} for split in ("test", "validation")
    ]
    assert {id.partition("/")[0] for id in stages[0] & stages[1]} == {"model", "train"}
    assert {id.partition("/")[0] for id in stages[0] ^ stages[1]} == {"predict", "score"}


def test_validation_rows_of_a_target_language_are_scored_and_nothing_else(hub: Path) -> None:
    context = Context(Catalogue(), f"mirror:{hub}")
    assert context.prompted("paws_x", "es", "validation", 4, tested=True)[0]
    for read in (context.prompted, context.fingerprint):
        with pytest.raises(DataError, match="zero-shot"):
            read("paws_x", "es", "validation", *([4] if read is context.prompted else []))
    with pytest.raises(DataError, match="zero-shot"):
        context.prompted("paws_x", "es", "train", 4, tested=True)


def test_a_study_of_test_rows_reads_no_validation_rows_of_target_languages(tmp_path: Path) -> None:
    poisoned = make_poisoned_mirror(tmp_path)
    assert planned(poisoned, split="test").cells


def test_languages_without_validation_rows_are_named(hub: Path, tmp_path: Path) -> None:
    (hub / "google-research-datasets" / "paws-x" / "es" / "validation.jsonl").unlink()
    file = write_study(tmp_path, **CHANGES)
    done = t2t("study", "plan", file, "--data", f"mirror:{hub}")
    assert done.code == 2
    assert "has no validation data of paws_x in es" in done.err


@pytest.mark.parametrize(
    ("split", "message"),
    [("train", "validation"), ({"mnli": "validation"}, "targets of the study, not 'mnli'")],
)
def test_what_is_no_split_to_test_is_refused(split: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StudySpec.model_validate(study_spec(**{**CHANGES, "split": split}))
