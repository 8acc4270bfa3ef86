"""The microworld written out as a mirror, and its raw text."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from t2t_xfer import microworld
from t2t_xfer.cli import cli
from t2t_xfer.data.examples import missing_languages
from t2t_xfer.data.sources import SplitRef, open_source
from t2t_xfer.errors import UserError
from t2t_xfer.microworld import LANGUAGES, hub
from t2t_xfer.records import SPLITS
from t2t_xfer.specs.catalogue import Catalogue, shipped_root
from t2t_xfer.stages.context import Context

from .studydata import t2t, write_study


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


SMALL = {"train": 30, "validation": 12, "test": 12}


@pytest.fixture
def small_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A world with few rows, and its export without a limit, which would choose other rows."""
    for split, number in SMALL.items():
        monkeypatch.setitem(hub.NUM_ROWS, split, number)  # type: ignore[misc]
    monkeypatch.setattr(hub, "NUM_MINED", 60)
    CliRunner().invoke(cli, ["microworld", "export", str(tmp_path / "hub")], catch_exceptions=False)
    return tmp_path / "hub"


def test_every_task_reads_the_same_from_the_export(small_world: Path) -> None:
    catalogue = Catalogue([shipped_root()])
    made, mirrored = (Context(catalogue, data) for data in ("microworld", f"mirror:{small_world}"))
    read = set()
    for name in catalogue.task_names():
        spec = made.task(name).spec
        for split in SPLITS:
            # Only the source language trains and tunes; a threshold of mining is tuned in each.
            tested = split == "test" or (split == "validation" and spec.mining is not None)
            trained = spec.train_languages or (spec.source_language,)
            own = trained if split == "train" else (spec.source_language,)
            codes = [*spec.languages] if tested else [*own]
            absent = [missing_languages(spec, c.source, codes, split) for c in (made, mirrored)]
            assert absent[0] == absent[1]
            for language in set(codes) - {*absent[0]}:
                ours, theirs = (c.prompted(name, language, split, 8) for c in (made, mirrored))
                assert ours == theirs, (name, language, split)
                read |= {name} if ours[0] else set()
    assert read == set(catalogue.task_names())


def test_a_study_on_the_export_has_the_same_cells(small_world: Path, tmp_path: Path) -> None:
    study = write_study(
        tmp_path,
        models=[{"name": "micro-encoder", "path": "micro:encoder"}],
        targets=["xnli", "tatoeba"],
        languages={"xnli": ["en", "sw"], "tatoeba": ["sw"]},
        intermediates=["none"],
    )
    for number, data in enumerate(("microworld", f"mirror:{small_world}")):
        out = tmp_path / f"out{number}"
        outcome = t2t("study", "run", study, "--data", data, "--output", out)
        assert outcome.code == 0, outcome.err
    cells = [(tmp_path / f"out{number}" / "small" / "cells.csv").read_bytes() for number in (0, 1)]
    assert cells[0] == cells[1]
    assert len(cells[0].splitlines()) == 1 + 2 + 2
    pages = [(tmp_path / f"out{number}" / "small" / "report.md").read_text() for number in (0, 1)]
    assert ["typological distance" in page for page in pages] == [False, False]
