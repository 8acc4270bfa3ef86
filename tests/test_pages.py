"""The pages on adding things and on moving here run as they stand (`pages.py`)."""

from __future__ import annotations

import re
from pathlib import Path
from unittest import mock

import jsonschema
import pytest

from t2t_xfer import metrics
from t2t_xfer.report import sections
from t2t_xfer.specs.schema import schema
from t2t_xfer.specs.yaml import parse_nodes

from .conftest import REPOSITORY
from .pages import run_page, steps

DOCS = REPOSITORY / "docs"
HELP = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PAGES = {
    "add_a_task": 4,
    "add_a_prompt": 3,
    "add_a_metric": 2,
    "add_a_section": 0,
    "coming_from": 4,
    "offline": 4,
    "lora_on_one_gpu": 3,
}
"""How many commands each one runs at least, lest a page be read as text alone."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("T2T_DATA", raising=False)
    return tmp_path


@pytest.mark.parametrize("name", PAGES)
def test_a_page_runs_as_it_stands(here: Path, name: str) -> None:
    with (
        mock.patch.dict(metrics.METRICS),
        mock.patch.object(sections, "SECTIONS", sections.SECTIONS),
    ):
        assert run_page(DOCS / f"{name}.md", here) >= PAGES[name]
    validator = jsonschema.Draft202012Validator(schema("task"))
    for path in (here / "tasks").glob("*.yaml"):
        if name != "add_a_metric":  # its metric is not in the package
            validator.validate(parse_nodes(path.read_text(encoding="utf-8"))[0].plain())


NEWCOMERS = ("add_an_answer", "add_an_architecture")
"""Run by the tests of their newcomers."""


@pytest.mark.parametrize("name", [*PAGES, *NEWCOMERS])
def test_what_a_page_names_is_there(name: str) -> None:
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert (DOCS / link).exists(), link
    package = REPOSITORY / "t2t_xfer"
    for file in re.findall(r"`([a-z0-9_/]+\.py)`", text):
        places = (REPOSITORY / file, package / file, package / "architectures" / file)
        assert any(place.exists() for place in places), file
    for line in re.findall(r"`(t2t-xfer [a-z]+)", text):
        assert f"$ {line} " in HELP, line


def test_a_page_that_lies_is_found(here: Path) -> None:
    page = here / "page.md"
    for text, words in (
        ("```bash\nt2t-xfer tasks lst\n```\n", "lst"),
        ("```bash\nt2t-xfer tasks ls\n```\n```text\nno such line\n```\n", "was not printed"),
        ("```bash\nrm -r x\n```\n", "nothing but the program"),
    ):
        page.write_text(text)
        with pytest.raises(AssertionError, match=words):
            run_page(page, here)


def test_files_of_a_script_are_written(here: Path) -> None:
    script = "mkdir -p a/b\ncat > a/b/c.txt <<'END'\nx: {y}\nEND\nt2t-xfer tasks ls\n"
    assert list(steps(script, here)) == [["tasks", "ls"]]
    assert (here / "a" / "b" / "c.txt").read_text() == "x: {y}\n"
