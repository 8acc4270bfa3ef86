"""Inverted labels that a model really learns raise the alarm, in the report and in the check."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .studydata import Outcome, one_thread, t2t, write_rows

CUES = {"good": ("great", "superb", "lovely"), "bad": ("awful", "ugly", "nasty")}
NOISE = ("the", "a", "my", "room", "house", "dog", "was", "very", "with", "near", "garden")


def moods(count: int, seed: int, *, inverted: bool) -> list[dict[str, str]]:
    """A text with one word that says the mood."""
    rng = random.Random(seed)
    rows = []
    for i in range(count):
        mood, other = ("good", "bad") if i % 2 else ("bad", "good")
        words = rng.choices(NOISE, k=5)
        words.insert(rng.randrange(6), rng.choice(CUES[mood]))
        rows.append({"text": " ".join(words), "label": other if inverted else mood})
    return rows


class Place(NamedTuple):
    folder: Path
    out: Path

    def check(self, *arguments: object) -> Outcome:
        return t2t("tasks", "check", "moods", "--data", "microworld", *arguments)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Two studies of a small new encoder: `wrong` trains on inverted labels, `right` does not."""
    one_thread()
    place = tmp_path_factory.mktemp("inverted")
    task: dict[str, Any] = {
        "answer": "label",
        "languages": ["en"],
        "label_field": "label",
        "labels": {"good": {"word": "good"}, "bad": {"word": "bad"}},
        "prompt": {"input": "text: {{ text }}\nmood:"},
        "metric": "accuracy",
    }
    (place / "tasks").mkdir()
    for name, train in (("moods", "inverted.jsonl"), ("right_moods", "train.jsonl")):
        data = {"files": {"train": train, "test": "test.jsonl"}}
        (place / "tasks" / f"{name}.yaml").write_text(
            json.dumps({"task": name, **task, "data": data})
        )
    write_rows(place / "inverted.jsonl", moods(400, 1, inverted=True))
    write_rows(place / "train.jsonl", moods(400, 1, inverted=False))
    write_rows(place / "test.jsonl", moods(100, 2, inverted=False))
    new = {"architecture": "encoder", "languages": ["en"], "vocabulary": 500, "text_lines": 200}
    study = {
        "study": "both",
        "models": [{"name": "tiny", "new": {**new, "hidden": 64, "layers": 2, "heads": 2}}],
        "intermediates": ["none"],
        "targets": ["moods", "right_moods"],
        "training": {
            "epochs": 25,
            "examples_per_step": 16,
            "learning_rate": 1.5e-3,
            "max_input_tokens": 64,
        },
    }
    (place / "both.yaml").write_text(json.dumps(study))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        done = t2t("study", "run", "both.yaml", "--data", "microworld", "--output", "out")
        assert done.code == 0, done.err
        yield Place(place, place / "out")


def scores(place: Place) -> dict[str, float]:
    lines = (place.out / "both" / "cells.csv").read_text().splitlines()
    head = lines[0].split(",")
    rows = [dict(zip(head, line.split(","), strict=True)) for line in lines[1:]]
    return {row["target"]: float(row["score"]) for row in rows}


@pytest.mark.slow
def test_the_inverted_labels_were_learnt(learnt: Place) -> None:
    found = scores(learnt)
    assert found["moods"] <= 20
    assert found["right_moods"] >= 80


@pytest.mark.slow
def test_the_report_says_so_of_this_cell_alone(learnt: Place) -> None:
    page = (learnt.out / "both" / "report.md").read_text()
    assert page.count("Below chance:") == 1
    assert "Below chance: tiny, none, moods in en" in page.replace("\\", "")


@pytest.mark.slow
@pytest.mark.parametrize("run", ["both", "", "store"])
def test_the_check_of_a_run_says_so(learnt: Place, run: str) -> None:
    """A study's directory, an output directory, a store."""
    done = learnt.check("--results", learnt.out / run, "--json")
    (task,) = json.loads(done.out)["tasks"]
    low, other = task["alarms"]
    assert "en/test" in low
    assert "clearly below chance (50.0): labels may be inverted" in low
    assert "the answers fit if good is bad, bad is good" in other
    assert done.code == 0
    assert learnt.check("--results", learnt.out / run, "--strict").code == 1


@pytest.mark.slow
def test_right_labels_raise_no_alarm(learnt: Place) -> None:
    done = t2t(
        *("tasks", "check", "right_moods", "--data", "microworld"),
        *("--results", learnt.out / "both", "--json"),
    )
    (task,) = json.loads(done.out)["tasks"]
    assert task["alarms"] == []


@pytest.mark.slow
def test_a_run_without_the_task_is_the_users_mistake(learnt: Place) -> None:
    done = t2t(
        *("tasks", "check", "paws_x", "--data", "microworld", "--results", learnt.out / "both")
    )
    assert done.code == 2
    assert "holds no model's score of paws_x" in done.err
