"""What the README says, runs: its `bash` blocks as they stand, section by section.

A section's blocks share one fresh directory. `sh` blocks need a network, a large model or real
data; of these, every command must at least be one that the program knows.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from t2t_xfer.cli import cli
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.load import load_yaml
from t2t_xfer.specs.study import StudySpec

from .conftest import REPOSITORY
from .readme import README, Block, blocks, with_help
from .studydata import t2t

TEXT = README.read_text(encoding="utf-8")
BLOCKS = blocks(TEXT)
START = "Start"
"""Its two commands are `make` targets: one runs these tests, the other has a file of its own."""
SLOW_SECTIONS = {"Train and evaluate one model"}
RUN = [
    pytest.param(name, marks=pytest.mark.slow if name in SLOW_SECTIONS else (), id=name)
    for name in dict.fromkeys(block.section for block in BLOCKS if block.kind == "bash")
    if name != START
]


def shell(script: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HF_HUB_OFFLINE": "1"}
    environment.pop("T2T_DATA", None)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def program_commands(block: Block) -> list[list[str]]:
    """Arguments of every `t2t-xfer` line of a block."""
    lines = block.text.replace("\\\n", " ").splitlines()
    words = (shlex.split(line, comments=True) for line in lines)
    return [each[1:] for each in words if each and each[0] == "t2t-xfer"]


def test_help_texts_are_in_step() -> None:
    assert with_help(TEXT) == TEXT, "`make readme` writes them again"


@pytest.mark.parametrize("section", RUN)
def test_commands_run_as_they_stand(section: str, tmp_path: Path) -> None:
    script = "\n".join(b.text for b in BLOCKS if b.section == section and b.kind == "bash")
    done = shell(script, tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_example_task_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tasks check` said that its training rows are absent: they were its English test rows."""
    monkeypatch.chdir(tmp_path)
    (block,) = [b for b in BLOCKS if "cat > tasks/reviews.yaml" in b.text]
    assert shell(block.text, tmp_path).returncode == 0
    done = t2t("tasks", "check", "reviews", "--strict", "--data", "microworld")
    assert done.code == 0, done.out
    assert "absent" not in done.out


def test_the_two_commands_come_first() -> None:
    first = BLOCKS[0]
    assert (first.section, first.kind) == (START, "bash")
    assert re.findall(r"^make (\S+)", first.text, re.MULTILINE) == ["quickstart", "test"]
    for target, runs in (("quickstart", "t2t-xfer quickstart"), ("test", "-m pytest")):
        assert runs in shell(f"make --dry-run {target}", REPOSITORY).stdout


@pytest.mark.parametrize(
    "arguments",
    [each for block in BLOCKS if block.kind == "sh" for each in program_commands(block)],
    ids=" ".join,
)
def test_commands_that_do_not_run_here_are_known(arguments: list[str]) -> None:
    context = click.Context(cli, info_name="t2t-xfer")
    command: click.Command = cli
    rest = arguments
    while isinstance(command, click.Group):
        name, subcommand, rest = command.resolve_command(context, rest)
        assert subcommand is not None
        command = subcommand
        context = command.make_context(name, list(rest), parent=context)


def test_the_study_is_a_valid_one(tmp_path: Path) -> None:
    (text,) = (block.text for block in BLOCKS if block.kind == "yaml")
    file = tmp_path / "architecture.yaml"
    file.write_text(text, encoding="utf-8")
    study = load_yaml(file, StudySpec, tasks=Catalogue().task_names())
    assert len(study.models) == 3


def test_every_shown_file_and_make_target_exists() -> None:
    for name in re.findall(r"\]\((?!http)([^)#]+)\)", TEXT):
        assert (REPOSITORY / name).exists(), name
    targets = re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    for target in re.findall(r"`make ([a-z-]+)", TEXT):
        assert target in targets
