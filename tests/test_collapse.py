"""A model that gives one answer to everything is named, marked, and no exact zero in any mean."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from t2t_xfer.records import Prediction, Status
from t2t_xfer.report.drawn import certain, change_over, mean_of
from t2t_xfer.report.findings import Analysis, analyse
from t2t_xfer.report.grid import ALL, Grid
from t2t_xfer.report.opening import first_notes
from t2t_xfer.report.page import render_page
from t2t_xfer.report.resampled import Resampled
from t2t_xfer.report.text import render_latex, render_markdown, render_terminal
from t2t_xfer.stages.score import _answers
from t2t_xfer.study.results import Result

from .observing import cell
from .reported import numbers, page, told
from .test_report import ROW, line_of, make_rows

N = 100


def dead_and_moved(*, models: tuple[str, ...] = ("enc",)) -> list[Result]:
    """xnli loses 5 of 100 examples; on paws_x every run gives one constant answer."""
    right = np.arange(N) < 55
    found = []
    for model in models:
        for intermediate, lost in (("none", 0), ("mnli", 5)):
            for language in ("en", "de"):
                place = {"model": model, "intermediate": intermediate, "language": language}
                found.append(
                    cell(right & (np.arange(N) >= lost), target="xnli", answers=3, **place)
                )
                found.append(cell(right, target="paws_x", answers=1, **place))
    return found


def analysis(observed: list[Result]) -> Analysis:
    return analyse(Grid(observed), Resampled(observed))


def test_a_cell_that_cannot_move_is_no_exact_zero_in_a_mean() -> None:
    """-5 and an exact 0 made "a loss beyond chance" (p = 0.02) of two targets, one of them dead."""
    found = analysis(dead_and_moved())
    moved, dead = found.change("enc", "mnli", "xnli"), found.change("enc", "mnli", "paws_x")
    mean = found.change("enc", None, None)
    assert moved is not None
    assert dead is not None
    assert mean is not None
    unseen = 100 * (1 - 0.05 ** (1 / N))
    assert (dead.interval.value, dead.p, dead.unseen) == (0, 1, pytest.approx(unseen))
    assert dead.interval.high == pytest.approx(unseen)
    assert (mean.interval.value, mean.unseen) == pytest.approx((-2.5, unseen / 2))
    assert moved.unseen == 0
    # Two independent normal errors, of the half that moved and of the half that could not.
    spread = np.hypot(np.sqrt(0.05 * 0.95 / N) * 100 / 2, unseen / 2 / 1.96)
    assert mean.interval.high == pytest.approx(-2.5 + 1.96 * spread, abs=0.3)
    assert mean.interval.high > 0
    assert 0.04 < mean.p < 0.09
    assert not mean.significant


def test_what_cannot_move_is_in_contrasts_and_gaps() -> None:
    """Two dead models do not cancel: the difference of two unknowns is not known better."""
    found = analysis(dead_and_moved(models=("enc", "dec")))
    contrast = found.contrast("enc", "dec", "paws_x")
    gap = found.gap("enc", "mnli", "paws_x")
    unseen = 100 * (1 - 0.05 ** (1 / N))
    assert contrast is not None
    assert gap is not None
    assert gap.change is not None
    for interval in (contrast.interval, gap.change):
        assert interval.high == pytest.approx(2 * unseen)
        assert interval.low == pytest.approx(-2 * unseen)
    assert (contrast.p, gap.p, gap.significant) == (1, 1, False)


def test_two_models_that_moved_alike_are_no_exact_zero_either() -> None:
    """They cancel in every redrawing, though each of them moved."""
    right = np.arange(N) < 55
    found = analysis(
        [
            cell(right & (np.arange(N) >= lost), model=model, intermediate=intermediate)
            for model in ("enc", "dec")
            for intermediate, lost in (("none", 0), ("mnli", 5))
        ]
    )
    contrast = found.contrast("enc", "dec")
    assert contrast is not None
    assert (contrast.interval.value, contrast.p) == (0, 1)
    assert contrast.interval.high == pytest.approx(100 * (1 - 0.05 ** (1 / N)))


def test_intervals_of_means_with_cells_that_do_not_move_cover_the_truth() -> None:
    """Of three targets, 6 of 1,000 examples are lost in each: a third of the cells of 200 examples
    shows none of it. With those as exact zeros, 85 % of the intervals held the truth."""
    rng, held = np.random.default_rng(1), 0
    for study in range(150):
        cells = []
        for target in ("xnli", "paws_x", "udpos"):
            before = rng.random(200) < 0.5
            after = before & (rng.random(200) >= 0.012)
            for name, right in (("none", before), ("mnli", after)):
                cells.append(cell(right, target=target, intermediate=name))
        drawn = Resampled(cells, replicates=200, seed=study)
        changes = (change_over(drawn, "enc", "mnli", each.target, ["de"]) for each in cells[::2])
        mean = mean_of(changes)
        assert mean is not None
        interval = certain(mean)
        held += interval.low <= -0.6 <= interval.high
    assert held / 150 > 0.94


def collapsed() -> list[Result]:
    """`enc` answers paws_x with one constant in two languages, `dec` is at the majority."""
    rows = []
    for row in make_rows():
        changed: dict[str, float] = {}
        if (row.model, row.target, row.intermediate) == ("enc", "paws_x", "mnli"):
            changed = {"answers": 3 if row.language == "en" else 1}
        elif (row.model, row.target) == ("dec", "xnli"):
            changed = {"score": 33.5, "majority": 33.5}
        rows.append(replace(row, **changed))  # type: ignore[arg-type]
    return rows


def test_constant_answers_are_named_first_and_marked_in_every_form() -> None:
    rows = collapsed()
    notes = first_notes([Grid(rows)])
    assert [note.split(". ")[0] for note in notes] == [
        "Constant answers (¶): enc gives one answer to every example of paws_x after mnli,"
        " in de, sw",
        "Constant answers (¶): dec has the majority baseline's score, with every seed, on xnli"
        " after none, mnli and squad, in every language",
    ]
    found = told(rows)
    terminal, markdown = render_terminal(found), render_markdown(found)
    html, latex = render_page(found), render_latex(found)
    for shown in (terminal, markdown):
        assert line_of(shown, "enc", "mnli")[3:] == ["39.0 (+4.0*)¶", "57.0 (+4.0*)¶"]
        assert line_of(shown, "dec", "none")[2] == "33.5¶"
        assert line_of(shown, "enc", "squad")[3].endswith(")")
        assert "¶ Some of the cells in it" in shown
        assert "Constant answers (¶) are behind these means" in shown
    for note in notes:
        assert all(note in shown for shown in (terminal, markdown))
        assert note.replace("'", "&#39;") in html
    assert "39.0 ($+4.0$$^{*}$)\\P{}" in latex
    assert "% \\P{} Some of the cells in it" in latex
    by_language = markdown.split("### paws_x (accuracy)")[1]
    assert line_of(by_language, "en (source)")[2] == "45.0 (+6.0*)"
    assert line_of(by_language, "de")[2] == "38.0 (+3.0*)¶"


def test_no_mark_without_a_constant_answer() -> None:
    rows = [replace(row, answers=2) for row in make_rows()]
    assert not first_notes([Grid(rows)])
    assert "¶" not in page(rows)
    # All examples have one gold answer, and the model found it: that is no collapse.
    assert not replace(ROW, score=100.0, answers=1).constant


def test_every_form_shows_the_same_main_table() -> None:
    """report.md had -0.6 and report.html +0.1 under one heading: other languages in the mean."""
    rows = [
        row
        for row in make_rows()
        if (row.model, row.intermediate, row.target, row.language)
        != ("enc", "none", "paws_x", "sw")
    ]
    found = told(rows)
    tables = [
        _markdown_table(render_markdown(found)),
        _markdown_table(render_terminal(found)),
        _html_table(render_page(found)),
        _latex_table(render_latex(found)),
    ]
    assert tables[0]["enc", "mnli"] == ["75.0 (+40.0*)‡", "39.0 (+4.5*)†", "57.0 (+4.5*)†"]
    for table in tables[1:]:
        assert table == tables[0]


def _markdown_table(shown: str) -> dict[tuple[str, str], list[str]]:
    part = shown.split("**Over all languages**")[1].split("\n\n")[1]
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines()[2:]
    ]
    return {(line[0], line[1]): line[2:] for line in lines}


def _html_table(html: str) -> dict[tuple[str, str], list[str]]:
    body = html.split('<table id="scores"')[1].split("</table>")[0]
    found = {}
    for row in body.split("<tr")[2:]:
        cells = re.findall(r"<t[hd][^>]*>(.*?)(?=<t[hd]|</tr>|$)", row, re.DOTALL)
        texts = [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells]
        # Score and marks stand on the first line, the change with its interval on the second.
        shown = [re.sub(r"^([\d.]+)(\S*) (\S+) \(.*$", r"\1 (\3)\2", text) for text in texts[2:]]
        found[texts[0], texts[1]] = [text.replace("−", "-") for text in shown]
    return found


def _latex_table(tex: str) -> dict[tuple[str, str], list[str]]:
    marks = {"$^{*}$": "*", "$^{\\ddagger}$": "‡", "$^{\\dagger}$": "†", "\\P{}": "¶", "$": ""}
    found, model = {}, ""
    for line in tex.split("\\midrule", 1)[1].splitlines():
        cells = line.removesuffix(" \\\\").split(" & ")
        if len(cells) > 2:
            for old, new in marks.items():
                cells = [cell.replace(old, new) for cell in cells]
            model = cells[0].strip() or model
            found[model, cells[1]] = cells[2:]
    return found


@pytest.mark.parametrize(
    ("values", "different", "commonest"),
    [
        (["yes", "yes", "yes"], 1, 1.0),
        (["yes", None, "no"], 3, 1 / 3),  # what could not be read is an answer as well
        ([None, None], 1, 1.0),
        ([("X", "X"), ("X",), ("X", "X", "X")], 1, 1.0),  # one tag, though other sentences
        ([("X", "X", "Y"), ("X",)], 2, 0.75),
        ([(), ("O",)], 2, 0.5),
        (["", "", "", "Bonn"], 2, 0.75),
    ],
)
def test_answers_are_counted(values: list[object], different: int, commonest: float) -> None:
    predictions = [
        Prediction(str(i), value, Status.invalid if value is None else Status.scored)  # type: ignore[arg-type]
        for i, value in enumerate(values)
    ]
    assert _answers(predictions) == {
        "different_answers": different,
        "commonest_share": pytest.approx(commonest),
    }


def test_one_view_of_the_main_table_is_over_all_languages() -> None:
    found = numbers(make_rows()).main.analysis.change("enc", "mnli", "paws_x", ALL)
    assert found is not None
    assert found.interval.value == pytest.approx(4)
