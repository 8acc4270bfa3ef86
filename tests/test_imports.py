"""What answers at once imports nothing heavy: help, lists and plans never wait for torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "transformers", "datasets", "accelerate", "pandas", "pyarrow"}
NOT_FOR_HELP = HEAVY | {"numpy", "pydantic", "ruamel", "jinja2", "rapidfuzz", "tabulate"}
NOT_FOR_HELP |= {"matplotlib", "scipy", "statsmodels", "markupsafe"}
"""`--help` needs click alone: no spec is read, no table drawn."""

RUNNER = """
import sys
from t2t_xfer.cli import main
try:
    main(sys.argv[1:])
finally:
    print("imported:", *{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


def imported(arguments: list[str], cwd: Path) -> set[str]:
    """Top-level packages that the program has imported when it ends."""
    last = run("-c", RUNNER, *arguments, cwd=cwd).stderr.splitlines()[-1]
    return set(last.removeprefix("imported: ").split())


@pytest.mark.parametrize(
    "arguments",
    [
        *("--help", "study run --help", "evaluate --help", "quickstart --help", "--version"),
        *("score --help", "submission --help", "tasks new --help", "schema --help"),
    ],
)
def test_help_imports_click_alone(arguments: str, tmp_path: Path) -> None:
    found = imported(arguments.split(), tmp_path)
    assert "click" in found
    assert not found & NOT_FOR_HELP


@pytest.mark.parametrize(
    "arguments",
    [
        "tasks ls",
        "tasks show xnli --json",
        "tasks preview xnli --data microworld",
        "tasks check xnli --data microworld --limit 50",
        "tasks new pairs --from google/xtreme/tatoeba.{iso3} --data microworld",
        "schema task",
        "study plan quickstart --data microworld",
    ],
)
def test_looking_and_planning_import_nothing_heavy(arguments: str, tmp_path: Path) -> None:
    found = imported(arguments.split(), tmp_path)
    assert "pydantic" in found
    assert not found & HEAVY


def test_the_package_gives_its_three_calls_without_torch(tmp_path: Path) -> None:
    script = (
        "import sys, t2t_xfer; first = set(sys.modules)\n"
        "task = t2t_xfer.load_task('xnli', data='microworld')\n"
        "assert callable(t2t_xfer.evaluate) and task.languages and task.examples('de', limit=1)\n"
        "print('t2t_xfer.api' in first, *{name.partition('.')[0] for name in sys.modules})"
    )
    at_first, *found = run("-c", script, cwd=tmp_path).stdout.split()
    assert at_first == "False"
    assert not set(found) & HEAVY


def test_python_m_is_the_same_program(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("t2t-xfer")
    for arguments in (["--help"], ["tasks", "ls"]):
        by_module = run("-m", "t2t_xfer", *arguments, cwd=tmp_path).stdout
        assert by_module == run(str(script), *arguments, cwd=tmp_path).stdout
        assert by_module
