"""Choices and pairs through a whole study: what is planned, what runs, what the report says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.commands.study import run_study
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.report.cells import read_cells
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.context import Context
from t2t_xfer.study.plan import plan_study
from t2t_xfer.study.plan_file import Plan
from tests.studydata import make_mirror, new_model, sentence, t2t, write_rows, write_study

ENDINGS = ("runs away.", "sleeps.", "كلب", "10 000")


def add_choices_and_pairs(hub: Path) -> None:
    import random

    rng = random.Random(1)
    for split, size in (("train", 30), ("validation", 4)):
        rows = [
            {
                "ind": i,
                "ctx": " ".join(sentence("en", rng)[0]),
                "endings": rng.sample(ENDINGS, 4),
                "label": str(i % 4),
            }
            for i in range(size)
        ]
        write_rows(hub / "Rowan" / "hellaswag" / "default" / f"{split}.jsonl", rows)
    for code, iso3 in (("de", "deu"), ("ar", "ara")):
        pairs = [
            {
                "source_sentence": f"{' '.join(sentence(code, rng)[0])} {i}\n",
                "target_sentence": f"{' '.join(sentence('en', rng)[0])} {i}\n",
            }
            for i in range(9)
        ]
        write_rows(hub / "google" / "xtreme" / f"tatoeba.{iso3}" / "validation.jsonl", pairs)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_mirror(tmp_path_factory.mktemp("mirror"))
    add_choices_and_pairs(made)
    return made


CHANGES: dict[str, Any] = {
    "intermediates": ["none", "hellaswag"],
    "targets": ["tatoeba", "xnli"],
    "languages": ["en", "de", "ar"],
    "limit": {"train": 16, "test": 8},
}


def plan(folder: Path, hub: Path, **changes: Any) -> Plan:
    context = Context(Catalogue(), f"mirror:{hub}")
    study = context.catalogue.study(str(write_study(folder, **{**CHANGES, **changes})))
    return plan_study(study, context)


def test_a_pair_is_tested_at_the_tip_of_the_intermediate_twice_a_language(
    tmp_path: Path, hub: Path
) -> None:
    planned = plan(tmp_path, hub, models=[new_model("causal")], targets=["tatoeba"])
    stages = {stage.id: stage for stage in planned.stages}
    assert [s.label for s in stages.values() if s.kind == "train"] == ["tiny-causal>hellaswag@0"]
    cells = [(c.intermediate, c.language, c.readout) for c in planned.cells]
    assert cells == [
        (intermediate, language, readout)
        for intermediate in ("none", "hellaswag")
        for language in ("ar", "de")  # the task's order; English is the other side of every pair
        for readout in ("embed", "rank")
    ]
    ranked = [s for s in stages.values() if s.spec.get("readout") == "rank"]
    assert len(ranked) == 4
    for stage in ranked:
        embedded = stages[stage.needs["candidates"]]
        assert embedded.spec["readout"] == "embed"
        assert embedded.needs["checkpoint"] == stage.needs["checkpoint"]
    assert planned.baselines == {}


def test_an_encoder_cannot_train_on_texts_of_choices_and_the_plan_says_so(
    tmp_path: Path, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = Catalogue().task("hellaswag").model_dump(mode="json", exclude_defaults=True)
    spec |= {"task": "endings", "form": "cloze", "shortenable": ["context"]}
    spec["prompt"] = {"use": "choice", "variant": "cloze"}
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "endings.yaml").write_text(json.dumps(spec))
    intermediates = {"intermediates": ["endings"], "targets": ["tatoeba"]}
    plan(tmp_path, hub, models=[new_model("seq2seq"), new_model("causal")], **intermediates)
    with pytest.raises(UnsupportedError, match=r"task 'endings': .*encoder.* `form: separate`"):
        plan(tmp_path, hub, models=[new_model("encoder")], **intermediates)


def test_nothing_is_trained_on_pairs(tmp_path: Path, hub: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"'tatoeba': .* nothing to train on"):
        plan(tmp_path, hub, intermediates=["tatoeba"], targets=["xnli"])


def test_a_study_of_three_architectures_reports_both_numbers(
    tmp_path: Path, hub: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = str(write_study(tmp_path, **CHANGES))
    assert run_study(study, f"mirror:{hub}", False, tmp_path) == 0
    rows = read_cells(tmp_path / "small" / "cells.csv")
    pairs = [row for row in rows if row.target == "tatoeba"]
    assert len(pairs) == 3 * 2 * 2 * 2
    assert {row.readout for row in pairs} == {"embed", "rank"}
    for row in pairs:
        assert row.signature.startswith("retrieval_accuracy|direction:en-to-target|at:1|version:1|")
        assert ("yes-minus-no-of-top-5" in row.signature) == (row.readout == "rank")
    page = (tmp_path / "small" / "report.md").read_text()
    main_part, beside = page.split("## Read in another way")
    assert "### tatoeba (retrieval" in main_part
    assert "**tatoeba, rank (retrieval" in beside
    assert "tatoeba, rank" not in main_part
    capsys.readouterr()
    assert run_study(study, f"mirror:{hub}", False, tmp_path) == 0
    assert "0 stages run" in capsys.readouterr().out


def test_rank_chooses_among_what_embed_found(tmp_path: Path, hub: Path) -> None:
    command = ["--model", "new:encoder", "--task", "tatoeba", "--language", "de"]
    command += ["--data", f"mirror:{hub}", "--output", str(tmp_path), "--json", "--limit", "6"]
    ran = t2t("evaluate", *command)
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["languages"]["de"]["n"] == found["other_readouts"]["rank"]["de"]["n"] == 6
    logs = sorted(tmp_path.glob("store/predict/*/predictions.jsonl"))
    rows = [[json.loads(line) for line in log.read_text().splitlines()] for log in logs]
    embedded, ranked = sorted(rows, key=lambda lines: lines[0]["readout"])
    for near, asked in zip(embedded, ranked, strict=True):
        assert near["neighbours"] == asked["neighbours"]
        assert len(near["neighbours"]) == 5
        assert near["scores"] == sorted(near["scores"], reverse=True)


def test_the_oracle_finds_every_pair_and_there_is_no_majority(tmp_path: Path, hub: Path) -> None:
    command = ["--task", "tatoeba", "--language", "de", "--data", f"mirror:{hub}"]
    command += ["--output", str(tmp_path), "--json", "--engine"]
    ran = t2t("evaluate", *command, "oracle")
    assert json.loads(ran.out)["languages"]["de"]["score"] == 100
    ran = t2t("evaluate", *command, "majority")
    assert ran.code == 2
    assert "no majority baseline" in ran.err
