"""The cells file and the Markdown page."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from t2t_xfer.errors import DataError
from t2t_xfer.report.cells import COLUMNS, read_cells, write_cells
from t2t_xfer.report.document import percent, signed
from t2t_xfer.report.grid import Grid
from t2t_xfer.report.main_table import same_data_words
from t2t_xfer.report.opening import scope
from t2t_xfer.report.text import unmarked
from t2t_xfer.study.results import Result

from .reported import page

ROW = Result(
    study="made-up",
    model="enc",
    architecture="encoder",
    intermediate="none",
    target="xnli",
    language="en",
    seed=0,
    metric="accuracy",
    score=50.0,
    n=200,
    invalid_rate=0.0,
    readout="slots",
    signature="accuracy|v:1",
    same_data=False,
)
LANGUAGES = {"en": 9.0, "de": 5.0, "sw": 1.0}
MODELS = {"enc": "encoder", "s2s": "seq2seq", "dec": "causal"}
GAINS = {"none": 0.0, "mnli": 3.0, "squad": -1.0}
"""In points, the same in every language; the source language gains twice as much."""


def make_rows() -> list[Result]:
    """Three models, two intermediates, two targets, three languages; mnli before xnli is
    same-data and gains 30 points, which must stay out of every mean change.
    """
    rows = []
    for model, architecture in MODELS.items():
        for intermediate, gain in GAINS.items():
            for target in ("xnli", "paws_x"):
                for language, extra in LANGUAGES.items():
                    same = (intermediate, target) == ("mnli", "xnli")
                    moved = (30.0 if same else gain) * (2 if language == "en" else 1)
                    row = replace(ROW, model=model, architecture=architecture, same_data=same)
                    row = replace(row, intermediate=intermediate, target=target, majority=33.4)
                    rows.append(replace(row, language=language, score=30.0 + extra + moved))
    return rows


def line_of(shown: str, *cells: str) -> list[str]:
    """The first table row that begins with these cells."""
    for line in shown.splitlines():
        found = [cell.strip() for cell in line.strip("|").split("|")]
        if tuple(found[: len(cells)]) == cells:
            return found
    raise AssertionError(f"no row {cells} in\n{shown}")


def test_cells_are_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    rows = make_rows()
    write_cells(tmp_path / "a" / "cells.csv", rows)
    write_cells(tmp_path / "b.csv", rows[::-1])
    data = (tmp_path / "a" / "cells.csv").read_bytes()
    assert data == (tmp_path / "b.csv").read_bytes()
    assert b"\r" not in data
    assert data.splitlines()[:2] == [
        b"study,model,architecture,intermediate,target,language,seed,metric,score,n,invalid_rate,"
        b"readout,signature",
        b"made-up,dec,causal,mnli,paws_x,de,0,accuracy,38.0000,200,0.0000,slots,accuracy|v:1",
    ]
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["cells.csv"]


def test_cells_can_be_read_back(tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    row = replace(ROW, model='a,"b"', score=100 / 3, invalid_rate=0.125, seed=7)
    write_cells(path, [row])
    assert read_cells(path) == [replace(row, score=33.3333, same_data=None)]


def test_the_same_cell_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two rows of one cell"):
        write_cells(tmp_path / "cells.csv", [ROW, ROW])
    with pytest.raises(ValueError, match="two rows of one cell"):
        page([ROW, replace(ROW, score=51.0)])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ":1: expected the columns study, model"),
        ("a,b\n", ":1: expected the columns"),
        (",".join(COLUMNS) + "\na,b\n", ":2: 2 values, expected 13"),
        (",".join(COLUMNS) + "\ns,m,encoder,none,t,en,0,acc,high,9,0.0,slots,x\n", ":2: .*'high'"),
        (",".join(COLUMNS) + "\ns,m,encoder,none,t,en,0,acc,nan,9,0.0,slots,x\n", ":2: score nan"),
    ],
)
def test_a_broken_cells_file_is_named(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "cells.csv").write_text(content)
    with pytest.raises(DataError, match=words):
        read_cells(tmp_path / "cells.csv")


@pytest.mark.parametrize("change", [{"score": 100.1}, {"invalid_rate": 3.0}, {"n": 0}])
def test_impossible_numbers_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="xnli"):
        replace(ROW, **change)  # type: ignore[arg-type]


def test_the_page_opens_with_the_answer() -> None:
    lead = page(make_rows()).split("## Scores")[0]
    # zero-shot pairs: mnli > paws_x +3, squad > xnli -1, squad > paws_x -1: mean +0.333
    assert re.search(
        r"- enc \(encoder\): \+0.3 \(-0.\d to \+[01].\d\), not .*\n(.*\n)- dec \(causal\): \+0.3 ",
        lead,
    )
    assert "Means over 3 pairs of intermediate and target, the same for every model." in lead
    assert lead.count("not distinguishable from no change") == 3
    assert "of the tested examples alone (n = 200 per language, paired): with one seed" in lead


def test_a_clear_change_is_said_of_its_model_only() -> None:
    rows = [
        replace(row, score=row.score + 20) if (row.model, row.intermediate) == ("dec", "squad")
        else row
        for row in make_rows()
    ]  # fmt: skip
    lead = page(rows).split("## Scores")[0]
    assert re.search(r"- dec \(causal\): .*, a gain beyond the choice of test examples", lead)
    assert lead.count("not distinguishable from no change") == 2


def test_models_stand_for_themselves() -> None:
    assert "One model per architecture answers for these models only" in page(make_rows())
    one = [row for row in make_rows() if row.model == "enc"]
    assert "says nothing about differences between architectures" in scope(Grid(one))
    two = [*one, *(replace(row, model="enc2") for row in one)]
    two += [row for row in make_rows() if row.model == "s2s"]
    assert "2 encoder and 1 seq2seq. They answer for these" in scope(Grid(two))


def test_the_main_table_has_scores_changes_and_marks() -> None:
    shown = page(make_rows())
    # (39 + 35 + 31) / 3; with mnli + (6 + 3 + 3) / 3; same data + (60 + 30 + 30) / 3
    assert line_of(shown, "enc", "none")[2:] == ["35.0", "35.0", "35.0"]
    assert line_of(shown, "enc", "mnli")[2:] == ["75.0 (+40.0*)‡", "39.0 (+4.0*)", "57.0 (+4.0*)"]
    assert line_of(shown, "enc", "squad")[2:] == ["33.7 (-1.3*)", "33.7 (-1.3*)", "33.7 (-1.3*)"]
    assert "kept out of every mean change: mnli before xnli. The intermediate task trains" in shown


def test_the_change_by_model_tells_source_from_zero_shot() -> None:
    shown = page(make_rows()).split("**Change by model**")[1]
    line = line_of(shown, "dec (causal)")
    assert line[1:3] == ["+0.4", "+0.7"]
    assert line[3].startswith("+0.3 [-0.")
    assert line[5:] == ["1 of 3", "1 up, 0 down"]


def test_every_language_has_its_score_change_and_gap() -> None:
    shown = page(make_rows()).split("### xnli (accuracy)")[1]
    assert line_of(shown, "language")[1:] == ["none", "mnli‡", "squad"]
    assert line_of(shown, "en (source)")[1:3] == ["39.0", "99.0 (+60.0*)"]
    assert line_of(shown, "de")[1:3] == ["35.0", "65.0 (+30.0*)"]
    assert line_of(shown, "de")[3].startswith("34.0 (-1.0")
    assert line_of(shown.split("**majority baseline**")[1], "sw") == ["sw", "33.4"]
    gaps = shown.split("## Transfer gap")[1]
    assert line_of(gaps, "enc (encoder)", "none")[2].startswith("+6.0 [")
    assert line_of(gaps, "enc (encoder)", "mnli")[2].startswith("+36.0* [")


def test_what_is_missing_is_dashed_marked_and_listed() -> None:
    rows = [
        row
        for row in make_rows()
        if (row.model, row.intermediate, row.target) != ("dec", "squad", "paws_x")
        and (row.model, row.intermediate, row.target, row.language)
        != ("enc", "none", "paws_x", "en")
    ]
    shown = page(rows)
    assert line_of(shown, "dec", "squad")[2:] == ["33.7 (-1.3*)", "–", "–"]
    # 39.0 is over three languages, its change over the two that `none` has too
    assert line_of(shown, "enc", "mnli")[3:] == ["39.0 (+3.0*)†", "57.0 (+3.0*)†"]
    assert line_of(shown, "enc", "none")[3:] == ["33.0†", "34.0†"]
    listed = shown.split("## Missing")[1]
    assert line_of(listed, "enc", "none") == ["enc", "none", "paws_x", "en"]
    assert line_of(listed, "dec", "squad") == ["dec", "squad", "paws_x", "all languages"]
    assert "they do not compare the models" in shown


def test_changes_are_paired_by_seed() -> None:
    """A seed that only one side has must not look like a change."""
    rows = [replace(ROW, language="de", seed=seed, score=40.0 + 10 * seed) for seed in (0, 1)]
    rows.append(replace(rows[0], intermediate="mnli", score=41.0))
    grid = Grid(rows)
    assert grid.change("enc", "mnli", "xnli") == 1.0
    assert grid.mean("enc", "none", "xnli") == 45.0
    assert grid.missing() == [("enc", "mnli", "xnli", "de (seed 1)")]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "No cell of this study is finished"),
        ([ROW], "These cells cannot say"),
        ([ROW, replace(ROW, intermediate="mnli")], "These cells cannot say"),  # English only
        ([replace(row, same_data=True) for row in make_rows()], "These cells cannot say"),
        ([row for row in make_rows() if row.intermediate != "none"], "These cells cannot say"),
    ],
)
def test_too_little_claims_nothing(rows: list[Result], words: str) -> None:
    shown = page(rows, ["failed: train enc"])
    assert words in shown
    assert "failed: train enc" in shown
    assert "changed by these points" not in shown


def test_rows_of_a_file_say_that_same_data_is_not_known(tmp_path: Path) -> None:
    write_cells(tmp_path / "cells.csv", make_rows())
    (shown,) = same_data_words(Grid(read_cells(tmp_path / "cells.csv")))
    assert "such cells may be inside the mean changes" in shown


def test_invalid_answers_are_shown_where_there_are_some() -> None:
    shown = page(make_rows())
    assert "Every answer of every finished cell could be read" in shown
    rows = [replace(row, invalid_rate=0.04) if row.language == "sw" else row for row in make_rows()]
    shown = page(rows)
    assert line_of(shown.split("**Invalid answers**")[1], "enc", "mnli", "xnli")[3:] == [
        *("1.3 %", "4.0 %", "sw")
    ]


def test_changes_of_models_are_contrasted_with_their_intervals() -> None:
    rows = [
        replace(row, score=row.score + 20) if (row.model, row.intermediate) == ("dec", "squad")
        else row
        for row in make_rows()
    ]  # fmt: skip
    shown = page(rows).split("**Differences between models**")[1]
    assert line_of(shown, "model")[1:] == ["minus", "xnli", "paws_x", "all targets"]
    assert line_of(shown, "enc", "minus s2s")[4].startswith("0.0 [")
    clear = line_of(shown, "enc", "minus dec")[4]
    assert clear.startswith("-13.3* [-")  # of the three pairs that count, two moved by 20
    one = [row for row in make_rows() if row.model == "enc"][:9]
    assert "Differences between models" not in page(one)


def test_names_are_no_markup() -> None:
    row = replace(ROW, model="<script>|*x*", signature="a|b`c")
    shown = page([row], ["<img src=x>"], "a\n# b")
    assert "<script>" not in shown
    assert "<img" not in shown
    assert "&lt;script>\\|\\*x\\*" in shown
    assert shown.startswith("# Study a # b\n")
    assert "a\\|b\\`c" in shown
    assert unmarked("paws_x __init__") == "paws_x \\__init_\\_"


def test_words_for_numbers() -> None:
    values = (-0.03, 0.04, -0.0, 1.25, -0.06, None)
    # What rounds to 0 has no sign: -0.03 is no gain of "+0.0", and no loss of "-0.0".
    assert [signed(value) for value in values] == ["0.0", "0.0", "0.0", "+1.2", "-0.1", "–"]
    assert [signed(value, 2) for value in (-0.03, -0.003)] == ["-0.03", "0.00"]
    assert [percent(value) for value in (0.0, 0.0001, 0.5)] == ["0.0 %", "< 0.1 %", "50.0 %"]
