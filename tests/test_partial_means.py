"""A mean is marked where something that was planned or asked for has no number."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from t2t_xfer.report.compare import compare
from t2t_xfer.report.given import Report
from t2t_xfer.report.grid import Planned
from t2t_xfer.report.numbers import study_numbers
from t2t_xfer.report.page import render_page
from t2t_xfer.report.sections import document
from t2t_xfer.report.text import render_latex, render_markdown

from .reported import observed
from .studydata import t2t
from .test_compare import cells, render_comparison
from .test_report import line_of, make_rows


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


def test_a_comparison_says_over_how_many_languages_a_mean_is() -> None:
    second = [each for each in cells() if (each.intermediate, each.language) != ("qqp", "sw")]
    second += [observed(replace(each, language="tr")) for each in second[:1]]
    first = [*cells(), *(observed(replace(each, language="ar")) for each in cells()[:1])]
    found = compare(("a", first), ("b", second), replicates=200)
    means = {line.intermediate: line.languages for line in found.lines if line.language is None}
    assert means == {"none": (2, 4)}
    page = render_comparison(found)
    assert "2 of 4 †" in page
    assert "† Not every language of the two runs is in the mean" in page
    assert "all 2" in render_comparison(compare(("a", cells()), ("b", cells())))


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
