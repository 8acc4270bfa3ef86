"""What a tokenizer must offer a task: asked before anything runs, by every command alike."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.architectures.codec import Codec, light_codec
from t2t_xfer.architectures.micro import save_new_model
from t2t_xfer.microworld.checkpoints import checkpoint
from t2t_xfer.records import ArchitectureName, Prompted, Region
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.preconditions import check_rows
from t2t_xfer.stages.preflight import Models

from .studydata import ARCHITECTURES, Outcome, t2t, write_rows, write_study

TEXTS = ["the old dog sees the red house", "who was it ? it was fur"] * 30
STRIPPED = {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Of each architecture one whose tokenizer drops accents, as that of an uncased BERT."""
    folder = tmp_path_factory.mktemp("models")
    names: tuple[ArchitectureName, ...] = ARCHITECTURES  # type: ignore[assignment]
    for name in names:
        place = folder / name
        save_new_model(place, name, TEXTS, vocabulary=500, hidden=16, layers=1, heads=2, seed=0)
        tokenizer = json.loads((place / "tokenizer.json").read_text())
        tokenizer["normalizer"] = STRIPPED
        (place / "tokenizer.json").write_text(json.dumps(tokenizer))
    return {name: folder / name for name in names}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put_words(*words: str) -> None:
    """A task with these label words."""
    put(
        "moods",
        [{"text": "the old dog", "label": f"l{i}"} for i in range(len(words))],
        answer="label",
        label_field="label",
        labels={f"l{i}": {"word": word} for i, word in enumerate(words)},
        prompt={"input": "{{ text }} :"},
        metric="accuracy",
    )


def put(name: str, rows: Sequence[Mapping[str, Any]], **keys: Any) -> None:
    files = {"train": "train.jsonl", "test": "test.jsonl"}
    task = {"task": name, "data": {"files": files}, "languages": ["en"], **keys}
    Path("tasks").mkdir(exist_ok=True)
    Path("tasks", f"{name}.yaml").write_text(json.dumps(task), encoding="utf-8")
    write_rows(Path("train.jsonl"), rows)
    write_rows(Path("test.jsonl"), [*rows, rows[0]])


def question(answer: str) -> dict[str, Any]:
    context = f"it was {answer} ."
    answers = {"text": [answer], "answer_start": [len("it was ")]}
    return {"question": "who was it ?", "context": context, "answers": answers}


def put_questions(*answers: str) -> None:
    put(
        "asked",
        [question(answer) for answer in answers],
        answer="span",
        context_field="context",
        answers_field="answers",
        fields={"question": "question", "context": "context"},
        prompt={"input": "{{ question }} {{ context }}"},
        metric="squad",
    )


def commands(model: Path, task: str, **training: Any) -> dict[str, Outcome]:
    """What every command says of a model and a task."""
    named = {"name": "it", "path": str(model)}
    settings = {"steps": 1, "max_input_tokens": 64, **training}
    write_study(Path("studies"), models=[named], intermediates=["none"], targets=[task],
                languages=["en"], training=settings, limit={})  # fmt: skip
    Path("training.yaml").write_text(json.dumps(settings))
    where = ("--data", "microworld", "--output", "out")
    trained = ("train", "--model", model, "--task", task, "--training", "training.yaml", *where)
    length = ("--max-input-tokens", settings["max_input_tokens"])
    return {
        "study plan": t2t("--allow-outside", model.parent, "study", "plan", "studies/small.yaml",
                          *where),
        "study run": t2t("--allow-outside", model.parent, "study", "run", "studies/small.yaml",
                         *where),
        "train": t2t(*trained),
        "train --dry-run": t2t(*trained, "--dry-run"),
        "evaluate": t2t("evaluate", "--model", model, "--task", task, *length, *where),
    }  # fmt: skip


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_words_that_are_the_same_tokens_are_refused_by_every_command(
    architecture: str, models: Mapping[str, Path]
) -> None:
    """Scores of equal rows differ by rounding: 60.00 of 100 came from that."""
    put_words("für", "fur", "dog")
    for command, done in commands(models[architecture], "moods").items():
        assert (done.code, done.out) == (2, ""), (command, done)
        assert "the words 'für' and 'fur' are the same tokens (" in done.err, command
        assert "task 'moods'" in done.err
    assert not Path("out").exists()
    check = t2t("tasks", "check", "moods", "--data", "microworld", "--model", models[architecture])
    assert check.code == 1
    assert "the words 'für' and 'fur' are the same tokens (" in check.out


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_answer_longer_than_its_window_is_found_before_anything_runs(
    architecture: str, models: Mapping[str, Path]
) -> None:
    """Training ended in its middle, at the step where the example came."""
    long = " ".join(["dog"] * 200)
    put_questions("fur", "the dog", long)
    for command, done in commands(models[architecture], "asked").items():
        if command in ("evaluate", "study plan"):  # windows, whatever the answer; reads no rows
            assert done.code == 0, done
            continue
        assert (done.code, done.out) == (2, ""), (command, done)
        assert "example '2' (en): the answer has 200 tokens, but a window" in done.err, command


