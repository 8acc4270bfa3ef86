"""`report.html`: what it says, and that nothing in it runs that is not ours."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from t2t_xfer.languages import letters_outside
from t2t_xfer.report.browser import as_script
from t2t_xfer.report.document import bounds, change_cell, scale_of, shade
from t2t_xfer.report.given import Report
from t2t_xfer.report.intervals import Interval
from t2t_xfer.report.page import below, render_page, signs
from t2t_xfer.report.sections import document

from .pagestudy import ATTACK, full_page, observed, page_of

MINUS = "\N{MINUS SIGN}"


def shown(report: Report) -> str:
    return render_page(replace(document(report), examples="examples.html"))


@pytest.fixture(scope="module")
def full() -> str:
    return shown(full_page())


def test_the_page_opens_with_the_answer_and_its_intervals(full: str) -> None:
    opening = full[full.index('id="answer"') : full.index("<nav")]
    assert "changed by these points" in opening
    # squad loses on both targets, mnli gains on paws_x alone (same data before xnli): below 0
    found = re.search(
        r"enc \(encoder\): (\S+) \((\S+) to (\S+)\), a loss beyond the choice of\b", opening
    )
    assert found is not None
    assert all(value.startswith(MINUS) for value in found.groups())
    assert "mnli before paws_x" in opening
    assert "mnli before xnli" not in opening
    assert "One model per architecture answers for these models only" in opening


def test_every_section_of_a_finished_study_is_there(full: str) -> None:
    titles = re.findall(r"<h2>([^<]+)</h2>", full)
    assert titles == [
        *("Read this first", "Contents", "Claims", "Scores and changes"),
        *("Does it depend on the architecture?", "Every language", "Transfer gap"),
        *("Zero-shot score over typological distance", "Unreadable, drifting and shortened"),
        *("Missing", "What the intervals mean", "Cost", "What was run"),
    ]
    assert "40.0 %" in full  # drift
    assert "accuracy|v:1" in full
    assert "1.07 GB" in full
    assert "not tested here" in full
    assert "+3.0\xa0to\xa0+5.0" in full


def test_the_page_is_one_file_without_a_request(full: str) -> None:
    assert not re.search(r"""(src|href)=["'](?!#|examples\.html)""", full)
    assert "url(" not in full.replace("url(#", "")
    assert full.count("<svg") == 2
    assert full.count('role="img" aria-label="') == 2
    assert "clip-path" not in full or "url(#forest-" in full


def test_the_same_study_is_the_same_page(full: str) -> None:
    assert shown(full_page()) == full


def test_text_of_data_and_models_is_no_markup(full: str) -> None:
    assert ATTACK not in full
    assert "&lt;/script&gt;&lt;script&gt;" in full
    assert "<b>dec</b>" not in full
    assert full.count("<script>") == 1
    assert "<" not in as_script({"text": ATTACK + "<!--"}).replace("\\u003c", "")


def test_an_unfinished_study_claims_nothing() -> None:
    empty = shown(page_of([], unfinished={"train/x": "failed: no disk"}))
    assert "nothing to report yet" in empty
    assert "failed: no disk" in empty
    alone = [each for each in observed(models=1) if each.intermediate == "none"]
    page = shown(page_of(alone))
    assert "cannot say whether intermediate training helps" in page
    assert "beyond the" not in page


@pytest.mark.parametrize("languages", [("en",), ("de",), ("en", "de")])
def test_few_languages_give_a_page(languages: tuple[str, ...]) -> None:
    page = shown(page_of(observed(models=1, languages=languages)))
    assert ("changed by these points" in page) == ("de" in languages)
    assert "says nothing about differences between architectures" in page
    assert "Differences between models" not in page


def test_a_missing_cell_is_marked_and_listed() -> None:
    cells = observed(models=1)
    page = shown(page_of([c for c in cells if (c.intermediate, c.language) != ("squad", "ar")]))
    assert "Cells without a number" in page
    assert "†" in page
    assert re.search(r"<th scope=row>enc</th>\s*<td>squad</td>\s*<td>xnli</td>\s*<td>ar</td>", page)


def test_a_cell_tells_sign_and_interval_in_text() -> None:
    cell = change_cell(Interval(-3.0, -4.0, -0.06), scale=6.0, significant=True)
    assert cell.text == "-3.0*"
    assert (signs(cell.text), below(cell)) == ("−3.0*", "−4.0\xa0to\xa0−0.1")
    assert signs("micro-5 scored -5 (-1.0 to 2) at-3") == "micro-5 scored −5 (−1.0 to 2) at-3"
    assert cell.strong
    assert cell.shade == -30
    assert bounds(Interval(0, -1, 1)) == "-1.0 to +1.0"
    assert [shade(value, 2.0) for value in (0.04, 9.0, -9.0)] == [0, 60, -60]
    assert scale_of([None, 0.1]) == 1.0


def test_names_with_dollars_are_no_formulas() -> None:
    cells = observed(models=1, languages=("en", "de"))
    cells = [replace(each, model="$x_1$ <i>") for each in cells]
    page = shown(page_of(cells))
    assert "$x_1$ &lt;i&gt;" in page[page.index("<svg") : page.index("</svg>")]


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("Berlin, 1990!", "de", (6, 0)),
        ("Берлин ok", "ru", (8, 2)),
        ("東京タワーと Tokyo", "ja", (11, 5)),
        ("北京 is", "zh", (4, 2)),
        ("서울", "ko", (2, 0)),
        ("मुंबई x", "hi", (4, 1)),
        ("abc", "xx", (0, 0)),
    ],
)
def test_letters_outside_the_script(text: str, language: str, found: tuple[int, int]) -> None:
    assert letters_outside(text, language) == found
