"""Mistakes of the user: one paragraph on standard error, exit 2, and nothing has run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import REPOSITORY
from .studydata import Outcome, make_mirror, new_model, t2t, write_rows, write_study

CONFIGS: dict[str, dict[str, Any]] = {
    "llama": {"model_type": "llama", "architectures": ["LlamaForCausalLM"]},
    "short": {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "max_position_embeddings": 64,
    },
    "bart": {
        "model_type": "bart",
        "is_encoder_decoder": True,
        "architectures": ["BartForConditionalGeneration"],
        "max_position_embeddings": 1024,
    },
    "vision": {"model_type": "vit", "architectures": ["ViTForImageClassification"]},
}
TASK = """\
answer: label
data:
  files: {train: data/train.jsonl, test: "data/test.{language}.jsonl"}
languages: [en, de]
label_field: stars
labels: {bad: {value: 0, word: bad}, good: {value: 1, word: good}}
prompt: {input: "Review: {{ text }}\\nSentiment:"}
metric: accuracy
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with data, and with a task `reviews` of the user's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    make_mirror(tmp_path)
    write_task(TASK)
    for name in ("train", "test.en", "test.de"):
        rows = [{"text": f"text {i}", "stars": i % 2} for i in range(4)]
        write_rows(Path("data", f"{name}.jsonl"), rows)
    for name, config in CONFIGS.items():
        checkpoint(name, json.dumps(config))
    return tmp_path


def write_task(text: str) -> None:
    Path("tasks").mkdir(exist_ok=True)
    Path("tasks", "reviews.yaml").write_text(text, encoding="utf-8")


def checkpoint(name: str, config: str) -> None:
    """A directory that looks like a checkpoint as long as nobody loads it."""
    Path(name).mkdir()
    Path(name, "config.json").write_text(config)
    Path(name, "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")  # no tensors
    Path(name, "tokenizer.json").touch()


def refused(done: Outcome, *needles: str) -> None:
    """One paragraph that says what is wrong; no stage was begun."""
    assert done.code == 2, done
    text = done.err.strip()
    assert text.startswith("t2t-xfer: ")
    assert "\n\n" not in text
    assert "Traceback" not in text
    assert len(text) < 900, "this is no paragraph"
    for needle in needles:
        assert needle in text
    assert done.out == ""
    assert not Path("out").exists()


def study(**changes: Any) -> Outcome:
    places = ("--data", "mirror:hub", "--output", "out")
    return t2t("study", "run", write_study(Path("studies"), **changes), *places)


def train(*arguments: str) -> Outcome:
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    asked = {"--model": "new:encoder", "--task": "mnli", "--data": "mirror:hub", "--output": "out"}
    return t2t("train", *(part for pair in (asked | given).items() for part in pair))


def evaluate(*arguments: str) -> Outcome:
    return t2t(
        "evaluate", "--engine", "oracle", "--data", "mirror:hub", "--output", "out", *arguments
    )


def model(path: str) -> dict[str, Any]:
    return {"models": [{"name": "it", "path": path}]}


