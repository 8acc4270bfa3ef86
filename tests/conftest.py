"""Fixtures that several test files share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_hub() -> Path:
    """Real data in the hub's layout: `T2T_TEST_MIRROR`, or `../shared/data/hub` beside the repo."""
    named = os.environ.get("T2T_TEST_MIRROR")
    folder = Path(named) if named else REPOSITORY / ".." / "shared" / "data" / "hub"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set T2T_TEST_MIRROR to a mirror of the hub")
    return folder.resolve()
