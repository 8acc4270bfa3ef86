"""Pools with distractors: what a task may say of them, and which sentences a limit keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from t2t_xfer.data.examples import fingerprint, missing_languages, read_examples
from t2t_xfer.data.pools import read_pools
from t2t_xfer.data.sources import MirrorSource, Source, open_source
from t2t_xfer.errors import AbsentError, DataError, UnsupportedError
from t2t_xfer.records import Readout
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.load import load_yaml
from t2t_xfer.specs.task import TaskSpec
from t2t_xfer.stages.predict import readouts_of
from t2t_xfer.stages.task import Task, load_task

from .conftest import REPOSITORY
from .studydata import write_rows

FOREIGN = {"de-1": "Der Hund schläft.", "de-2": "Es regnet.", "de-3": "Die Katze singt."}
ENGLISH = {"en-1": "It rains.", "en-2": "The dog sleeps.", "en-3": "Buy now!", "en-4": "So it is."}
GOLD = [("de-1", "en-2"), ("de-2", "en-1")]


def rows_of(pool: dict[str, str]) -> list[dict[str, str]]:
    return [{"id": id, "sentence": text} for id, text in pool.items()]


def pairs_of(gold: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"source_id": ours, "target_id": theirs} for ours, theirs in gold]


def write_mirror(
    folder: Path,
    prefix: str = "",
    language: str = "de",
    foreign: dict[str, str] = FOREIGN,
    english: dict[str, str] = ENGLISH,
    gold: list[tuple[str, str]] = GOLD,
) -> Path:
    """`folder` in the mirror's layout; the prefix `sample_` makes the set for the threshold."""
    place = folder / "bucc2018" / f"{language}-en"
    write_rows(place / f"{prefix}source_pool.jsonl", rows_of(foreign))
    write_rows(place / f"{prefix}target_pool.jsonl", rows_of(english))
    write_rows(place / f"{prefix}gold.jsonl", pairs_of(gold))
    return folder


def documented_task() -> str:
    """The task file in docs/retrieval.md that reads BUCC's own files."""
    page = (REPOSITORY / "docs" / "retrieval.md").read_text(encoding="utf-8")
    return page.split("```yaml\n")[1].split("```")[0]


def write_official(folder: Path, part: str = "training") -> TaskSpec:
    """The same data as BUCC's own files, and the task that reads them."""
    place = folder / "bucc2018" / "de-en"
    place.mkdir(parents=True, exist_ok=True)
    lines = {
        "de": [f"{id}\t{text}" for id, text in FOREIGN.items()],
        "en": [f"{id}\t{text}" for id, text in ENGLISH.items()],
        "gold": ["\t".join(pair) for pair in GOLD],
    }
    for end, texts in lines.items():
        file = place / f"de-en.{part}.{end}"
        file.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    (folder / "tasks").mkdir(exist_ok=True)
    (folder / "tasks" / "bucc.yaml").write_text(documented_task(), encoding="utf-8")
    return load_yaml(folder / "tasks" / "bucc.yaml", TaskSpec)


def bucc() -> TaskSpec:
    return Catalogue().task("bucc")


def test_every_sentence_of_the_foreign_pool_is_an_example(tmp_path: Path) -> None:
    examples = read_examples(bucc(), MirrorSource(write_mirror(tmp_path)), "de", "test")
    assert [(e.id, e.gold) for e in examples] == [("de-1", "en-2"), ("de-2", "en-1"), ("de-3", "")]
    assert [e.fields["target"] for e in examples] == [*FOREIGN.values()]


def test_the_official_files_hold_the_same(tmp_path: Path) -> None:
    task = write_official(tmp_path)
    source = open_source("hub")  # not asked: files are the task's own
    ours = read_pools(task, source, "de", "test")
    theirs = read_pools(bucc(), MirrorSource(write_mirror(tmp_path)), "de", "test")
    assert ours == theirs
    assert dict(ours.english) == ENGLISH
    assert missing_languages(task, source, ["de", "zh"], "test") == ["zh"]
    assert missing_languages(task, source, ["de"], "validation") == ["de"]


def test_both_official_sets_are_there_for_one_threshold_and_one_score(tmp_path: Path) -> None:
    write_official(tmp_path, "sample")
    task = write_official(tmp_path)
    source = open_source("hub")
    for split in ("validation", "test"):
        assert missing_languages(task, source, ["de"], split) == []
        assert len(read_examples(task, source, "de", split)) == 3
    # Names and places change no result; content, layer and margin do.
    ours, shipped = task.canonical(), bucc().canonical()
    assert ours["mining"] == shipped["mining"]
    assert ours["embedding"] == shipped["embedding"]


def test_several_translations_are_all_gold(tmp_path: Path) -> None:
    gold = [*GOLD, ("de-1", "en-4"), ("de-1", "en-2")]
    examples = read_examples(bucc(), MirrorSource(write_mirror(tmp_path, gold=gold)), "de", "test")
    assert examples[0].gold == ("en-2", "en-4")


def test_the_sample_set_is_read_in_the_tested_language_but_nothing_is_trained_on_it(
    tmp_path: Path,
) -> None:
    """The one exception to zero-shot: XTREME chooses BUCC's threshold so."""
    source = MirrorSource(write_mirror(write_mirror(tmp_path), "sample_"))
    task = bucc()
    assert len(read_examples(task, source, "de", "validation")) == 3
    with pytest.raises(DataError, match="zero-shot"):
        read_examples(task, source, "de", "train")
    retrieval = TaskSpec.model_validate(
        {**task.model_dump(exclude={"mining"}), "metric": "retrieval_accuracy"}
    )
    with pytest.raises(DataError, match=r"validation data in 'de' is not read.*zero-shot"):
        read_examples(retrieval, source, "de", "validation")


