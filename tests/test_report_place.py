"""Where a report is read from and written to: broken plans, other places, names that attack."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.api import COLUMNS, Scores
from t2t_xfer.errors import UserError
from t2t_xfer.report.browser import Chunk, write_examples
from t2t_xfer.report.cells import read_cells, write_cells

from .pagestudy import chunks
from .reported import stored
from .studydata import t2t
from .test_report import ROW
from .test_report_files import cells

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
    row: dict[str, Any] = {**dict.fromkeys(COLUMNS, "=cmd"), "score": -0.5}
    text = Scores((row,), ()).to_csv(tmp_path / "s.csv").read_text(encoding="utf-8")
    assert "'=cmd" in text
    assert ",=cmd" not in text
    assert ",-0.5," in text


def _changed(**values: object) -> Callable[[Any], Any]:
    return lambda plan: {**plan, **values}


def _cell(**values: object) -> Callable[[Any], Any]:
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
        (_cell(seed="=1+1"), "cells.0.seed"),
        (_cell(score_id="score/../../secret-0123456789ab"), "is no id of a stage"),
        (_cell(model=None), "cells.0.model"),
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
