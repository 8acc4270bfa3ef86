"""Zero-shot transfer through the whole program: no row of another language trains or tunes.

The mirror holds garbage as train and validation data of every language but English; a study runs
on it as if it were not there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .studydata import (
    UDPOS_NAMES,
    make_mirror,
    make_poisoned_mirror,
    new_model,
    one_thread,
    t2t,
    write_study,
)

OPENED: list[str] = []
WATCHING = False


def remember(event: str, arguments: tuple[Any, ...]) -> None:
    if WATCHING and event == "open":
        OPENED.append(str(arguments[0]))


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Every file that this process opens during the test."""
    global WATCHING  # noqa: PLW0603 - an audit hook stays for the life of the process
    if not WATCHING:
        sys.addaudithook(remember)
    OPENED.clear()
    WATCHING = True
    yield OPENED
    WATCHING = False


def study(folder: Path, hub: Path) -> tuple[int, str]:
    """Exit code and cells."""
    file = write_study(
        folder,
        models=[new_model("encoder")],
        intermediates=["mnli"],
        targets=["xnli", "paws_x", "udpos"],
        languages={"xnli": ["en", "ar"], "paws_x": ["en", "es"], "udpos": ["en", "de"]},
    )
    out = folder / "out"
    done = t2t("study", "run", file, "--data", f"mirror:{hub}", "--output", out)
    assert "0 failed" in done.out, done.err
    return done.code, (out / "small" / "cells.csv").read_text()


def test_poisoned_rows_of_other_languages_are_never_opened(
    tmp_path: Path, opened: list[str]
) -> None:
    one_thread()
    clean, poisoned = make_mirror(tmp_path / "clean"), make_poisoned_mirror(tmp_path / "poisoned")
    assert len(list(poisoned.rglob("*.jsonl"))) > len(list(clean.rglob("*.jsonl")))
    opened.clear()
    code, cells = study(tmp_path / "poisoned", poisoned)
    assert code == 0
    read = {Path(name) for name in opened if name.startswith(str(poisoned)) and "jsonl" in name}
    assert {path.name for path in read} == {"train.jsonl", "test.jsonl"}
    english = {"en", "mnli", f"udpos.{UDPOS_NAMES['en']}"}
    assert {path.parent.name for path in read if path.name != "test.jsonl"} <= english
    assert (0, cells) == study(tmp_path / "clean", clean)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_looking_at_training_rows_of_another_language_is_refused(
    split: str, tmp_path: Path
) -> None:
    hub = make_poisoned_mirror(tmp_path)
    place = ("--data", f"mirror:{hub}", "--language", "de", "--split", split)
    done = t2t("tasks", "preview", "udpos", *place)
    assert done.code == 2
    assert "zero-shot" in done.err


def test_labels_of_the_test_sets_do_not_reach_the_model(tmp_path: Path) -> None:
    """Other gold answers in the test sets change the scores and not one prediction."""
    one_thread()
    logs = []
    for turn in (0, 1):
        folder = tmp_path / str(turn)
        hub = make_mirror(folder)
        for test in hub.glob("facebook/xnli/*/test.jsonl"):
            text = test.read_text(encoding="utf-8")
            test.write_text(text.replace('"label": 2', f'"label": {2 - turn}'), encoding="utf-8")
        file = write_study(
            folder,
            models=[new_model("causal")],
            intermediates=["none"],
            targets=["xnli"],
            languages=["en", "ar"],
        )
        out = folder / "out"
        assert t2t("study", "run", file, "--data", f"mirror:{hub}", "--output", out).code == 0
        found = sorted(out.glob("store/predict/tiny*/predictions.jsonl"))
        logs.append([scores(path) for path in found])
    assert len(logs[0]) == 2
    assert logs[0] == logs[1]


def scores(path: Path) -> list[str]:
    return [line.split('"scores": ')[1] for line in path.read_text().splitlines()]
