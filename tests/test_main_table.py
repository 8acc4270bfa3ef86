"""The main table: one table in four forms, with a mark at every number that lacks something."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from t2t_xfer.report.cells import read_cells, write_cells
from t2t_xfer.report.findings import study_numbers
from t2t_xfer.report.given import Report
from t2t_xfer.report.main_table import same_data_words
from t2t_xfer.report.numbers import ALL, Grid, Planned
from t2t_xfer.report.opening import first_notes
from t2t_xfer.report.page import render_page
from t2t_xfer.report.sections import document
from t2t_xfer.report.text import render_latex, render_markdown, render_terminal
from t2t_xfer.study.results import Result

from .reported import numbers, observed, page, told
from .studydata import t2t
from .test_report import ROW, line_of, make_rows


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


def test_one_view_of_the_main_table_is_over_all_languages() -> None:
    found = numbers(make_rows()).main.analysis.change("enc", "mnli", "paws_x", ALL)
    assert found is not None
    assert found.interval.value == pytest.approx(4)


def test_the_main_table_has_scores_changes_and_marks() -> None:
    shown = page(make_rows())
    # (39 + 35 + 31) / 3; with mnli + (6 + 3 + 3) / 3; same data + (60 + 30 + 30) / 3
    assert line_of(shown, "enc", "none")[2:] == ["35.0", "35.0", "35.0"]
    assert line_of(shown, "enc", "mnli")[2:] == ["75.0 (+40.0*)‡", "39.0 (+4.0*)", "57.0 (+4.0*)"]
    assert line_of(shown, "enc", "squad")[2:] == ["33.7 (-1.3*)", "33.7 (-1.3*)", "33.7 (-1.3*)"]
    assert "kept out of every mean change: mnli before xnli. The intermediate task trains" in shown


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


def test_rows_of_a_file_say_that_same_data_is_not_known(tmp_path: Path) -> None:
    write_cells(tmp_path / "cells.csv", make_rows())
    (shown,) = same_data_words(Grid(read_cells(tmp_path / "cells.csv")))
    assert "such cells may be inside the mean changes" in shown


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


def unfinished(**which: str) -> tuple[str, str, str]:
    """Markdown, page and LaTeX of a study in which none of these cells is finished."""
    rows = make_rows()
    planned = [Planned(*row.key, source_language="en", same_data=row.same_data) for row in rows]
    there = [row for row in rows if any(getattr(row, key) != name for key, name in which.items())]
    found = study_numbers([observed(row) for row in there], planned, replicates=200)
    told = document(Report("s", found))
    return render_markdown(told), render_page(told), render_latex(told)


def test_a_language_that_failed_in_every_run_is_missing_from_the_mean() -> None:
    """Nobody had it, so no mean was marked."""
    shown, html, tex = unfinished(target="paws_x", language="sw")
    # en 39 and de 35 are left of paws_x, and +6 and +3 of its changes
    assert line_of(shown, "enc", "none")[2:] == ["35.0", "37.0†", "36.0†"]
    assert line_of(shown, "enc", "mnli")[3] == "41.5 (+4.5*)†"
    assert "† Some languages or seeds are missing" in shown
    assert "41.5†" in html
    assert "$^{\\dagger}$" in tex
    zero_shot = shown.split("### Over the zero-shot languages")[1]
    assert line_of(zero_shot, "enc", "mnli")[3].endswith("†")
    by_language = shown.split("### paws_x (accuracy)")[1]
    assert line_of(by_language, "sw")[1:] == ["–", "–", "–"]
    assert line_of(shown.split("## Transfer gap")[1], "enc (encoder)", "none")[3].endswith("†")
    assert line_of(shown.split("## Missing")[1], "enc", "none") == ["enc", "none", "paws_x", "sw"]
    means = line_of(shown.split("**Change by model**")[1], "enc (encoder)")
    assert [cell.endswith("†") for cell in means[1:4]] == [True, True, True]
    contrast = line_of(shown.split("**Differences between models**")[1], "enc", "minus s2s")
    assert [cell.endswith("†") for cell in contrast[2:]] == [False, True, True]


def test_a_target_that_failed_in_every_run_leaves_no_average() -> None:
    shown, html, tex = unfinished(target="paws_x")
    assert "paws_x (–)" in shown
    assert line_of(shown, "enc", "none")[2:] == ["35.0", "–", "–"]
    for form in (shown, html):
        assert "Cells of the plan are missing (†): 1 of 3 pairs" in form
    assert "paws_x" in html
    assert "(--)" in tex


def test_an_intermediate_that_failed_everywhere_is_told_in_the_answer() -> None:
    shown, html, _ = unfinished(intermediate="mnli")
    assert "Cells of the plan are missing (†): 2 of 3 pairs" in shown
    assert line_of(shown.split("## Missing")[1], "dec", "mnli", "xnli")[3] == "all languages"
    assert "mnli" in html[html.index('id="missing"') :]


def test_a_whole_study_has_no_mark() -> None:
    shown, html, tex = unfinished(model="nobody")
    assert "†" not in shown + html
    assert "dagger}$" not in tex.replace("ddagger", "")


def test_evaluate_marks_a_mean_without_languages_that_were_asked_for(tmp_path: Path) -> None:
    asked = ("evaluate", "--engine", "oracle", "--data", "microworld", "--limit", 4)
    told = ("--skip-missing", "--task", "xnli", "--output", tmp_path)
    done = t2t(*asked, *told)
    assert done.code == 0, done.err
    assert re.search(r"^mean of 6 of 15 † +100\.00", done.out, re.MULTILINE)
    assert "† without bg, el, es, fr, hi, ru, th, ur, vi" in done.out
    both = t2t(*asked, *told, "--task", "paws_x")
    assert "mean of 6 of 15 †" in both.out
    assert "bg (xnli)" in both.out
    assert json.loads(t2t(*asked, *told, "--json").out)["missing"][:2] == ["bg", "el"]
    one = t2t(*asked, *told, "--language", "de", "--language", "sw")
    assert "†" not in one.out
