"""Fixtures that several test files share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import hypothesis
import pytest

from .studydata import make_mirror, one_thread, t2t, write_study
from .studyworld import World

# How long one example takes says nothing where other processes want the cores.
hypothesis.settings.register_profile("t2t", deadline=None)
hypothesis.settings.load_profile("t2t")

REPOSITORY = Path(__file__).resolve().parent.parent


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
    """Run once; tests that change anything take `copied`."""
    one_thread()
    folder = tmp_path_factory.mktemp("study")
    hub, study, out = make_mirror(folder), write_study(folder), folder / "out"
    arguments = ("study", "run", study, "--data", f"mirror:{hub}", "--output", out)
    return World(study, hub, out, t2t(*arguments))


@pytest.fixture
def copied(finished: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The finished study elsewhere, with a working directory of its own."""
    shutil.copytree(finished.out, tmp_path / "out")
    shutil.copytree(finished.hub.parent, tmp_path / "data", ignore=shutil.ignore_patterns("out"))
    monkeypatch.chdir(tmp_path)
    study = Path(shutil.copy(finished.study, tmp_path))
    return finished._replace(study=study, hub=tmp_path / "data" / "hub", out=tmp_path / "out")
