"""What a task that mines pairs may say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from t2t_xfer.data.sources import open_source
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import Readout
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.task import TaskSpec
from t2t_xfer.stages.predict import readouts_of
from t2t_xfer.stages.task import Task, load_task

POOLS = {"foreign": "source_pool", "english": "target_pool"}
MINED: dict[str, Any] = {
    "task": "bitext",
    "answer": "pair",
    "data": {"hub": {"id": "owner/bitext", "config": "{language}-en"}},
    "languages": ["de", "zh"],
    "id_field": "id",
    "pair_fields": ["source_id", "target_id"],
    "mining": {"test": POOLS},
    "prompt": {"use": "translation"},
    "metric": "bucc_f1",
}


def test_pools_of_the_test_split_are_enough() -> None:
    mining = TaskSpec.model_validate(MINED).mining
    assert mining is not None
    assert (mining.neighbours, mining.sentence_field) == (4, "sentence")
    assert mining.pools("validation") is mining.pools("train") is None


@pytest.mark.parametrize(
    ("changed", "key", "words"),
    [
        ({"id_field": None}, "mining", "expected `id_field` above"),
        ({"mining": None}, "metric", "expected retrieval_accuracy, because there is no `mining`"),
        ({"metric": "retrieval_accuracy"}, "metric", "expected bucc_f1, because"),
        ({"mining": {}}, "mining.test", "expected the pools of the test split"),
        ({"mining": {"test": {"foreign": "a"}}}, "mining.test.english", "required"),
        ({"mining": {"test": POOLS, "neighbours": 0}}, "mining.neighbours", "greater than 0"),
        (
            {"data": {"hub": {"id": "google/xtreme", "config": "bucc18.{language}"}}},
            "mining",
            "gold pairs of BUCC without the sentences that have none",
        ),
        ({"data": {**MINED["data"], "where": {"a": "b"}}}, "mining", "no `where`"),
    ],
)
def test_what_cannot_be_mined_is_refused(changed: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TaskSpec.model_validate({**MINED, **changed})
    found = {".".join(map(str, each["loc"])): each["msg"] for each in caught.value.errors()}
    assert list(found) == [key]
    assert words in found[key]


def test_other_answers_are_not_mined() -> None:
    label = {
        **{key: MINED[key] for key in ("task", "data", "languages", "mining", "prompt")},
        "answer": "label",
        "label_field": "label",
        "labels": {"a": {"value": 0}, "b": {"value": 1}},
        "metric": "accuracy",
    }
    with pytest.raises(ValidationError, match="nothing here, because the answer is label"):
        TaskSpec.model_validate(label)


def test_names_of_pools_memory_and_notes_change_no_result() -> None:
    one = TaskSpec.model_validate(MINED).canonical()["mining"]
    other = {"test": {"foreign": "a", "english": "b"}, "memory_mib": 9}
    assert TaskSpec.model_validate({**MINED, "mining": other}).canonical()["mining"] == one
    assert one == {"sentence_field": "sentence", "neighbours": 4}


def test_pairs_are_mined_by_embeddings_only() -> None:
    task = load_task(Catalogue(), "bucc", open_source("microworld"))
    assert readouts_of("encoder", task) == (Readout.embed,)
    asked = Task(
        task.spec.model_copy(update={"readout": {"encoder": Readout.rank}}),
        task.prompt,
        task.answer,
        task.metric,
    )
    with pytest.raises(UnsupportedError, match="mined by embeddings only"):
        readouts_of("encoder", asked)
    assert readouts_of("encoder", load_task(Catalogue(), "tatoeba", open_source("microworld"))) == (
        Readout.embed,
        Readout.rank,
    )


@pytest.mark.parametrize("name", ["bucc", "tatoeba"])
def test_a_decoder_has_no_first_token_to_pool(name: str) -> None:
    task = load_task(Catalogue(), name, open_source("microworld"))
    embedding = task.spec.embedding.model_copy(update={"pooling": "first"})
    first = Task(
        task.spec.model_copy(update={"embedding": embedding}),
        task.prompt,
        task.answer,
        task.metric,
    )
    with pytest.raises(UnsupportedError, match="same vector"):
        readouts_of("causal", first)
    assert readouts_of("encoder", first)
