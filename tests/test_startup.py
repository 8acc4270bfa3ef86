"""How many files are opened to list or load tasks, where there are hundreds of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from t2t_xfer.engines.response_cache import cache_directory
from t2t_xfer.errors import SpecError
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.summaries import summaries

from .test_specs_load import TASK

MANY = 500
COUNTER = """
import json, sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
from t2t_xfer.cli import main
try:
    main(sys.argv[1:])
finally:
    print(json.dumps([name for name in opened if name.endswith(".yaml")]), file=sys.stderr)
"""


def opened(*arguments: str, cwd: Path) -> list[str]:
    """The YAML files that a command opens, by name."""
    done = subprocess.run(
        [sys.executable, "-c", COUNTER, *arguments],
        cwd=cwd,
        env={**os.environ, "T2T_CACHE": str(cwd / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Path(name).name for name in json.loads(done.stderr.splitlines()[-1])]


@pytest.fixture
def many(tmp_path: Path) -> Path:
    (tmp_path / "tasks").mkdir()
    for number in range(MANY):
        (tmp_path / "tasks" / f"own_{number:03}.yaml").write_text(TASK)
    return tmp_path


def test_files_that_were_read_are_not_read_again(many: Path) -> None:
    assert len({*opened("tasks", "ls", cwd=many)}) > MANY  # and those that ship
    assert opened("tasks", "ls", "--json", cwd=many) == []
    (many / "tasks" / "own_007.yaml").write_text(TASK + "note: changed\n")
    assert opened("tasks", "ls", cwd=many) == ["own_007.yaml"]
    assert opened("tasks", "show", "own_123", cwd=many) == ["own_123.yaml"]
    assert opened("tasks", "show", "xnli", cwd=many) == ["xnli.yaml", "nli.yaml"]


def test_the_index_says_what_the_files_say(tmp_path: Path) -> None:
    index = tmp_path / "index.json"
    first = summaries(Catalogue(), index)
    assert summaries(Catalogue(), index) == first
    index.write_text("[broken")
    assert summaries(Catalogue(), index) == first


def test_a_mistake_is_found_again_and_so_is_a_task_that_went(tmp_path: Path) -> None:
    folder, index = tmp_path / "tasks", tmp_path / "index.json"
    folder.mkdir()
    (folder / "base.yaml").write_text(TASK)
    (folder / "child.yaml").write_text(TASK + "train_task: base\n")
    assert [each.task for each in summaries(Catalogue([tmp_path]), index)] == ["base", "child"]
    (folder / "base.yaml").unlink()
    with pytest.raises(SpecError, match=r"child\.yaml:.*train_task: found \"base\""):
        summaries(Catalogue([tmp_path]), index)
    (folder / "child.yaml").write_text("answer: lable\n")
    for _ in range(2):
        with pytest.raises(SpecError, match="Did you mean 'label'"):
            summaries(Catalogue([tmp_path]), index)


def test_a_task_written_later_is_found(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    catalogue = Catalogue([tmp_path])
    assert catalogue.task_names() == []
    (tmp_path / "tasks" / "late.yaml").write_text(TASK)
    assert catalogue.task("late").answer == "label"


def test_the_index_lies_with_the_caches() -> None:
    assert cache_directory() == Path(os.environ["T2T_CACHE"])
