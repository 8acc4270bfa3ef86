"""Fixtures that several test files share."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import filelock
import hypothesis
import pytest

from .studydata import Outcome, make_mirror, one_thread, t2t, write_study
from .studyworld import World

# How long one example takes says nothing where other processes want the cores.
hypothesis.settings.register_profile("t2t", deadline=None)
hypothesis.settings.load_profile("t2t")

REPOSITORY = Path(__file__).resolve().parent.parent


LONGEST = (
    *("quickstart_run", "learning_matrix", "families", "families_with_encoders"),
    *("benchmarks", "snakemake", "kills", "devices", "study", "shipped_studies"),
    *("adapter_learning", "every_task", "memory", "quickstart", "guards"),
    *("check_real", "negative_control", "resume", "translate_train"),
    *("cotraining", "zero_shot", "ccg_codes", "unanswerable", "check_results", "selection"),
)
"""Files whose tests take longest, first: else one process would be left with them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in the order of their time, where several processes share them (the Makefile)."""
    places = {f"test_{name}": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(scope="session", autouse=True)
def files_of_tests_are_trusted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests name data and models all over their folders; `test_security` takes this back."""
    folders = (tmp_path_factory.getbasetemp().parent, REPOSITORY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("T2T_ALLOW_OUTSIDE", os.pathsep.join(map(str, folders)))
        yield


@pytest.fixture(scope="session")
def shared_hub() -> Path:
    """Real data in the hub's layout: `T2T_TEST_MIRROR`, or `../shared/data/hub` beside the repo."""
    named = os.environ.get("T2T_TEST_MIRROR")
    folder = Path(named) if named else REPOSITORY / ".." / "shared" / "data" / "hub"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set T2T_TEST_MIRROR to a mirror of the hub")
    return folder.resolve()


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Run once for all processes of the tests; tests that change anything take `copied`."""
    one_thread()
    base = tmp_path_factory.getbasetemp()
    shared = "PYTEST_XDIST_WORKER" in os.environ
    folder = (base.parent if shared else base) / "finished-study"
    hub, study, out = folder / "hub", folder / "small.yaml", folder / "out"
    with filelock.FileLock(f"{folder}.lock"):
        if not (folder / "outcome.json").exists():
            make_mirror(folder)
            write_study(folder)
            arguments = ("study", "run", study, "--data", f"mirror:{hub}", "--output", out)
            outcome = t2t(*arguments)
            (folder / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")
        told = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
    return World(study, hub, out, Outcome(*told))


@pytest.fixture
def copied(finished: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The finished study elsewhere, with a working directory of its own."""
    shutil.copytree(finished.out, tmp_path / "out")
    shutil.copytree(finished.hub.parent, tmp_path / "data", ignore=shutil.ignore_patterns("out"))
    monkeypatch.chdir(tmp_path)
    study = Path(shutil.copy(finished.study, tmp_path))
    return finished._replace(study=study, hub=tmp_path / "data" / "hub", out=tmp_path / "out")
