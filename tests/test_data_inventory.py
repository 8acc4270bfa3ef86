"""Tags taken from the training split: closed, part of the identity, and never a crash."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import ValidationError

from t2t_xfer.data.examples import read_examples, with_inventory
from t2t_xfer.data.sources import open_source
from t2t_xfer.engines import OracleEngine
from t2t_xfer.errors import AbsentError, DataError
from t2t_xfer.records import Readout
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.task import TaskSpec
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.score import score_examples

from .studydata import t2t

TASK: dict[str, Any] = {
    "task": "chunks",
    "answer": "tags",
    "data": {"hub": {"id": "us/chunks", "config": "{language}"}},
    "languages": ["en", "de"],
    "fields": {"words": "tokens"},
    "words_field": "tokens",
    "tags_field": "chunks",
    "tags_from": "train",
    "default_tag": "N",
    "prompt": {"input": "{{ words }}"},
    "metric": "span_f1",
}
TRAIN = [["S\\NP", "N"], ["N", "S/NP", "S\\NP"]]


def write(folder: Path, place: str, sentences: list[Any]) -> None:
    path = folder / "us" / "chunks" / f"{place}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"tokens": ["w"] * len(tags), "chunks": tags} for tags in sentences]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def spec(**changes: Any) -> TaskSpec:
    return TaskSpec.model_validate(TASK | changes)


def test_the_tags_are_those_of_the_source_languages_training_split_sorted(tmp_path: Path) -> None:
    write(tmp_path, "en/train", TRAIN)
    write(tmp_path, "en/validation", [["V"]])
    write(tmp_path, "de/train", [["POISON"]])
    tags = with_inventory(spec(), open_source(f"mirror:{tmp_path}")).tags
    assert tags == ("N", "S/NP", "S\\NP")  # `/` comes before `\` in Unicode


def test_a_task_that_lists_its_tags_is_left_alone(tmp_path: Path) -> None:
    listed = spec(tags_from=None, tags=["N", "V"])
    assert with_inventory(listed, open_source(f"mirror:{tmp_path}")) is listed


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ([["N", 3]], r"us/chunks/en/train, row 0, column 'chunks': 3 \(word 1\) is no tag"),
        (
            [["N", "V"], ["N N"]],
            r"us/chunks/en/train, row 1, column 'chunks': 'N N' \(word 0\) is no tag",
        ),
        ([["N", "N"]], "its training split has 1 tags"),
        ([["V", "NP"]], r"default tag 'N' stands nowhere.*Did you mean 'NP'"),
    ],
)
def test_what_cannot_be_an_inventory_is_named(
    tmp_path: Path, train: list[Any], message: str
) -> None:
    write(tmp_path, "en/train", train)
    with pytest.raises(DataError, match=message):
        with_inventory(spec(), open_source(f"mirror:{tmp_path}"))


def test_without_a_training_split_the_place_is_named(tmp_path: Path) -> None:
    write(tmp_path, "en/test", TRAIN)
    with pytest.raises(AbsentError, match="us/chunks/en/train is not in the mirror"):
        with_inventory(spec(), open_source(f"mirror:{tmp_path}"))


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"tags": ["N", "V"]}, "tags", "either `tags` or `tags_from`"),
        ({"tags_from": "test"}, "tags_from", "'train'"),
        ({"tags_from": None}, "tags", "this key, because the answer is tags"),
    ],
)
def test_rules_of_the_key(changes: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        spec(**changes)
    found = {".".join(map(str, each["loc"])): each["msg"] for each in caught.value.errors()}
    assert list(found) == [key]
    assert words in found[key]


def test_a_tag_that_training_lacks_stays_gold_and_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "en/train", TRAIN)
    write(tmp_path, "de/test", [["N", "S"], ["S", "NP"]])
    source = open_source(f"mirror:{tmp_path}")
    examples = read_examples(with_inventory(spec(), source), source, "de", "test")
    assert [each.gold for each in examples] == [("N", "S"), ("S", "NP")]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "us/chunks/de/test: 3 words have one of 2 tags that stand nowhere" in record.getMessage()
    assert "(NP, S)" in record.getMessage()


def test_a_tag_that_is_no_text_is_still_an_error(tmp_path: Path) -> None:
    write(tmp_path, "en/train", TRAIN)
    write(tmp_path, "de/test", [["N", 0]])
    source = open_source(f"mirror:{tmp_path}")
    with pytest.raises(DataError, match=r"row 0, column 'chunks': 0 \(word 1\) is no tag"):
        read_examples(with_inventory(spec(), source), source, "de", "test")


def ccg(hub: Path) -> Context:
    return Context(Catalogue(), f"mirror:{hub}")


def test_ccg_has_the_categories_of_the_mirrors_training_split(shared_hub: Path) -> None:
    task = ccg(shared_hub).task("ccg")
    # Counted once with another program: 250 in all splits together, 228 of them in training.
    assert len(task.spec.tags) == len(task.answer.options) == 228
    assert task.shown()["tags"] == list(task.spec.tags)


def test_words_with_unseen_categories_are_wrong_for_the_oracle_too(shared_hub: Path) -> None:
    context = ccg(shared_hub)
    task = context.task("ccg")
    examples, prompted = context.prompted("ccg", "en", "test", None)
    read = OracleEngine().answer(prompted, Readout.generate)
    scored = score_examples(task, examples, prompted, {each.id: each for each in read})
    known = set(task.spec.tags)
    right = [set(each.gold or ()) <= known for each in examples]
    # Counted once with another program.
    unseen = sum(tag not in known for each in examples for tag in each.gold or ())
    assert unseen == 14
    assert 0 < right.count(False) <= 14
    statistics = [cast("list[float]", row["statistics"]) for row in scored.rows]
    whole = [task.metric.scored([tuple(each)]).value == 100 for each in statistics]
    assert whole == right
    assert 90 < scored.results["score"] < 100  # type: ignore[operator]


def test_ccg_from_the_hub_ends_in_one_paragraph() -> None:
    done = t2t("tasks", "preview", "ccg", "--data", "hub")
    assert done.code == 2
    for word in ("LDC2005T13", "ccg/supertags/train.jsonl", "--data mirror:DIR"):
        assert word in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_ccg_from_files_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the paragraph advises: a copy of the task that names files, beside the hub's data."""
    text = (Path(__file__).parent.parent / "tasks" / "ccg.yaml").read_text("utf-8")
    before, _, rest = text.partition("data:\n")
    after = rest[rest.index("languages:") :]
    (tmp_path / "tasks").mkdir()
    files = "data: {files: {train: own/train.jsonl, test: own/test.jsonl}}\n"
    (tmp_path / "tasks" / "ccg.yaml").write_text(before + files + after, "utf-8")
    (tmp_path / "own").mkdir()
    row = json.dumps({"tokens": ["He", "left"], "supertags": ["N", "S[dcl]\\NP"]}) + "\n"
    for split in ("train", "test"):
        (tmp_path / "own" / f"{split}.jsonl").write_text(row)
    monkeypatch.chdir(tmp_path)
    done = t2t("tasks", "preview", "ccg", "--data", "hub", "--split", "test")
    assert done.code == 0, done.err
    assert "0:N 1:S[dcl]\\NP" in done.out
