"""Choices and pairs in the data: the shapes they come in, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.data.examples import missing_languages, read_examples
from t2t_xfer.data.sources import open_source
from t2t_xfer.errors import DataError
from t2t_xfer.records import Example
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.task import TaskSpec

CHOICE: dict[str, Any] = {
    "task": "endings",
    "answer": "choice",
    "data": {"hub": {"id": "us/data", "config": "{language}"}},
    "languages": ["en", "de"],
    "fields": {"context": "ctx"},
    "label_field": "label",
    "labels": {"A": {"value": "0"}, "B": {"value": "1"}},
    "choices_fields": ["endings"],
    "prompt": {"input": "{{ context }} {{ choices }}"},
    "metric": "accuracy",
}
PAIR: dict[str, Any] = {
    "task": "translations",
    "answer": "pair",
    "data": {"hub": {"id": "us/data", "config": "{language}"}},
    "languages": ["de"],
    "pair_fields": ["theirs", "english"],
    "prompt": {"input": "{{ source }} {{ target }}"},
    "metric": "retrieval_accuracy",
}
ROW = {"ctx": "She runs.", "endings": ["She stops.", "She\u00a0 flies. "], "label": "1"}


def read(folder: Path, spec: dict[str, Any], *rows: dict[str, Any]) -> list[Example]:
    task = TaskSpec.model_validate(spec)
    language = task.languages[0]
    place = folder / "us" / "data" / language / "test.jsonl"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return read_examples(task, open_source(f"mirror:{folder}"), language, "test")


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        (["endings"], ROW),
        (["one", "two"], {**ROW, "one": "She stops.", "two": "She\u00a0 flies. "}),
        (["all.text"], {**ROW, "all": {"label": ["A", "B"], "text": ROW["endings"]}}),
        (["all.text"], {**ROW, "all.text": ROW["endings"]}),
    ],
)
def test_choices_come_in_three_shapes(
    tmp_path: Path, columns: list[str], row: dict[str, Any]
) -> None:
    (example,) = read(tmp_path, CHOICE | {"choices_fields": columns}, row)
    assert example.fields == {
        "context": "She runs.",
        "choices": ("She stops.", "She\u00a0 flies. "),
    }
    assert example.gold == "B"


@pytest.mark.parametrize(
    ("change", "row", "words"),
    [
        ({}, {**ROW, "endings": ["a", "b", "c"]}, "row 0: 3 choices in endings, but .* name 2"),
        ({}, {**ROW, "endings": "a"}, "column 'endings': expected a list of choices, found 'a'"),
        ({}, {**ROW, "endings": ["a", " "]}, "choice 1: found ' ', expected text"),
        ({}, {**ROW, "endings": ["a", 5]}, "choice 1: found 5, expected text"),
        ({}, {**ROW, "label": 1}, "1 is no label"),
        ({"choices_fields": ["ending"]}, ROW, "no column 'ending' .* Did you mean 'endings'"),
        ({"choices_fields": ["ctx.text"]}, ROW, "no column 'ctx.text' .* It holds nothing by name"),
        ({"choices_fields": ["ctx"] * 3}, ROW, "3 choices in ctx, ctx, ctx"),
        ({"fields": {"choices": "ctx"}}, ROW, "the field 'choices' must be the column 'endings'"),
    ],
)
def test_what_is_no_choice_is_named(
    tmp_path: Path, change: dict[str, Any], row: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        read(tmp_path, CHOICE | change, row)


def test_hidden_answers_are_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, CHOICE, {**ROW, "label": ""}, ROW)
    assert [example.id for example in found] == ["1"]


def test_a_pair_is_found_by_its_own_id_and_loses_its_line_break(tmp_path: Path) -> None:
    rows = [{"theirs": "Ja. \n", "english": "Yes.\r\n"}, {"theirs": "Nein", "english": "No"}]
    first, second = read(tmp_path, PAIR, *rows)
    assert (first.fields["source"], first.fields["target"]) == ("Yes.", "Ja. ")
    assert (first.gold, second.gold) == ("0", "1")


def test_a_pair_needs_two_sentences(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column 'theirs': found '\\\\n', expected text"):
        read(tmp_path, PAIR, {"theirs": "\n", "english": "Yes"})


@pytest.mark.parametrize("name", ["hellaswag", "cosmos_qa", "commonsense_qa"])
def test_real_choices(shared_hub: Path, name: str) -> None:
    task, source = Catalogue().task(name), open_source(f"mirror:{shared_hub}")
    for split, least in (("train", 2000), ("validation", 400)):
        examples = read_examples(task, source, "en", split)  # type: ignore[arg-type]
        assert len(examples) >= least
        assert {example.gold for example in examples} == set(task.labels)
        assert {len(e.fields["choices"]) for e in examples} == {len(task.labels)}  # type: ignore[arg-type]


def test_real_pairs_in_every_language(shared_hub: Path) -> None:
    task, source = Catalogue().task("tatoeba"), open_source(f"mirror:{shared_hub}")
    missing = missing_languages(task, source, task.languages, "test")
    assert len(missing) <= 2
    for language in task.languages:
        if language not in missing:
            examples = read_examples(task, source, language, "test")
            for field in ("source", "target"):  # so that the gold answer is never ambiguous
                assert len({example.fields[field] for example in examples}) == len(examples)