def test_what_the_source_lacks_is_missing(tmp_path: Path) -> None:
    source = MirrorSource(write_mirror(tmp_path))
    assert missing_languages(bucc(), source, ["de", "zh"], "test") == ["zh"]
    assert missing_languages(bucc(), source, ["de"], "validation") == ["de"]
    with pytest.raises(AbsentError, match="zh-en"):
        read_examples(bucc(), source, "zh", "test")


def test_gold_pairs_without_their_pool_are_an_error_and_not_a_missing_language(
    tmp_path: Path,
) -> None:
    source = MirrorSource(write_mirror(tmp_path))
    (tmp_path / "bucc2018" / "de-en" / "target_pool.jsonl").unlink()
    with pytest.raises(DataError, match=r"target_pool: there is no such pool, but the gold pairs"):
        missing_languages(bucc(), source, ["de"], "test")


@pytest.mark.parametrize("part", ["gold", "source_pool", "target_pool"])
def test_the_fingerprint_follows_gold_and_both_pools(tmp_path: Path, part: str) -> None:
    source = MirrorSource(write_mirror(tmp_path))
    before = fingerprint(bucc(), source, "de", "test")
    file = tmp_path / "bucc2018" / "de-en" / f"{part}.jsonl"
    file.write_text(file.read_text() + "\n")
    assert fingerprint(bucc(), source, "de", "test") != before


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"gold": [("de-9", "en-1")]}, r"gold, row 0: no sentence 'de-9' in .*source_pool"),
        ({"gold": [("de-1", "en-1"), ("de-2", "en-9")]}, r"row 1: no sentence 'en-9' in"),
        ({"gold": []}, "holds no pairs"),
        ({"foreign": {"de-1": " "}, "gold": GOLD}, "holds no sentences"),
    ],
)
def test_gold_and_pools_must_fit(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_examples(bucc(), MirrorSource(write_mirror(tmp_path, **changed)), "de", "test")


def test_an_id_that_stands_twice_is_named_with_its_row(tmp_path: Path) -> None:
    write_mirror(tmp_path)
    rows = [*rows_of(ENGLISH), {"id": "en-1", "sentence": "Again."}]
    write_rows(tmp_path / "bucc2018" / "de-en" / "target_pool.jsonl", rows)
    with pytest.raises(DataError, match=r"target_pool, row 4: the id 'en-1' already stands above"):
        read_examples(bucc(), MirrorSource(tmp_path), "de", "test")


def test_a_line_without_a_tab_is_named_with_its_number(tmp_path: Path) -> None:
    task = write_official(tmp_path)
    file = tmp_path / "bucc2018" / "de-en" / "de-en.training.en"
    file.write_text("en-1\tIt rains.\nen-2 The dog sleeps.\n")
    with pytest.raises(DataError, match=r"de-en\.training\.en:2: expected id and sentence with a"):
        read_examples(task, open_source("hub"), "de", "test")


def many(tmp_path: Path) -> Source:
    foreign = {f"de-{i}": f"Satz {i}" for i in range(60)}
    english = {f"en-{i}": f"sentence {i}" for i in range(80)}
    gold = [(f"de-{3 * i}", f"en-{79 - i}") for i in range(10)]
    return MirrorSource(write_mirror(tmp_path, foreign=foreign, english=english, gold=gold))


@pytest.mark.parametrize(("limit", "pairs"), [(1, 1), (6, 3), (9, 5), (40, 10)])
def test_a_limit_keeps_as_many_of_both_pools_and_half_of_them_in_pairs(
    tmp_path: Path, limit: int, pairs: int
) -> None:
    found = read_pools(bucc(), many(tmp_path), "de", "test", limit)
    assert (len(found.foreign), len(found.english), len(found.gold)) == (limit, limit, pairs)
    assert all(id in found.foreign for id in found.gold)
    assert all(id in found.english for ids in found.gold.values() for id in ids)
    # Sentences that lost their partner would be false distractors.
    paired = {f"de-{3 * i}" for i in range(10)} | {f"en-{79 - i}" for i in range(10)}
    kept = {*found.gold, *(id for ids in found.gold.values() for id in ids)}
    assert not paired & (set(found.foreign) | set(found.english)) - kept


def test_a_larger_limit_keeps_what_a_smaller_one_kept(tmp_path: Path) -> None:
    source = many(tmp_path)
    few = read_pools(bucc(), source, "de", "test", 6)
    more = read_pools(bucc(), source, "de", "test", 20)
    assert few.foreign.keys() <= more.foreign.keys()
    assert few.english.keys() <= more.english.keys()


def test_the_hub_has_no_bucc_and_says_where_it_is_to_be_had() -> None:
    with pytest.raises(AbsentError) as caught:
        read_examples(bucc(), open_source("hub"), "de", "test")
    text = str(caught.value)
    for needle in ("gold pairs", "google/xtreme", "docs/retrieval.md", "official"):
        assert needle in text
    assert "\n" not in text
    assert missing_languages(bucc(), open_source("hub"), ["de", "zh"], "test") == ["de", "zh"]


def test_real_pools_of_chinese_hold_their_gold_pairs(shared_hub: Path) -> None:
    found = read_pools(bucc(), MirrorSource(shared_hub), "zh", "test")
    assert (len(found.foreign), len(found.english), len(found.gold)) == (8624, 13589, 257)
    assert missing_languages(bucc(), MirrorSource(shared_hub), bucc().languages, "test") == [
        "de",
        "fr",
        "ru",
    ]


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
