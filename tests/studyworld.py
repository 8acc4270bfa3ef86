"""A finished study that several test files look at, and copies of it that they may change."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.context import Context
from t2t_xfer.study.plan import plan_study
from t2t_xfer.study.plan_file import Plan
from t2t_xfer.study.run import would_run
from t2t_xfer.study.store import Store

from .studydata import Outcome, t2t


class World(NamedTuple):
    """A finished study: its file, its data, its results."""

    study: Path
    hub: Path
    out: Path
    outcome: Outcome

    def run(self, study: Path | None = None) -> Outcome:
        return t2t("study", "run", study or self.study, *self.places)

    @property
    def places(self) -> tuple[object, ...]:
        return ("--data", f"mirror:{self.hub}", "--output", self.out)

    @property
    def cells(self) -> Path:
        return self.out / "small" / "cells.csv"

    def plan(self, study: Path | None = None) -> Plan:
        catalogue = Catalogue()
        return plan_study(
            catalogue.study(study or self.study), Context(catalogue, f"mirror:{self.hub}")
        )

    def open_stages(self, study: Path | None = None) -> Counter[str]:
        """How many stages of each kind a run would do."""
        plan = self.plan(study)
        return Counter(stage.kind for stage in would_run(plan, Store(self.out / "store")))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading a checkpoint fails the test."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("t2t_xfer.architectures.loading.load", refuse)
