"""The shipped tasks on real data and on the microworld: every row that is there can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from t2t_xfer.data.examples import missing_languages, read_examples
from t2t_xfer.data.sources import Source, open_source
from t2t_xfer.errors import AbsentError, DataError
from t2t_xfer.records import Example, Split
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.task import TaskSpec

LABELS = {
    "mnli": {"entailment", "neutral", "contradiction"},
    "xnli": {"entailment", "neutral", "contradiction"},
}


@pytest.fixture(scope="module")
def real(shared_hub: Path) -> Source:
    return open_source(f"mirror:{shared_hub}")


def shipped(name: str) -> TaskSpec:
    return Catalogue().task(name)


def languages_of(task: TaskSpec, source: Source, split: Split) -> Iterator[list[Example]]:
    absent = missing_languages(task, source, task.languages, split)
    for language in task.languages:
        if language not in absent:
            yield read_examples(task, source, language, split)


@pytest.mark.parametrize("name", ["mnli", "xnli"])
def test_nli_labels_in_every_language(real: Source, name: str) -> None:
    task = shipped(name)
    split: Split = "test" if name == "xnli" else "validation"
    languages = list(languages_of(task, real, split))
    assert languages
    for examples in languages:
        assert {each.gold for each in examples} == LABELS[name]
        assert all(set(each.fields) >= {"premise", "hypothesis"} for each in examples)


@pytest.mark.parametrize("name", ["xnli", "paws_x"])
def test_parallel_ids_have_the_same_gold_in_every_language(real: Source, name: str) -> None:
    """The rows are translations of one another, so equal ids must mean equal labels."""
    read = languages_of(shipped(name), real, "test")
    languages = [{each.id: each.gold for each in examples} for examples in read]
    assert len(languages) >= 5
    assert all(golds == languages[0] for golds in languages)


def test_limit_keeps_translations_together(real: Source) -> None:
    task = shipped("paws_x")
    few = [read_examples(task, real, language, "test", 50) for language in ("en", "de", "zh")]
    assert len({tuple(each.id for each in examples) for examples in few}) == 1
    assert len(few[0]) == 50


def test_udpos_has_a_tag_for_every_word(real: Source) -> None:
    task = shipped("udpos")
    inner_spaces = 0
    for examples in languages_of(task, real, "test"):
        for each in examples:
            words = each.fields["words"]
            assert isinstance(words, tuple)
            assert isinstance(each.gold, tuple)
            assert len(words) == len(each.gold)
            inner_spaces += any(" " in str(word) for word in words)
    assert inner_spaces > 100  # words such as "10 000" are kept whole


def test_english_trains_and_german_does_not(real: Source) -> None:
    task = shipped("udpos")
    assert len(read_examples(task, real, "en", "train", 100)) == 100
    assert len(read_examples(task, real, "en", "validation", 100)) == 100
    for split in ("train", "validation"):
        with pytest.raises(DataError, match="zero-shot"):
            read_examples(task, real, "de", split)


def test_language_left_out_of_the_data_is_named(real: Source) -> None:
    task = shipped("udpos")
    absent = missing_languages(task, real, task.languages, "test")
    if not absent:
        pytest.skip("this mirror has every language")
    with pytest.raises(AbsentError, match=r"no configuration 'udpos\."):
        read_examples(task, real, absent[0], "test")


@pytest.mark.parametrize("name", ["mnli", "xnli", "paws_x", "udpos"])
def test_microworld_serves_the_same_tasks(name: str) -> None:
    task, source = shipped(name), open_source("microworld")
    assert len(read_examples(task, source, "en", "validation", 10)) == 10
    for examples in languages_of(task, source, "test"):
        assert all(each.gold for each in examples)


def test_raw_text_is_there(real: Source) -> None:
    try:
        lines = real.text("de")
    except AbsentError:
        pytest.skip("this mirror has no raw text")
    assert next(lines).strip()
