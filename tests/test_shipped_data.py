"""The data side of every shipped task on the real mirror: all rows, in all languages and splits.

How many rows there should be is read from the mirror's own MANIFEST.md.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from t2t_xfer.data.examples import missing_languages, read_examples, with_inventory
from t2t_xfer.data.places import find_places
from t2t_xfer.data.sources import Source, SplitRef, open_source
from t2t_xfer.errors import DataError
from t2t_xfer.records import Answer, Example, Split
from t2t_xfer.specs.catalogue import Catalogue, shipped_root
from t2t_xfer.specs.task import TaskSpec

SHIPPED = Catalogue([shipped_root()])
MINED = {"bucc"}
"""Tasks whose rows are two lists of sentences rather than examples one by one."""
TRANSLATED = {name for name in SHIPPED.task_names() if SHIPPED.task(name).train_languages}
"""Tasks whose training rows, and their English ones, are not in the mirror."""
NAMES = [name for name in SHIPPED.task_names() if name not in MINED | TRANSLATED]
LEFT_OUT = {"hellaswag", "cosmos_qa", "commonsense_qa", "qqp", "mnli"}
"""Intermediate tasks without a labelled test split."""


@pytest.fixture(scope="module")
def manifest(shared_hub: Path) -> Mapping[str, int]:
    """`owner/name/config/split` to its number of rows."""
    path = shared_hub.parent / "MANIFEST.md"
    if not path.is_file():
        pytest.skip(f"{path} is not there: nothing says how many rows the mirror should have")
    rows = re.findall(r"^\| (\S+)\.jsonl \| (\d+) \|", path.read_text("utf-8"), re.MULTILINE)
    return {place: int(count) for place, count in rows}


@cache
def real(hub: Path) -> Source:
    return open_source(f"mirror:{hub}")


def shipped(name: str, hub: Path) -> TaskSpec:
    return with_inventory(SHIPPED.task(name), real(hub))


def readable(task: TaskSpec, hub: Path) -> list[tuple[str, Split]]:
    """Languages and splits that the mirror has and zero-shot transfer reads."""
    english = task.source_language
    splits: tuple[Split, ...] = ("train", "validation")
    found: list[tuple[str, Split]] = [
        (english, split)
        for split in splits
        if english in task.languages and not missing_languages(task, real(hub), [english], split)
    ]
    absent = missing_languages(task, real(hub), task.languages, "test")
    return found + [(code, "test") for code in task.languages if code not in absent]


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_read_and_every_gold_answer_is_legal(
    name: str, shared_hub: Path, manifest: Mapping[str, int]
) -> None:
    task = shipped(name, shared_hub)
    places = readable(task, shared_hub)
    assert places, "the mirror has nothing of this task"
    for language, split in places:
        examples = read_examples(task, real(shared_hub), language, split)
        assert len({each.id for each in examples}) == len(examples)
        refs = [p.location for p in find_places(task, real(shared_hub), language, split)]
        stated = sum(manifest[str(ref)] for ref in refs if isinstance(ref, SplitRef))
        if task.data.where_prefix:
            assert len(examples) < stated  # one language of a stacked set
        else:
            assert len(examples) == stated, (language, split)
        for each in examples:
            check_gold(task, each, split)


def check_gold(task: TaskSpec, example: Example, split: Split) -> None:
    gold = example.gold
    if task.answer in ("label", "choice"):
        assert gold in task.labels
    elif task.answer == "tags":
        assert isinstance(gold, tuple)
        words = example.fields["words"]
        assert isinstance(words, tuple)
        assert len(gold) == len(words) > 0
        assert set(gold) <= set(task.tags) or (task.tags_from and split != "train")
    elif task.answer == "span":
        assert isinstance(gold, tuple)
        assert all(isinstance(answer, Answer) and answer.text for answer in gold)
    else:
        assert gold == example.id


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        # As MANIFEST.md says: left out on purpose, so that their absence is met.
        ("xnli", {"sw", "ur"}),
        ("paws_x", {"ko"}),
        ("udpos", {"th", "yo", "kk"}),
        ("panx", {"sw", "my", "th"}),  # th was never there
        ("xquad", {"th"}),
        ("mlqa", {"vi"}),
        ("tatoeba", {"th", "ka"}),
        ("tydiqa", set()),
    ],
)
def test_languages_that_the_mirror_lacks_are_missing_and_no_others(
    name: str, absent: set[str], shared_hub: Path, manifest: Mapping[str, int]
) -> None:
    task = SHIPPED.task(name)
    found = missing_languages(task, real(shared_hub), task.languages, "test")
    assert set(found) == absent


@pytest.mark.parametrize("name", sorted(LEFT_OUT | {"anli_plus"}))
def test_intermediate_tasks_have_no_test_split(name: str, shared_hub: Path) -> None:
    assert missing_languages(SHIPPED.task(name), real(shared_hub), ["en"], "test") == ["en"]


def test_anli_plus_is_all_of_its_parts(shared_hub: Path, manifest: Mapping[str, int]) -> None:
    task = SHIPPED.task("anli_plus")
    examples = read_examples(task, real(shared_hub), "en", "train")
    places = Counter(each.id.rpartition(":")[0] for each in examples)
    # Figures of MANIFEST.md, and their sum by hand.
    assert places == {
        "anli:train_r1": 717,
        "anli:train_r2": 697,
        "anli:train_r3": 842,
        "mnli": 8722,
        "snli": 7947,
    }
    assert len(examples) == 18925


def test_tydiqa_trains_on_english_alone(shared_hub: Path, manifest: Mapping[str, int]) -> None:
    """The mirror's training split has 500 Korean and 500 Swahili questions between them."""
    task = SHIPPED.task("tydiqa")
    examples = read_examples(task, real(shared_hub), "en", "train")
    assert len(examples) == 3696
    assert all(each.id.startswith("english-") for each in examples)
    for split in ("train", "validation"):
        for language in ("ko", "sw"):
            with pytest.raises(DataError, match="zero-shot"):
                read_examples(task, real(shared_hub), language, split)
    tested = [len(read_examples(task, real(shared_hub), code, "test")) for code in task.languages]
    # XTREME's sizes: en ar bn fi id ko ru sw te; together the hub's 5,077.
    assert tested == [440, 921, 113, 782, 565, 276, 812, 499, 669]


def test_tested_rows_are_no_validation_rows(shared_hub: Path) -> None:
    """XTREME tests XQuAD, TyDiQA and Tatoeba on what the hub calls validation."""
    for name in ("xquad", "tydiqa", "tatoeba"):
        task = SHIPPED.task(name)
        english = task.source_language
        assert missing_languages(task, real(shared_hub), [english], "validation") == [english]


@pytest.mark.parametrize(
    ("name", "languages", "trained_on"),
    [
        ("xnli", 15, "mnli"),
        ("paws_x", 7, None),
        ("udpos", 33, None),
        ("panx", 40, None),
        ("xquad", 11, "squad_v1"),
        ("mlqa", 7, "squad_v1"),
        ("tydiqa", 9, None),
        ("tatoeba", 36, None),
    ],
)
def test_targets_have_xtremes_languages_and_training_data(
    name: str, languages: int, trained_on: str | None
) -> None:
    task = SHIPPED.task(name)
    assert (len(task.languages), task.train_task) == (languages, trained_on)
