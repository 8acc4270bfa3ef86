"""The microworld written out as a mirror, and its raw text."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from t2t_xfer import microworld
from t2t_xfer.cli import cli
from t2t_xfer.data.location import SplitRef
from t2t_xfer.data.source import open_source
from t2t_xfer.errors import UserError
from t2t_xfer.microworld import LANGUAGES


def export(directory: Path) -> None:
    arguments = ["microworld", "export", str(directory), "--limit", "12"]
    CliRunner().invoke(cli, arguments, catch_exceptions=False)


def test_a_mirror_of_the_export_has_the_same_rows(tmp_path: Path) -> None:
    export(tmp_path / "hub")
    mirror = open_source(f"mirror:{tmp_path / 'hub'}")
    num_splits = 0
    for hub_id in microworld.hub_ids():
        for config in microworld.configs(hub_id):
            for split in microworld.splits(hub_id, config):
                made = microworld.rows(hub_id, config, split, 12)
                assert list(mirror.rows(SplitRef(hub_id, config, split))) == made
                num_splits += 1
    assert num_splits > 100
    assert list(mirror.text("sw")) == (microworld.text("sw") or [])[:12]


def test_the_export_is_the_same_twice_and_overwrites_nothing(tmp_path: Path) -> None:
    for name in ("one", "two"):
        export(tmp_path / name)
    path = Path("facebook/xnli/ar/test.jsonl.gz")
    assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()
    with pytest.raises(UserError, match="not empty"):
        export(tmp_path / "one")


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_has_thousands_of_distinct_lines(language: str) -> None:
    lines = microworld.text(language) or []
    assert len(set(lines)) == len(lines) == 6000
    assert all(line.strip() for line in lines)
