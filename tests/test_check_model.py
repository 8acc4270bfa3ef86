"""`tasks check --model`: what a tokenizer does to the answers, without any weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.architectures.micro import save_new_model
from t2t_xfer.records import ArchitectureName

from .studydata import ARCHITECTURES, t2t, write_rows

TEXTS = ["the old dog sees the red house", "yes indeed", "yes", "no", "perhaps not"] * 20


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    sizes = {"vocabulary": 500, "hidden": 16, "layers": 1, "heads": 2, "seed": 0}
    names: tuple[ArchitectureName, ...] = ARCHITECTURES  # type: ignore[assignment]
    for name in names:
        save_new_model(folder / name, name, TEXTS, **sizes)
        for weights in (folder / name).glob("*.safetensors"):
            weights.write_bytes(b"\x02\0\0\0\0\0\0\0{}")  # no tensors: they are never read
    return {name: folder / name for name in names}


def put(words: tuple[str, str], **changes: Any) -> None:
    """A task with these label words in the working directory."""
    task = {
        "task": "moods",
        "answer": "label",
        "data": {"files": {"test": "test.jsonl"}},
        "languages": ["en"],
        "label_field": "label",
        "labels": {name: {"word": word} for name, word in zip("ab", words, strict=True)},
        "prompt": {"input": "{{ text }} :"},
        "metric": "accuracy",
        **changes,
    }
    Path("tasks").mkdir(exist_ok=True)
    Path("tasks/moods.yaml").write_text(json.dumps(task), encoding="utf-8")
    write_rows(Path("test.jsonl"), [{"text": "the old dog", "label": "a"}])


def found(model: Path, code: int) -> dict[str, Any]:
    done = t2t("tasks", "check", "moods", "--data", "microworld", "--model", model, "--json")
    assert done.code == code, done.err
    (task,) = json.loads(done.out)["tasks"]
    return dict(task)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("architecture", "readout"), [("encoder", "slots"), ("seq2seq", "rank"), ("causal", "rank")]
)
def test_words_that_begin_differently(
    architecture: str, readout: str, checkpoints: Mapping[str, Path]
) -> None:
    put(("yes", "no"))
    model = found(checkpoints[architecture], 0)["model"]
    assert model["architecture"] == architecture
    assert model["readout"] == readout
    assert model["first_tokens_distinct"] is True
    assert set(model["words"]) == {"yes", "no"}
    assert model["problems"] == []


@pytest.mark.parametrize(
    ("architecture", "said"),
    [("encoder", "masks for all"), ("seq2seq", "rank scoring will be used"), ("causal", "rank")],
)
def test_words_that_begin_alike_are_told(
    architecture: str, said: str, checkpoints: Mapping[str, Path]
) -> None:
    put(("yes", "yes indeed"))
    model = found(checkpoints[architecture], 0)["model"]
    assert model["first_tokens_distinct"] is False
    assert said in model["notes"][0]


def test_words_that_begin_alike_fail_where_the_task_asks_for_slots(
    checkpoints: Mapping[str, Path],
) -> None:
    put(("yes", "yes indeed"), readout={"causal": "slots"})
    task = found(checkpoints["causal"], 1)
    assert "`slots` cannot tell them apart" in task["problems"][0]


def test_inputs_are_measured_in_tokens(checkpoints: Mapping[str, Path]) -> None:
    put(("yes", "no"))
    test = found(checkpoints["causal"], 0)["languages"]["en"]["splits"]["test"]
    # "the old dog :" are four words, all of the tokenizer's own texts but the colon.
    assert 4 <= test["input_tokens"]["max"] <= len("the old dog :")


TAGS = {
    "task": "moods",
    "answer": "tags",
    "label_field": None,
    "labels": {},
    "words_field": "words",
    "tags_field": "tags",
    "prompt": {"input": "{{ words }}"},
    "metric": "span_f1",
}


def put_tags(num_tags: int, num_words: int = 2) -> None:
    put(("", ""), **TAGS, tags=[f"T{i}" for i in range(num_tags)])
    task = json.loads(Path("tasks/moods.yaml").read_text())
    del task["label_field"], task["labels"]
    Path("tasks/moods.yaml").write_text(json.dumps(task))
    write_rows(Path("test.jsonl"), [{"words": ["dog"] * num_words, "tags": ["T0"] * num_words}])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_codebook_large_enough(architecture: str, checkpoints: Mapping[str, Path]) -> None:
    put_tags(17)
    model = found(checkpoints[architecture], 0)["model"]
    assert model["notes"][0] == "the codebook has a token for each of the 17 tags."


def test_a_vocabulary_that_is_smaller_than_the_tags_fails(
    checkpoints: Mapping[str, Path],
) -> None:
    put_tags(1363)  # as many as CCG has categories
    (problem,) = found(checkpoints["causal"], 1)["problems"]
    assert "a larger vocabulary" in problem


def test_more_words_than_sentinels_are_told(checkpoints: Mapping[str, Path]) -> None:
    put_tags(3, num_words=140)
    notes = found(checkpoints["seq2seq"], 0)["model"]["notes"]
    assert "140 words, more than the" in notes[1]
