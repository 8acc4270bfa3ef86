"""The microworld as data sets: the same bytes everywhere, the hub's columns, no leaks, parallel."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from t2t_xfer import microworld
from t2t_xfer.microworld import LANGUAGES, configs, hub_ids, splits, text
from t2t_xfer.microworld.grammar import ENTITIES, TAGS

NUM_ROWS = 120


@cache
def rows(hub_id: str, config: str, split: str) -> list[Any]:
    return microworld.rows(hub_id, config, split, NUM_ROWS) or []


@cache
def every_split() -> list[tuple[str, str, str]]:
    return [
        (hub_id, config, split)
        for hub_id in hub_ids()
        for config in configs(hub_id)
        for split in splits(hub_id, config)
    ]


def digest() -> str:
    content = [rows(*split) for split in every_split()] + [text(code) for code in LANGUAGES]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def test_another_process_makes_the_same_bytes() -> None:
    code = "import test_microworld as t; print(t.digest(), t.microworld.FINGERPRINT)"
    environment = os.environ | {
        "PYTHONHASHSEED": "1",
        "PYTHONPATH": os.pathsep.join(
            [os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")]
        ),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [digest(), microworld.FINGERPRINT]


def test_the_first_rows_do_not_depend_on_how_many_are_asked_for() -> None:
    many = microworld.rows("nyu-mll/glue", "mnli", "train", 300)
    assert many is not None
    assert many[:NUM_ROWS] == rows("nyu-mll/glue", "mnli", "train")


UDPOS = {"en": "English", "de": "German", "tr": "Turkish", "ar": "Arabic", "zh": "Chinese"}
ISO3 = {"de": "deu", "tr": "tur", "ar": "ara", "zh": "cmn", "sw": "swh"}


def test_it_has_the_hubs_configurations() -> None:
    """A language is absent where XTREME's list has none: no Swahili in udpos or xquad."""
    assert {hub_id: set(configs(hub_id)) for hub_id in hub_ids()} == {
        "nyu-mll/glue": {"mnli", "qqp"},
        "facebook/anli": {"plain_text"},
        "stanfordnlp/snli": {"plain_text"},
        "rajpurkar/squad": {"plain_text"},
        "rajpurkar/squad_v2": {"squad_v2"},
        "Rowan/hellaswag": {"default"},
        "allenai/cosmos_qa": {"default"},
        "tau/commonsense_qa": {"default"},
        "ccg": {"supertags"},
        "facebook/xnli": {"en", "de", "tr", "ar", "zh", "sw"},
        "facebook/mlqa": {f"mlqa-translate-train.{code}" for code in ("de", "ar", "zh")},
        "google-research-datasets/paws-x": {"en", "de", "zh"},
        "bucc2018": {"de-en", "zh-en"},
        "google/xtreme": {
            *(f"udpos.{name}" for name in UDPOS.values()),
            *(f"PAN-X.{code}" for code in LANGUAGES),
            *(f"XQuAD.{code}" for code in ("en", "de", "tr", "ar", "zh")),
            *(f"MLQA.{code}.{code}" for code in ("en", "de", "ar", "zh")),
            *(f"tatoeba.{code}" for code in ISO3.values()),
            "tydiqa",
        },
    }


def test_it_has_the_hubs_splits() -> None:
    assert splits("nyu-mll/glue", "mnli") == ["train", "validation_matched"]
    assert splits("facebook/xnli", "sw") == ["validation", "test", "train"]
    assert splits("facebook/mlqa", "mlqa-translate-train.de") == ["train", "validation"]
    assert splits("google/xtreme", "XQuAD.de") == ["validation"]
    assert sorted(splits("facebook/anli", "plain_text")) == sorted(
        f"{name}_r{number}" for name in ("train", "dev", "test") for number in (1, 2, 3)
    )
    parts = ["gold", "source_pool", "target_pool"]
    assert splits("bucc2018", "de-en") == [*parts, *(f"sample_{part}" for part in parts)]


def test_what_it_lacks_is_none() -> None:
    assert microworld.rows("google-research-datasets/paws-x", "tr", "test") is None
    assert microworld.rows("nyu-mll/glue", "mnli", "test") is None
    assert microworld.rows("bucc2018", "de-en", "train") is None
    assert microworld.rows("no/such", "en", "test") is None
    assert configs("no/such") == []
    assert text("fi") is None


