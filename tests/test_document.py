"""What a document is made of, and what escapes it in every form."""

from __future__ import annotations

from dataclasses import replace

from t2t_xfer.report.document import bounds, change_cell, percent, scale_of, shade, signed
from t2t_xfer.report.intervals import Interval
from t2t_xfer.report.page import below, signs
from t2t_xfer.report.text import escaped, unmarked

from .reported import page
from .test_report import ROW


def test_words_for_numbers() -> None:
    values = (-0.03, 0.04, -0.0, 1.25, -0.06, None)
    # What rounds to 0 has no sign: -0.03 is no gain of "+0.0", and no loss of "-0.0".
    assert [signed(value) for value in values] == ["0.0", "0.0", "0.0", "+1.2", "-0.1", "–"]
    assert [signed(value, 2) for value in (-0.03, -0.003)] == ["-0.03", "0.00"]
    assert [percent(value) for value in (0.0, 0.0001, 0.5)] == ["0.0 %", "< 0.1 %", "50.0 %"]


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


def test_names_are_no_markup() -> None:
    row = replace(ROW, model="<script>|*x*", signature="a|b`c")
    shown = page([row], ["<img src=x>"], "a\n# b")
    assert "<script>" not in shown
    assert "<img" not in shown
    assert "&lt;script>\\|\\*x\\*" in shown
    assert shown.startswith("# Study a # b\n")
    assert "a\\|b\\`c" in shown
    assert unmarked("paws_x __init__") == "paws_x \\__init_\\_"


def test_names_are_escaped_for_latex() -> None:
    assert escaped("a_b & 50%\n{x}~^\\$#<|>") == (
        "a\\_b \\& 50\\% \\{x\\}\\textasciitilde{}\\textasciicircum{}\\textbackslash{}\\$\\#"
        "\\textless{}\\textbar{}\\textgreater{}"
    )