def test_the_check_asks_at_the_default_length(models: Mapping[str, Path]) -> None:
    put_questions("fur", " ".join(["dog"] * 400))
    where = ("--data", "microworld", "--model", models["seq2seq"])
    check = t2t("tasks", "check", "asked", *where)
    assert check.code == 1
    assert "en/train: with inputs of 256 tokens: example '1' (en): the answer has 400" in check.out


def test_a_prompt_that_leaves_no_room_is_found_before_anything_runs(
    models: Mapping[str, Path],
) -> None:
    put_words("dog", "fur")
    write_rows(Path("test.jsonl"), [{"text": "the old dog " * 40, "label": "l0"}])
    where = ("--data", "microworld", "--output", "out", "--max-input-tokens", 64)
    done = t2t("evaluate", "--model", models["causal"], "--task", "moods", *where)
    assert done.code == 2
    assert "but 63 fit, and its shortenable fields (none) cannot give up" in done.err
    assert not Path("out").exists()


def test_a_plan_asks_the_tokenizer_file_what_a_run_asks_transformers(
    models: Mapping[str, Path],
) -> None:
    context = Context(Catalogue(), "microworld")
    for path in (*models.values(), *(checkpoint(f"micro:{name}") for name in ARCHITECTURES)):
        light, whole = light_codec(path), context.reader(str(path), None, 64).codec
        assert light is not None
        assert (light.prefix, light.suffix) == (whole.prefix, whole.suffix)
        assert (light.reserved, light.sentinels) == (whole.reserved, whole.sentinels)
        assert light.codebook(40) == whole.codebook(40)
        for word in ("für", "fur", "entailment", "猫が好き", "a </s> b"):
            assert light.target(word) == whole.target(word)
    assert light_codec(Path("nothing")) is None


def test_nothing_is_loaded_where_nothing_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    context = Context(Catalogue(), "microworld")
    monkeypatch.setattr(context, "reader", None)
    Models((), context, ()).check_words()


class Counting:
    """An architecture that counts the rows it is asked for."""

    name = "causal"
    max_input_tokens = 64

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.asked: list[str] = []

    def training_rows(self, prompted: Prompted, *_: Any) -> None:
        self.asked.append(prompted.id)

    reading_rows = training_rows


def test_rows_are_made_only_where_their_characters_may_not_fit(models: Mapping[str, Path]) -> None:
    put_words("dog", "fur")
    context = Context(Catalogue(), "microworld")
    architecture = Counting(context.reader(str(models["causal"]), None, 64).codec)
    long, wide = "x" * 60, "\ufdfa" * 3  # three characters that become 18 each
    texts = [
        Prompted("short", "en", "short", "dog"),
        Prompted("long", "en", long, "dog"),
        Prompted("wide", "en", wide, "dog"),
        Prompted("cut", "en", long, "dog", regions=(Region("text", 0, 60),), shortenable=("text",)),
    ]
    for training in (True, False):
        architecture.asked.clear()
        task = context.task("moods")
        check_rows(architecture, task, texts, None, training=training)  # type: ignore[arg-type]
        assert architecture.asked == ["long", "wide"]