STUDIES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "unknown target": ({"targets": ["xnly"]}, ("small.yaml:", "xnly", "Did you mean 'xnli'?")),
    "unknown intermediate": ({"intermediates": ["mnly"]}, ("mnly", "Did you mean 'mnli'?")),
    "unknown architecture": ({"models": [new_model("encodr")]}, ("encodr", "'encoder'")),
    "no such directory": (model("./nothing"), ("nothing", "config.json")),
    "no such hub id": (model("nobody/nothing"), ("nobody/nothing", "hub")),
    "a hub id that cannot be": (model("no body/a/b"), ("no body/a/b",)),
    "a model that cannot answer": (model("./vision"), ("vit", "language model")),
    "absolute decoder positions": (model("./bart"), ("bart", "decoder positions")),
    "unknown language": ({"languages": ["en", "xx"]}, ("small.yaml:", "xx")),
    "a language's name": ({"languages": ["en", "german"]}, ("german", "Did you mean 'de'?")),
    "a language of no target": ({"languages": ["en", "bn"]}, ("'bn'", "none of its targets")),
    "a language of another task": ({"languages": {"xnli": ["en", "fi"]}}, ("xnli", "fi", "ru")),
    "absent languages": (
        {"languages": ["en", "fr", "tr"]},
        ("fr, tr", "facebook/xnli has here: ar, de, en, es", "--skip-missing"),
    ),
    "missing split": (
        {"targets": ["mnli"], "languages": ["en"]},
        ("mnli", "no split 'test'", "train, validation_matched"),
    ),
    "misspelt key": ({"modles": []}, ("small.yaml:", "modles", "Did you mean 'models'?")),
    "misspelt training key": (
        {"training": {"learning_rte": 1e-3}},
        ("learning_rte", "Did you mean 'learning_rate'?"),
    ),
    "raw text that is not there": (
        {"models": [{"name": "it", "new": {"architecture": "causal", "languages": ["fr"]}}]},
        ("raw text", "'fr'"),
    ),
    "vocabulary too small": (
        {"models": [{"name": "x", "new": new_model("causal")["new"] | {"vocabulary": 300}}]},
        ("300", "vocabulary"),
    ),
    "input longer than a new model": (
        {"training": {"max_input_tokens": 4000}},
        ("max_input_tokens is 4000", "at most 1024"),
    ),
    "input longer than the model": (
        {**model("./short"), "training": {"max_input_tokens": 128}},
        ("max_input_tokens is 128", "short has 64 positions", "at most 32"),
    ),
    "results inside the store": ({"name": "store"}, ("'store'",)),
}


@pytest.mark.parametrize("case", STUDIES)
def test_a_study_that_cannot_work(case: str) -> None:
    changes, needles = STUDIES[case]
    refused(study(**changes), *needles)


