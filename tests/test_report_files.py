"""`t2t-xfer report`: the files it writes of whole, half-finished, small and failed studies."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from t2t_xfer import api
from t2t_xfer.errors import UserError
from t2t_xfer.report.browser import Chunk, write_examples
from t2t_xfer.report.cells import COLUMNS, read_cells, write_cells
from t2t_xfer.study.results import Result

from .pagestudy import chunks
from .reported import observed, stored
from .studydata import t2t
from .test_report import ROW

LANGUAGES = ("en", "de", "sw")


def cells(
    models: Sequence[str] = ("enc", "dec"),
    intermediates: Sequence[str] = ("none", "mnli"),
    languages: Sequence[str] = LANGUAGES,
    seeds: Sequence[int] = (0,),
) -> list[Result]:
    """udpos as accuracy: 50 without, 62 after mnli, a point more with each seed."""
    return [
        observed(
            replace(
                ROW,
                model=model,
                architecture={"enc": "encoder", "dec": "causal"}[model],
                intermediate=intermediate,
                target="udpos",
                language=language,
                seed=seed,
                score=50.0 + seed + (12 if intermediate == "mnli" else 0),
            )
        )
        for model in models
        for intermediate in intermediates
        for language in languages
        for seed in seeds
    ]


def reported(
    folder: Path, there: Sequence[Result], unfinished: Sequence[Result] = (), *options: object
) -> str:
    directory = stored(folder, there, unfinished)
    done = t2t("report", directory, "--replicates", 200, *options)
    assert done.code == 0, done.err
    assert done.out.strip().endswith(str(directory / "report.md"))
    return (directory / "report.md").read_text(encoding="utf-8")


def test_a_whole_study_is_written_in_every_form(tmp_path: Path) -> None:
    page = reported(tmp_path, cells())
    assert "enc (encoder): +12.0 (" in page
    lead = page.split("## Scores")[0]
    assert lead.count("a gain beyond the choice of test examples") == 2
    directory = tmp_path / "made"
    rows = read_cells(directory / "cells.csv")
    table = pq.read_table(directory / "cells.parquet").to_pylist()
    assert [{name: str(line[name]) for name in COLUMNS if name not in ("score", "invalid_rate")}
            for line in table] == [
        {name: str(getattr(row, name)) for name in COLUMNS if name not in ("score", "invalid_rate")}
        for row in rows
    ]  # fmt: skip
    assert [line["score"] for line in table] == [row.score for row in rows]
    after = next(
        line for line in table if (line["intermediate"], line["language"]) == ("mnli", "sw")
    )
    assert after["change"] == pytest.approx(12)
    assert after["change_low"] < 12 < after["change_high"]
    assert 0 < after["p"] <= after["adjusted"] < 0.05
    assert after["low"] < after["score"] < after["high"]
    before = next(line for line in table if line["intermediate"] == "none")
    assert before["change"] is None
    assert before["p"] is None
    assert "enc & none & 50.0 & 50.0" in (directory / "main_table.tex").read_text(encoding="utf-8")


def test_a_report_made_again_has_the_same_bytes(tmp_path: Path) -> None:
    reported(tmp_path, cells(models=["enc"]))
    names = ("report.md", "cells.csv", "cells.parquet", "main_table.tex")
    before = [(tmp_path / "made" / name).read_bytes() for name in names]
    reported(tmp_path, cells(models=["enc"]))
    assert [(tmp_path / "made" / name).read_bytes() for name in names] == before


def test_a_half_finished_study_says_what_is_missing(tmp_path: Path) -> None:
    whole = cells()
    gone = [each for each in whole if each.model == "dec" and each.intermediate == "mnli"]
    there = [each for each in whole if each not in gone]
    page = reported(tmp_path, there, gone, "--claims", "phang2020")
    assert "3 of 12 cells are not finished." in page
    assert "| dec     | mnli           | udpos    | all languages |" in page
    lead = page.split("**Read this first**")[0]
    assert "enc (encoder): +12.0 (" in lead
    assert "dec" not in lead
    assert "17 claims: 17 not tested here." in page
    assert "Differences between models" not in page


def test_a_study_without_a_finished_cell_claims_nothing(tmp_path: Path) -> None:
    """Every stage failed: the page still opens and says so, and claims have no verdict."""
    page = reported(tmp_path, [], cells(), "--claims", "phang2020")
    assert "No cell of this study is finished" in page
    assert "12 of 12 cells are not finished." in page
    assert "17 claims: 17 not tested here." in page
    assert not re.search(
        r"[+-]\d", page.replace("+8.4 ", "").replace("+5.4 ", "").replace("+6.1", "")
    )
    table = pq.read_table(tmp_path / "made" / "cells.parquet")
    assert table.num_rows == 0
    assert table.column_names[: len(COLUMNS)] == [*COLUMNS]
    latex = (tmp_path / "made" / "main_table.tex").read_text(encoding="utf-8")
    assert "% No cell of this study is finished" in latex
    assert "tabular" not in latex


def test_one_model_compares_no_models(tmp_path: Path) -> None:
    page = reported(tmp_path, cells(models=["enc"]))
    assert "says nothing about differences between architectures" in page
    assert "enc (encoder): +12.0 (" in page
    assert "a gain beyond the choice of test examples" in page
    assert "Differences between models" not in page


def test_one_language_speaks_of_no_transfer(tmp_path: Path) -> None:
    page = reported(tmp_path, cells(languages=["en"]))
    assert "These cells cannot say whether intermediate training helps zero-shot transfer" in page
    assert "**Change by model**" in page
    assert "No zero-shot language has a change that counts" in page


def test_without_a_baseline_there_is_no_change(tmp_path: Path) -> None:
    page = reported(tmp_path, cells(intermediates=["mnli"]))
    assert "These cells cannot say" in page
    assert "62.0 (–)" in page


def test_one_seed_is_said_at_the_top_and_several_are_counted(tmp_path: Path) -> None:
    one = reported(tmp_path / "a", cells(models=["enc"])).split("## ")[0]
    assert "with one seed, nobody knows how far another training run would move" in one
    several = reported(
        tmp_path / "b", cells(models=["enc"], languages=["en", "de"], seeds=(0, 1, 2))
    ).split("## ")[0]
    assert "over 3 seeds and n = 200 examples" in several
    assert "one seed" not in several


def test_synthetic_data_gets_no_verdict(tmp_path: Path) -> None:
    directory = stored(tmp_path, cells(models=["enc"]), synthetic=True)
    done = t2t("report", directory, "--claims", "phang2020", "--replicates", 200)
    assert done.code == 0
    assert set(re.findall(r"^[a-z ]+(?=: )", done.out, re.MULTILINE)) == {"not tested here"}
    assert "The data is synthetic" in (directory / "report.md").read_text(encoding="utf-8")


def test_a_wrong_claims_file_stops_before_anything_is_written(tmp_path: Path) -> None:
    directory = stored(tmp_path, cells())
    (tmp_path / "mine.yaml").write_text("statements: []\n", encoding="utf-8")
    done = t2t("report", directory, "--claims", tmp_path / "mine.yaml")
    assert done.code == 2
    assert "statements: found an empty list, expected at least one item" in done.err
    assert not (directory / "report.md").exists()


def test_the_second_reading_keeps_its_place_in_the_files(tmp_path: Path) -> None:
    there = [
        observed(replace(ROW, target="tatoeba", language="de", readout=readout, score=score))
        for readout, score in (("embed", 40.0), ("rank", 20.0))
    ]
    page = reported(tmp_path, there)
    assert "**tatoeba, rank (accuracy)**" in page
    lines = pq.read_table(tmp_path / "made" / "cells.parquet").to_pylist()
    assert [(x["target"], x["readout"], x["score"], x["mean"]) for x in lines] == [
        ("tatoeba", "embed", 40.0, 40.0),
        ("tatoeba", "rank", 20.0, 20.0),
    ]


@pytest.mark.parametrize("name", ["cells.csv", "cells.parquet", "main_table.tex", "report.md"])
def test_a_place_that_cannot_be_written_is_one_paragraph(tmp_path: Path, name: str) -> None:
    """The tables ended in a traceback where the texts beside them did not."""
    directory = stored(tmp_path, cells())
    (directory / name).mkdir(parents=True)
    done = t2t("report", directory, "--replicates", 200)
    assert done.code == 2
    assert f"{directory / name} cannot be written" in done.err
    assert "Choose another place" in done.err
    assert not list(directory.glob(".*.tmp"))


FORMULAS = ("=1+1", "+1", "-2+3", "@SUM(A1)", "\t=1", "\n=1", "＝1", "'=1", "'")


@pytest.mark.parametrize("name", FORMULAS)
def test_no_text_of_cells_begins_a_formula(tmp_path: Path, name: str) -> None:
    row = replace(ROW, study=name, model=name, target=name, signature=name)
    write_cells(tmp_path / "cells.csv", [row])
    with (tmp_path / "cells.csv").open(encoding="utf-8", newline="") as file:
        (line,) = csv.DictReader(file)
    assert {line[key] for key in ("study", "model", "target", "signature")} == {f"'{name}"}
    assert (line["score"], line["seed"], line["n"]) == ("50.0000", "0", "200")
    (back,) = read_cells(tmp_path / "cells.csv")
    assert back == replace(row, same_data=None)


def test_a_bare_carriage_return_ends_no_line(tmp_path: Path) -> None:
    write_cells(tmp_path / "cells.csv", [replace(ROW, model="\r=1")])
    assert [row.model for row in read_cells(tmp_path / "cells.csv")] == [" =1"]


def test_no_text_of_the_api_begins_a_formula(tmp_path: Path) -> None:
    row: dict[str, Any] = {**dict.fromkeys(api.COLUMNS, "=cmd"), "score": -0.5}
    text = api.Scores((row,), ()).to_csv(tmp_path / "s.csv").read_text(encoding="utf-8")
    assert "'=cmd" in text
    assert ",=cmd" not in text
    assert ",-0.5," in text


def _changed(**values: object) -> Callable[[Any], Any]:
    return lambda plan: {**plan, **values}


def _first_cell(**values: object) -> Callable[[Any], Any]:
    def change(plan: Any) -> Any:
        first, *others = plan["cells"]
        return {**plan, "cells": [{**first, **values}, *others]}

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda plan: [], "dictionary"),
        (lambda plan: "text", "dictionary"),
        (_changed(cells={"a": 1}), "cells"),
        (_changed(cells=[3]), "cells.0"),
        (_changed(sources={}), "the target 'udpos' is missing"),
        (_changed(sources=[]), "sources"),
        (_changed(notes=5), "notes"),
        (_changed(baselines={"udpos/de": "../../x"}), "'../../x' is no id of a stage"),
        (_first_cell(seed="=1+1"), "cells.0.seed"),
        (_first_cell(score_id="score/../../secret-0123456789ab"), "is no id of a stage"),
        (_first_cell(model=None), "cells.0.model"),
        (lambda plan: {**plan, "cells": plan["cells"][:1] * 2}, "is there twice"),
    ],
)
def test_a_broken_plan_is_one_paragraph(
    tmp_path: Path, change: Callable[[Any], Any], words: str
) -> None:
    directory = stored(tmp_path, cells())
    path = directory / "plan.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))), encoding="utf-8")
    done = t2t("report", directory, "--replicates", 200)
    assert done.code == 2, done.err
    assert f"{path} cannot be read" in done.err
    assert words in done.err
    assert "Run the study again" in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert not (directory / "report.md").exists()


@pytest.mark.parametrize(
    "stages",
    [
        "null",
        "[3]",
        '[{"kind": "x"}]',
        '[{"kind":"score","label":1,"spec":{},"needs":{},"how":{}}]',
        '[{"kind":"score","label":"a","spec":[],"needs":{},"how":{}}]',
        '[{"kind":"score","label":"a","spec":{},"needs":{"predictions":"../x"},"how":{}}]',
        "[" * 100_000,
    ],
)
def test_broken_stages_are_one_paragraph(tmp_path: Path, stages: str) -> None:
    plan = f'{{"study": "x", "stages": {stages}, "cells": []}}'
    (tmp_path / "plan.json").write_text(plan, encoding="utf-8")
    done = t2t("study", "status", tmp_path)
    assert done.code == 2, done.err
    assert "plan.json cannot be read" in done.err


def test_a_report_is_written_to_another_place(tmp_path: Path) -> None:
    """A study on a disk that cannot be written was told of an option that there was not."""
    directory = stored(tmp_path, cells(), [replace(cells()[0], target="xnli")])
    before = sorted(path.name for path in directory.iterdir())
    (directory / "report.md").mkdir()
    refused = t2t("report", directory, "--replicates", 200)
    assert refused.code == 2
    assert "--output" in refused.err
    (directory / "report.md").rmdir()
    for name in {path.name for path in directory.iterdir()} - {*before}:
        (directory / name).unlink()
    done = t2t("report", directory, "--replicates", 200, "--output", tmp_path / "elsewhere")
    assert done.code == 0, done.err
    assert done.out.strip() == str(tmp_path / "elsewhere" / "report.md")
    assert {path.name for path in (tmp_path / "elsewhere").iterdir()} >= {
        *("cells.csv", "cells.parquet", "main_table.tex", "report.html", "report.md")
    }
    assert sorted(path.name for path in directory.iterdir()) == before
    both = t2t("report", directory, directory, "--output", tmp_path / "compared")
    assert both.code == 0
    assert (tmp_path / "compared" / "compared_with_made.md").is_file()


def test_an_example_browser_is_replaced_whole(tmp_path: Path) -> None:
    """Pages of an earlier report stayed beside those of a smaller one, or none were left."""
    write_examples(tmp_path, "s", chunks())
    names = {path.name for path in (tmp_path / "examples").iterdir()}
    assert names == {"0000.js", "0001.js", "index.js"}
    (tmp_path / "examples" / "notes.txt").write_text("mine")

    def breaks() -> Iterator[Chunk]:
        yield chunks()[1]
        raise UserError("a log is damaged")

    before = (tmp_path / "examples" / "0000.js").read_bytes()
    with pytest.raises(UserError, match="damaged"):
        write_examples(tmp_path, "s", breaks())
    assert (tmp_path / "examples" / "0000.js").read_bytes() == before
    assert (tmp_path / "examples.html").is_file()
    write_examples(tmp_path, "s", chunks()[1:])
    names = {path.name for path in (tmp_path / "examples").iterdir()}
    assert names == {"0000.js", "index.js", "notes.txt"}
    assert write_examples(tmp_path, "s", []) is None
    assert [path.name for path in tmp_path.iterdir()] == ["examples"]
    assert [path.name for path in (tmp_path / "examples").iterdir()] == ["notes.txt"]


def test_no_examples_leave_no_folder(tmp_path: Path) -> None:
    assert write_examples(tmp_path, "s", []) is None
    assert not [*tmp_path.iterdir()]
