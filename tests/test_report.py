"""The cells file and the Markdown page."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from t2t_xfer import microworld
from t2t_xfer.errors import DataError
from t2t_xfer.metrics import aggregate
from t2t_xfer.microworld.lexicon import distance
from t2t_xfer.report.cells import COLUMNS, read_cells, write_cells
from t2t_xfer.report.document import Document, Section
from t2t_xfer.report.given import Report
from t2t_xfer.report.numbers import Grid
from t2t_xfer.report.opening import scope
from t2t_xfer.report.text import render_markdown
from t2t_xfer.report.transfer import distance_section, spearman
from t2t_xfer.study.results import Result

from .reported import numbers, page

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


def in_xtreme(target: str, language: str, score: float, seed: int = 0) -> Result:
    run = ("full", "xlmr", "encoder", "none", target, language, seed)
    return Result(*run, "accuracy", score, 100, 0.0, "slots", "accuracy|v:1", same_data=False)


def of_xtreme(target: str, score: float, leave_out: str = "") -> list[Result]:
    return [
        in_xtreme(target, code, score) for code in aggregate.LANGUAGES[target] if code != leave_out
    ]


def test_a_whole_group_has_its_average() -> None:
    # xnli 60 in all 15 languages, paws_x 80 in all 7: the mean of the tasks, not of the languages
    shown = page([*of_xtreme("xnli", 60), *of_xtreme("paws_x", 80)])
    assert "## XTREME's averages" in shown
    assert "other numbers of rows than XTREME's were tested in xnli (down to 100)" in shown
    line = next(line for line in shown.splitlines() if line.count("–") == 4 and "xlmr" in line)
    assert "70.0" in line


def test_a_missing_language_leaves_the_group_without_one() -> None:
    shown = page([*of_xtreme("xnli", 60, "sw"), *of_xtreme("paws_x", 80)])
    assert "## XTREME's averages" not in shown


def test_seeds_are_averaged_before_anything_else() -> None:
    codes = aggregate.LANGUAGES["xnli"]
    xnli = [in_xtreme("xnli", code, 50 + 20 * seed, seed) for code in codes for seed in (0, 1)]
    shown = page([*xnli, *of_xtreme("paws_x", 80)])
    # xnli (50 + 70) / 2 = 60 with paws_x 80
    section = shown.partition("## XTREME's averages")[2]
    assert "70.0" in section.partition("##")[0]


def test_validation_rows_are_in_no_average_of_xtreme() -> None:
    validated = [replace(row, split="validation") for row in of_xtreme("xnli", 60)]
    assert "## XTREME's averages" not in page([*validated, *of_xtreme("paws_x", 80)])


def far(rows: list[Result]) -> Section | None:
    distances = {row.language: distance(row.language) for row in rows}
    return distance_section(Report("s", numbers(rows), distances=distances))


def test_spearman_of_numbers_worked_by_hand() -> None:
    # Ranks 0 1 2 3 and 3 2 0 1: differences -3 -1 2 2, so 1 - 6 * 18 / (4 * 15).
    assert spearman([0.2, 0.4, 0.5, 0.6], [80, 70, 60, 65]) == pytest.approx(-0.8)
    # Equal values share a rank: 0 1.5 1.5 and 2 1 0, so -1.5 / sqrt(1.5 * 2).
    assert spearman([1, 2, 2], [9, 5, 1]) == pytest.approx(-1.5 / 3**0.5)
    assert spearman([1, 2, 3], [7, 7, 7]) is None
    assert spearman([1], [1]) is None


def test_the_section_orders_languages_and_correlates_zero_shot_scores_only() -> None:
    rows = [
        replace(ROW, model=model, intermediate=intermediate, language=code, score=score)
        for model, sign in (("enc", -1), ("dec", 1))
        for intermediate, more in (("none", 0), ("qqp", 4))
        for code in microworld.LANGUAGES
        # English breaks the rule; it is no zero-shot language.
        for score in [0.0 if code == "en" else 50 + sign * 40 * distance(code) + more]
    ]
    section = far(rows)
    assert section is not None
    page = render_markdown(Document("s", [section]))
    assert "Synthetic" in page
    table = page.split("**Score by distance to English**")[1].split("\n\n")[1].splitlines()[2:]
    order = [line.split("|")[1].strip() for line in table]
    assert order[:2] == ["en", "de"]
    assert sorted(order, key=distance) == order
    # Both models and both intermediates: 50 + 2.
    scores = page.split("**Score by distance to English**")[1]
    assert line_of(scores, "de", f"{distance('de'):.2f}")[2] == "52.0"
    assert line_of(page, "enc (encoder)")[1] == "-1.00"
    assert line_of(page, "dec (encoder)")[1] == "+1.00"
    assert line_of(page, "all")[1] in ("–", "0.00")


def test_no_section_without_zero_shot_languages() -> None:
    assert far([ROW]) is None
    assert far([ROW, replace(ROW, language="de")]) is None
