"""`t2t-xfer report`: the files it writes of whole, half-finished, small and failed studies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from t2t_xfer.report.cells import COLUMNS, read_cells
from t2t_xfer.report.text import escaped, render_latex
from t2t_xfer.study.results import Result

from .reported import observed, stored, told
from .studydata import t2t
from .test_report import ROW, make_rows

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


def test_the_latex_table_has_every_line_and_mark() -> None:
    rows = [row for row in make_rows() if row.model == "enc"]
    text = render_latex(told(rows, ["read\n\\input{y}"], "a\n\\input{x}"))
    # One line each: a comment ends with its line.
    assert text.startswith("% Study a \\textbackslash{}input\\{x\\}, written by")
    assert "\n% - read \\textbackslash{}input\\{y\\}\n" in text
    assert "\\begin{tabular}{llrrr}" in text
    assert " & mnli & 75.0 ($+40.0$$^{*}$)$^{\\ddagger}$ & 39.0 ($+4.0$$^{*}$)" in text
    assert "paws\\_x" in text
    assert (
        "\n% $^{\\ddagger}$ Same-data cells, kept out of every mean change: mnli before xnli"
        in text
    )
    missing = [row for row in rows if (row.intermediate, row.target) != ("squad", "xnli")]
    assert " & squad & -- & " in render_latex(told(missing))


def test_names_are_escaped_for_latex() -> None:
    assert escaped("a_b & 50%\n{x}~^\\$#<|>") == (
        "a\\_b \\& 50\\% \\{x\\}\\textasciitilde{}\\textasciicircum{}\\textbackslash{}\\$\\#"
        "\\textless{}\\textbar{}\\textgreater{}"
    )


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