SQUAD = "id title context question answers"
COLUMNS = [
    ("nyu-mll/glue", "mnli", "train", "premise hypothesis label idx"),
    ("nyu-mll/glue", "qqp", "train", "question1 question2 label idx"),
    ("facebook/anli", "plain_text", "dev_r2", "uid premise hypothesis label reason"),
    ("stanfordnlp/snli", "plain_text", "train", "premise hypothesis label"),
    ("facebook/xnli", "tr", "test", "premise hypothesis label"),
    ("google-research-datasets/paws-x", "zh", "test", "id sentence1 sentence2 label"),
    ("rajpurkar/squad", "plain_text", "train", SQUAD),
    ("rajpurkar/squad_v2", "squad_v2", "validation", SQUAD),
    ("google/xtreme", "XQuAD.ar", "validation", "id context question answers"),
    ("google/xtreme", "MLQA.zh.zh", "test", SQUAD),
    ("google/xtreme", "tydiqa", "train", SQUAD),
    ("google/xtreme", "udpos.Arabic", "test", "tokens pos_tags"),
    ("google/xtreme", "PAN-X.sw", "test", "tokens ner_tags langs"),
    (
        *("google/xtreme", "tatoeba.swh", "validation"),
        "source_sentence target_sentence source_lang target_lang",
    ),
    ("ccg", "supertags", "train", "tokens pos supertags domain"),
    (
        *("Rowan/hellaswag", "default", "train"),
        "ind activity_label ctx_a ctx_b ctx endings source_id split split_type label",
    ),
    (
        *("allenai/cosmos_qa", "default", "train"),
        "id context question answer0 answer1 answer2 answer3 label",
    ),
    (
        *("tau/commonsense_qa", "default", "train"),
        "id question question_concept choices answerKey",
    ),
    ("bucc2018", "zh-en", "gold", "source_id target_id"),
    ("bucc2018", "zh-en", "source_pool", "id sentence"),
]


@pytest.mark.parametrize(("hub_id", "config", "split", "columns"), COLUMNS)
def test_columns_are_the_hubs_in_its_order(
    hub_id: str, config: str, split: str, columns: str
) -> None:
    found = rows(hub_id, config, split)
    assert len(found) >= NUM_ROWS // 3
    assert {" ".join(row) for row in found} == {columns}


def test_types_are_the_hubs() -> None:
    """What tasks compare by type: hellaswag's label is text, tydiqa's id names the language."""
    assert {row["label"] for row in rows("Rowan/hellaswag", "default", "train")} == set("0123")
    assert {row["label"] for row in rows("allenai/cosmos_qa", "default", "train")} == {0, 1, 2, 3}
    ids = [row["id"] for row in rows("google/xtreme", "tydiqa", "validation")]
    assert {each.split("-")[0] for each in ids} == {"english", "arabic", "swahili"}
    assert rows("google/xtreme", "tatoeba.deu", "validation")[0]["target_sentence"][-1] == "\n"


def statements(row: Any) -> list[str]:
    """The sentences of a row that state something, as running text."""
    texts = [
        str(row[key])
        for key in ("premise", "hypothesis", "sentence1", "sentence2", "sentence", "context")
        if key in row
    ]
    if "source_lang" in row:
        texts.append(row["source_sentence"].strip())
    found = [
        line
        for each in texts
        for line in each.replace("。", "。 ").replace(". ", ".\n").split("\n")
    ]
    return [line.replace(" ", "").rstrip(".。").lower() for line in found if line.strip()]


