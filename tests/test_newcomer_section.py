"""A newcomer adds a section to the report as docs/add_a_section.md says, and every form has it.

`report.md`, the terminal and `report.html` once had code of their own for each section.
"""

from __future__ import annotations

from pathlib import Path
from unittest import mock

from t2t_xfer.report import sections
from t2t_xfer.report.written import write_results
from t2t_xfer.study.results import Results

from .conftest import REPOSITORY
from .pages import run_page
from .studyworld import World
from .test_report import line_of

PAGE = REPOSITORY / "docs" / "add_a_section.md"


def test_a_section_added_as_the_page_says_is_in_every_form(finished: World, tmp_path: Path) -> None:
    results = Results.read(finished.out / "small")
    with mock.patch.object(sections, "SECTIONS", sections.SECTIONS):
        run_page(PAGE, tmp_path)  # its function and its line of registration, no more
        written = write_results(tmp_path, results, replicates=200)
    markdown = written.report.read_text(encoding="utf-8")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    latex = (tmp_path / "main_table.tex").read_text(encoding="utf-8")
    for text in (markdown, written.summary):
        assert "## Do the models agree?" in text
        agreed = text.split("**Models that rose**")[1]
        _, target, rose, of = line_of(agreed, "mnli", "udpos")
        assert int(rose) <= int(of) == len({each.model for each in results.finished})
    assert '<a href="#agreement">Do the models agree?</a>' in page
    assert '<table id="agreement-table"' in page
    assert f" & {target} & {rose} & {of} \\\\" in latex
    assert "% Zero-shot scores; a rise is one of the mean" in latex