ARGUMENTS: dict[str, tuple[Callable[..., Outcome], str, tuple[str, ...]]] = {
    "unknown task": (train, "--task mnly", ("'mnly'", "Did you mean 'mnli'?")),
    "unknown architecture": (train, "--model new:encodr", ("new:encodr", "new:encoder")),
    "no such model": (train, "--model ./nothing", ("nothing", "config.json")),
    "unusual letters": (train, "--model ./模型", ("模型", "config.json")),
    "input longer than the model": (train, "--model ./short", ("256", "64 positions")),
    "no such data": (train, "--data mirror:nowhere", ("nowhere", "no such folder")),
    "unknown data": (train, "--data mirrr:hub", ("mirrr", "Did you mean 'mirror'?")),
    "unknown language": (evaluate, "--task xnli --language xx", ("xx", "xnli", "ru")),
    "a language's name": (evaluate, "--task xnli --language German", ("Did you mean 'de'?",)),
    "absent language": (evaluate, "--task xnli --language fr", ("no configuration 'fr'",)),
    "no language is left": (
        evaluate,
        "--task xnli --language fr --skip-missing",
        ("no language of xnli",),
    ),
    "missing split": (evaluate, "--task mnli", ("no split 'test'",)),
    "no model": (evaluate, "--engine auto --task xnli", ("--model", "oracle")),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_arguments_that_cannot_work(case: str) -> None:
    command, arguments, needles = ARGUMENTS[case]
    done = command(*arguments.split())
    if case == "no language is left":
        left_out, _, rest = done.err.partition("\n")
        assert left_out.startswith("left out: xnli in fr")
        done = done._replace(err=rest)
    refused(done, *needles)


def test_an_empty_model_name() -> None:
    refused(train("--model", ""), "--model is empty")


def test_a_checkpoint_that_is_not_whole() -> None:
    Path("llama", "tokenizer.json").unlink()
    refused(train("--model", "./llama"), "llama", "tokenizer")
    Path("llama", "model.safetensors").unlink()
    refused(train("--model", "./llama"), "llama", "weights")
    checkpoint("broken", "{")
    refused(train("--model", "./broken"), "config.json", "line 1 column 2")
    checkpoint("list", "[]")
    refused(train("--model", "./list"), "config.json")


CHANGES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "misspelt key": ("label_field:", "lable_field:", ("reviews.yaml:5:1", "label_field")),
    "unknown column": (
        "label_field: stars",
        "label_field: star",
        ("no column 'star'", "Did you mean 'stars'?", "row 0"),
    ),
    "field that the row lacks": ("{{ text }}", "{{ txt }}", ("txt", "text")),
    "value that is no label": ("value: 1", "value: 2", ("1 is no label", "0, 2", "row 1")),
    "missing data file": ("data/train", "data/trian", ("data/trian.jsonl", "'train.jsonl'")),
    "unnamed split": ("train: data/train.jsonl, ", "", ("names no 'train'",)),
    "word outside the verbalizer": (
        'prompt: {input: "Review: {{ text }}\\nSentiment:"}',
        "prompt: {use: nli}",
        ("entailment",),
    ),
    "word that is no label's": (", word: good", "", ("good", "word")),
    "language in no path": (".{language}", "", ("{language}",)),
    "impossible readout": (
        "metric: accuracy",
        "metric: accuracy\nreadout: {encoder: rank}",
        ("encoder", "rank", "slots", "reviews"),
    ),
    "metric of another answer": ("metric: accuracy", "metric: span_f1", ("span_f1", "accuracy")),
    "train task of other labels": (
        "metric: accuracy",
        "metric: accuracy\ntrain_task: mnli",
        ("mnli", "entailment", "good"),
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_task_that_cannot_work(case: str) -> None:
    old, new, needles = CHANGES[case]
    assert TASK.count(old) == 1
    write_task(TASK.replace(old, new))
    changes = {"targets": ["reviews"], "models": [new_model("encoder")], "languages": ["en", "de"]}
    refused(study(**changes), *needles)


@pytest.mark.parametrize(
    ("file", "row", "needles"),
    [
        (
            "train",
            {"text": "a", "stars": 7},
            ("train.jsonl, row 1", "7 is no label", "train.jsonl:2"),
        ),
        ("train", {"stars": 0}, ("'reviews'", "train", "example '1'", "{{ text }}")),
        ("test.de", {"text": "a", "stars": "1"}, ("test.de.jsonl, row 1", "types count")),
    ],
)
def test_a_row_that_cannot_be_used_shows_before_any_training(
    file: str, row: dict[str, Any], needles: tuple[str, ...]
) -> None:
    good = {"text": "fine", "stars": 1}
    write_rows(Path("data", f"{file}.jsonl"), [good, row, good])
    changes = {"targets": ["reviews"], "models": [new_model("encoder")], "languages": ["en", "de"]}
    refused(study(**changes), *needles)


def test_the_majority_baseline_reads_its_rows_before_anything_runs() -> None:
    write_rows(Path("data", "train.jsonl"), [{"text": "a", "stars": 5}])
    refused(evaluate("--engine", "majority", "--task", "reviews"), "5 is no label")


def test_a_file_where_the_results_would_go() -> None:
    Path("taken").touch()
    file = write_study(Path("studies"), models=[new_model("encoder")])
    done = t2t("study", "run", file, "--data", "mirror:hub", "--output", "taken/here")
    refused(done, "taken/here", "--output")


def test_several_mistakes_are_told_at_once() -> None:
    done = study(targets=["xnly"], seeds=[-1])
    assert done.code == 2
    assert "xnly" in done.err
    assert "seeds[0]" in done.err


def test_a_mistake_that_only_the_model_shows_is_told_by_train() -> None:
    """It was reported as a failed stage, with exit code 1."""
    Path("settings.yaml").write_text("{steps: 1, max_input_tokens: 4, examples_per_step: 2}")
    done = train("--training", "settings.yaml", "--limit", "2", "--task", "reviews")
    assert done.code == 2
    assert "Raise `max_input_tokens`" in done.err.splitlines()[-1]
    assert "Traceback" not in done.err


def test_the_shipped_tasks_are_found_from_anywhere() -> None:
    listed = json.loads(t2t("tasks", "ls", "--json").out)
    shipped = {path.stem for path in (REPOSITORY / "tasks").glob("*.yaml")}
    assert {row["task"] for row in listed} == shipped | {"reviews"}


@pytest.mark.parametrize("content", ["9" * 6_000, "[" * 100_000, '{"a": ', "{}{}"])
def test_json_of_xtreme_that_is_none_is_a_paragraph(content: str, tmp_path: Path) -> None:
    """A number with thousands of digits was a traceback."""
    for side in ("predictions", "labels"):
        (tmp_path / side / "xquad").mkdir(parents=True)
        (tmp_path / side / "xquad" / "test-de.json").write_text(content)
    places = ("--predictions", tmp_path / "predictions", "--labels", tmp_path / "labels")
    done = t2t("score", *places, "--partial")
    assert done.code == 2
    assert "broken JSON" in done.err
