"""What a task may say, and what follows from it."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from t2t_xfer.specs import DataSpec, HubData, LabelSpec, PromptUse, TaskSpec, load_yaml

LABEL: dict[str, Any] = {
    "task": "reviews",
    "answer": "label",
    "data": {"hub": {"id": "owner/reviews", "config": "{language}"}},
    "languages": ["en", "de"],
    "label_field": "stars",
    "labels": {"bad": {"value": 0}, "good": {"value": 1}},
    "prompt": {"use": "reviews"},
    "metric": "accuracy",
}
TAGS: dict[str, Any] = {
    "task": "chunks",
    "answer": "tags",
    "data": {"files": {"train": "train.conllu", "test": "test.{language}.conllu"}},
    "languages": ["en", "de"],
    "words_field": "tokens",
    "tags_field": "chunks",
    "tags": ["B", "I", "O"],
    "default_tag": "O",
    "prompt": {"input": "{{ words }}"},
    "metric": "span_f1",
}


SPAN: dict[str, Any] = {
    "task": "questions",
    "answer": "span",
    "data": {"hub": {"id": "owner/questions", "config": "{language}"}},
    "languages": ["en", "de"],
    "context_field": "context",
    "answers_field": "answers",
    "prompt": {"use": "question"},
    "metric": "squad",
}


def errors(data: dict[str, Any]) -> dict[str, str]:
    """What is wrong, by the key that is wrong."""
    with pytest.raises(ValidationError) as caught:
        TaskSpec.model_validate(data)
    return {".".join(map(str, each["loc"])): each["msg"] for each in caught.value.errors()}


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"unanswerable": "none"}, {"metric": "expected squad_v2, because there is the key"}),
        ({"metric": "squad_v2"}, {"metric": "expected squad, or the key `unanswerable`"}),
        ({"metric": "squad_v2", "unanswerable": " "}, {"unanswerable": "text that is not empty"}),
        ({"metric": "squad_v2", "unanswerable": "–"}, {"unanswerable": "a letter or a digit"}),
        ({"metric": "squad_v2", "unanswerable": True}, {"unanswerable": "valid string"}),
    ],
)
def test_unanswerable_questions_have_a_word_and_their_own_metric(
    changes: dict[str, Any], wrong: dict[str, str]
) -> None:
    found = errors(SPAN | changes)
    assert set(found) == set(wrong)
    assert all(wrong[key] in message for key, message in found.items())


def test_only_spans_can_be_missing() -> None:
    found = errors(LABEL | {"unanswerable": "none"})
    assert found == {"unanswerable": "expected nothing here, because the answer is label"}
    good = TaskSpec.model_validate(SPAN | {"unanswerable": "none", "metric": "squad_v2"})
    assert good.unanswerable == "none"
    assert TaskSpec.model_validate(SPAN).unanswerable is None


@pytest.mark.parametrize("data", [LABEL, TAGS])
def test_both_kinds_of_answers_are_tasks(data: dict[str, Any]) -> None:
    assert TaskSpec.model_validate(data).task == data["task"]


@pytest.mark.parametrize("key", ["label_field", "labels"])
def test_a_label_task_needs(key: str) -> None:
    found = errors({name: value for name, value in LABEL.items() if name != key})
    assert found == {key: "expected this key, because the answer is label"}


@pytest.mark.parametrize("key", ["words_field", "tags_field", "tags"])
def test_a_tags_task_needs(key: str) -> None:
    found = errors({name: value for name, value in TAGS.items() if name != key})
    assert found == {key: "expected this key, because the answer is tags"}


def test_a_label_task_gives_nothing_that_belongs_to_tags_and_is_told_all_of_it() -> None:
    keys = ("words_field", "tags_field", "tags", "default_tag")
    found = errors(LABEL | {key: TAGS[key] for key in keys})
    assert set(found) == set(keys)
    assert set(found.values()) == {"expected nothing here, because the answer is label"}


def test_a_tags_task_gives_nothing_that_belongs_to_labels() -> None:
    found = errors(TAGS | {key: LABEL[key] for key in ("label_field", "labels")})
    assert set(found) == {"label_field", "labels"}


@pytest.mark.parametrize(
    ("data", "change", "key", "words"),
    [
        (LABEL, {"labels": {"bad": {"value": 0}}}, "labels", "at least two labels"),
        (LABEL, {"labels": {"a": {"value": 1}, "b": {"value": 1}}}, "labels", "another value"),
        (LABEL, {"labels": {"a": {"value": "b"}, "b": {}}}, "labels", "another value"),
        (LABEL, {"labels": {"a": {"word": "x"}, "b": {"word": "X"}}}, "labels", "another word"),
        (LABEL, {"metric": "span_f1"}, "metric", "accuracy, because the answer is label"),
        (TAGS, {"metric": "accuracy"}, "metric", "span_f1, because the answer is tags"),
        (TAGS, {"tags": ["B", "I", "B", "O"]}, "tags", "'B' stands there twice"),
        (TAGS, {"default_tag": "X"}, "default_tag", "one of the tags"),
        (LABEL, {"train_task": "reviews"}, "train_task", "another task"),
        (LABEL, {"train_task": "none"}, "train_task", "another task"),
        (LABEL, {"source_language": "xx"}, "source_language", "code of a language"),
        (LABEL, {"fields": {"two words": "a"}}, "fields.two words.[key]", "a prompt can use"),
        (LABEL, {"fields": {"a": "x"}, "shortenable": ["b"]}, "shortenable", "not 'b'"),
        (LABEL, {"data": {}}, "data.files", "this key or `hub`"),
        (LABEL, {"data": {**LABEL["data"], **TAGS["data"]}}, "data.files", "not both"),
        (LABEL, {"data": {"files": {}}}, "data.files", "a file for a split"),
        (LABEL, {"data": {"hub": {"id": "a/b"}}}, "languages", "all would be the same"),
        (TAGS, {"data": {"files": {"train": "{iso3}", "test": "t"}}}, "languages", "the same"),
        (LABEL, {"prompt": {}}, "prompt.input", "this key or `use`"),
        (LABEL, {"prompt": {"use": "a", "input": "b"}}, "prompt.input", "not both"),
        (LABEL, {"prompt": {"input": "b", "variant": "c"}}, "prompt.input", "no `variant`"),
    ],
)
def test_rules_between_keys(
    data: dict[str, Any], change: dict[str, Any], key: str, words: str
) -> None:
    found = errors(data | change)
    assert list(found) == [key]
    assert words in found[key]


def test_one_language_needs_no_placeholder() -> None:
    change = {"data": {"hub": {"id": "nyu-mll/glue", "config": "mnli"}}, "languages": ["en"]}
    assert TaskSpec.model_validate(LABEL | change).languages == ("en",)


def test_a_column_may_tell_the_languages_apart() -> None:
    data = {"hub": {"id": "google/xtreme", "config": "XNLI"}, "where": {"language": "{language}"}}
    assert TaskSpec.model_validate(LABEL | {"data": data}).data.where == {"language": "{language}"}


def test_a_label_without_a_value_is_called_the_same_in_the_data() -> None:
    task = TaskSpec.model_validate(LABEL | {"labels": {"bad": {}, "good": {"word": "great"}}})
    assert [each.value for each in task.labels.values()] == ["bad", "good"]


def test_values_keep_their_kind() -> None:
    values = {"zero": "0", "one": 1, "true": False}
    labels = {name: {"value": value} for name, value in values.items()}
    task = TaskSpec.model_validate(LABEL | {"labels": labels})
    assert [each.value for each in task.labels.values()] == ["0", 1, False]


def test_hub_names_are_filled_in() -> None:
    hub = HubData(id="google/xtreme", config="udpos.{language_name}", splits={"test": "test_2k"})
    assert hub.config_for("tl") == "udpos.Tagalog"
    assert (hub.splits_for("test"), hub.splits_for("train")) == (("test_2k",), ("train",))


@pytest.mark.parametrize(
    ("folder", "root"), [("project/tasks", "project"), ("elsewhere", "elsewhere")]
)
def test_relative_files_start_from_the_project(tmp_path: Path, folder: str, root: str) -> None:
    (tmp_path / folder).mkdir(parents=True)
    path = tmp_path / folder / "reviews.yaml"
    path.write_text(
        "answer: label\ndata: {files: {train: data/en.jsonl, test: 'data/{language}.jsonl'}}\n"
        "languages: [en, de]\nlabel_field: a\nlabels: {x: {}, y: {}}\nprompt: {use: p}\n"
        "metric: accuracy\n"
    )
    data = load_yaml(path, TaskSpec).data
    assert data.sources[0].file_for("test", "de") == tmp_path / root / "data/de.jsonl"
    assert data.sources[0].file_for("validation", "en") is None


def test_an_absolute_file_stays_where_it_is() -> None:
    assert DataSpec(files={"test": "/data/x.jsonl"}).sources[0].file_for("test", "en") == Path(
        "/data/x.jsonl"
    )


# What goes into content hashes.


def test_canonical_has_the_defaults_and_nothing_that_changes_no_number() -> None:
    plain = TaskSpec.model_validate(LABEL).canonical()
    assert plain["source_language"] == "en"
    assert plain["data"] == {
        "hub": {"id": "owner/reviews", "config": "{language}", "revision": None, "splits": {}},
        "parts": [],
        "files": None,
        "where": {},
        "where_prefix": {},
        "conllu": "words",
        "tsv": "plain",
    }
    assert "note" not in plain
    assert "languages" not in plain


def test_the_same_task_gives_the_same_json_however_it_is_written() -> None:
    written = TaskSpec.model_validate({**dict(reversed(LABEL.items())), "note": "about the data"})
    explicit = TaskSpec.model_validate(LABEL | {"source_language": "en", "parallel": False})
    assert written.canonical() == explicit.canonical()


def test_the_order_of_the_labels_is_part_of_the_identity() -> None:
    turned = {"good": {"value": 1}, "bad": {"value": 0}}
    assert (
        TaskSpec.model_validate(LABEL | {"labels": turned}).canonical()
        != TaskSpec.model_validate(LABEL).canonical()
    )


def test_file_names_are_no_part_of_the_identity() -> None:
    moved = TAGS | {"data": {"files": {"train": "a/train.conllu", "test": "a/{language}.conllu"}}}
    assert TaskSpec.model_validate(moved).canonical() == TaskSpec.model_validate(TAGS).canonical()


def test_specs_cannot_be_changed() -> None:
    task = TaskSpec.model_validate(LABEL)
    with pytest.raises(ValidationError, match="frozen"):
        task.metric = "other"  # type: ignore[misc]


def test_specs_can_be_written_in_python() -> None:
    task = TaskSpec(
        task="reviews",
        answer="label",
        data=DataSpec(hub=HubData(id="owner/reviews", config="{language}")),
        languages=("en", "de"),
        label_field="stars",
        labels={"bad": LabelSpec(value=0), "good": LabelSpec(value=1)},
        prompt=PromptUse(use="reviews"),
        metric="accuracy",
    )
    assert task == TaskSpec.model_validate(LABEL)