def language_of(hub_id: str, config: str) -> str:
    if hub_id in ("facebook/xnli", "google-research-datasets/paws-x"):
        return config
    if config.startswith(("XQuAD", "MLQA")):
        return config.split(".")[1]
    return {f"tatoeba.{iso3}": code for code, iso3 in ISO3.items()}.get(config, "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_held_out_sentence_is_in_any_training_split_or_in_the_text(language: str) -> None:
    """As running text, across all tasks. The hub's XQuAD and Tatoeba call their test validation."""
    train = {line.replace(" ", "").rstrip(".。").lower() for line in text(language) or []}
    held_out: set[str] = set()
    for hub_id, config, split in every_split():
        if config == "tydiqa" or hub_id == "bucc2018" or language_of(hub_id, config) != language:
            continue
        seen = train if "train" in split else held_out
        for row in rows(hub_id, config, split):
            seen.update(statements(row))
    assert len(train) > 3000
    assert len(held_out) > 100
    assert not train & held_out


def test_no_named_entity_of_the_test_split_is_in_training() -> None:
    def entities(split: str) -> set[str]:
        found: list[list[str]] = []
        for row in microworld.rows("google/xtreme", "PAN-X.en", split, 1000) or []:
            for word, tag in zip(row["tokens"], row["ner_tags"], strict=True):  # type: ignore
                name = ENTITIES[tag]
                if name.startswith("B"):
                    found.append([word])
                elif name.startswith("I"):
                    found[-1].append(word)
        return {" ".join(words) for words in found}

    train, test = entities("train"), entities("test")
    assert len(train) > 100
    assert len(test) > 20
    assert not train & test


def test_no_commonsense_question_of_validation_is_in_training() -> None:
    """The same question with the same right answer."""

    def asked(split: str) -> set[tuple[str, str]]:
        return {
            (row["question"], row["choices"]["text"]["ABCDE".index(row["answerKey"])])  # type: ignore
            for row in microworld.rows("tau/commonsense_qa", "default", split, 1000) or []
        }

    assert len(asked("train")) > 60
    assert not asked("train") & asked("validation")


def test_rows_are_parallel_across_languages() -> None:
    """The same label, the same id, and as many verbs, for the same row."""
    for hub_id, key in (("facebook/xnli", "label"), ("google-research-datasets/paws-x", "label")):
        golds = [[row[key] for row in rows(hub_id, code, "test")] for code in configs(hub_id)]
        assert all(other == golds[0] for other in golds)
    ids = [
        [row["id"] for row in rows("google/xtreme", f"XQuAD.{code}", "validation")]
        for code in ("en", "de", "zh")
    ]
    assert ids[0] == ids[1] == ids[2]
    tagged = [rows("google/xtreme", f"PAN-X.{code}", "test") for code in LANGUAGES]
    for parallel in zip(*tagged, strict=True):
        starts = [sorted(tag for tag in row["ner_tags"] if tag % 2) for row in parallel]
        assert all(each == starts[0] for each in starts)


def test_rows_are_distinct() -> None:
    for hub_id, config, split in every_split():
        if config in ("tydiqa", "squad_v2", "plain_text", "mlqa") or config[:4] in ("XQuA", "MLQA"):
            continue
        names = {"id", "ind", "idx", "uid", "source_id"}
        found = [
            json.dumps({key: value for key, value in row.items() if key not in names})
            for row in rows(hub_id, config, split)
        ]
        if hub_id != "bucc2018":
            assert len(set(found)) >= 0.97 * len(found), (hub_id, config, split)


@pytest.mark.parametrize("language", ["en", "de", "tr", "ar", "zh"])
def test_every_word_has_a_tag_and_all_kinds_of_words_occur(language: str) -> None:
    found = microworld.rows("google/xtreme", f"udpos.{UDPOS[language]}", "train", 600) or []
    seen = set()
    for row in found:
        tokens, tags = row["tokens"], row["pos_tags"]
        assert isinstance(tokens, tuple)
        assert isinstance(tags, tuple)
        assert len(tokens) == len(tags)
        assert all(isinstance(word, str) and word and " " not in word for word in tokens)
        assert TAGS[tags[-1]] == "PUNCT"  # type: ignore[index]
        seen.update(TAGS[tag] for tag in tags)  # type: ignore[index]
    common = {"ADJ", "ADV", "AUX", "CCONJ", "DET", "NOUN", "NUM", "PRON", "PROPN", "PUNCT", "VERB"}
    assert common | {"ADP"} <= seen
    assert ("SCONJ" in seen) == (language != "tr")  # çünkü is a CCONJ
    assert ("PART" in seen) == (language != "tr")
