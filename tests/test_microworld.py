"""The microworld: the same bytes everywhere, no leaks, right labels and right sentences."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from typing import Any

import pytest

from t2t_xfer import microworld
from t2t_xfer.microworld import LANGUAGES, configs, text
from t2t_xfer.microworld.hub import TAGS
from t2t_xfer.microworld.world import Event, Thing, load_world, split_of

rows = cache(microworld.rows)

MNLI, XNLI, PAWS_X, XTREME = (
    "nyu-mll/glue",
    "facebook/xnli",
    "google-research-datasets/paws-x",
    "google/xtreme",
)
UDPOS = {"en": "udpos.English", "de": "udpos.German", "tr": "udpos.Turkish", "zh": "udpos.Chinese"}
SPLITS = ("train", "validation", "validation_matched", "test")


@cache
def every_split() -> list[tuple[str, str, str]]:
    return [
        (hub_id, config, split)
        for hub_id in (MNLI, XNLI, PAWS_X, XTREME)
        for config in configs(hub_id)
        for split in SPLITS
        if rows(hub_id, config, split) is not None
    ]


def digest() -> str:
    content = [rows(*split) for split in every_split()] + [text(code) for code in LANGUAGES]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def sentences(row: Any) -> list[str]:
    if "tokens" in row:
        return [" ".join(row["tokens"])]
    return [row[key] for key in ("premise", "hypothesis", "sentence1", "sentence2") if key in row]


def test_another_process_makes_the_same_bytes() -> None:
    code = "import test_microworld as t; print(t.digest(), t.microworld.FINGERPRINT)"
    environment = os.environ | {
        "PYTHONHASHSEED": "1",
        "PYTHONPATH": os.path.dirname(__file__),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [digest(), microworld.FINGERPRINT]


def test_it_has_the_hubs_configurations_and_splits() -> None:
    found: dict[tuple[str, str], list[str]] = {}
    for hub_id, config, split in every_split():
        found.setdefault((hub_id, config), []).append(split)
    assert found == {
        (MNLI, "mnli"): ["train", "validation_matched"],
        **{(XNLI, code): ["validation", "test"] for code in LANGUAGES},
        **{(PAWS_X, code): ["train", "validation", "test"] for code in ("en", "de", "zh")},
        **{(XTREME, UDPOS[code]): ["train", "validation", "test"] for code in LANGUAGES},
    }


def test_what_it_lacks_is_none() -> None:
    assert rows(PAWS_X, "tr", "test") is None
    assert rows(MNLI, "mnli", "test") is None
    assert rows("no/such", "en", "test") is None
    assert configs("no/such") == []
    assert text("fi") is None


@pytest.mark.parametrize(
    ("hub_id", "config", "columns", "labels"),
    [
        (MNLI, "mnli", {"premise", "hypothesis", "label", "idx"}, 3),
        (XNLI, "tr", {"premise", "hypothesis", "label"}, 3),
        (PAWS_X, "zh", {"id", "sentence1", "sentence2", "label"}, 2),
    ],
)
def test_columns_and_balanced_labels(
    hub_id: str, config: str, columns: set[str], labels: int
) -> None:
    for split in SPLITS:
        found = rows(hub_id, config, split) or []
        assert all(set(row) == columns for row in found)
        counts = Counter(row["label"] for row in found)
        assert not found or set(counts) == set(range(labels))
        assert not found or max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_has_a_tag_and_every_sentence_ends(language: str) -> None:
    for row in rows(XTREME, UDPOS[language], "train") or []:
        tokens, tags = row["tokens"], row["pos_tags"]
        assert isinstance(tokens, tuple)
        assert isinstance(tags, tuple)
        assert len(tokens) == len(tags)
        assert all(isinstance(word, str) and word and " " not in word for word in tokens)
        assert TAGS[tags[-1]] == "PUNCT"  # type: ignore[index]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_held_out_sentence_is_in_any_training_split_or_in_the_text(language: str) -> None:
    """In running text and as words, across all tasks."""
    seen = {split: set[str]() for split in ("train", "validation", "test")}
    seen["train"].update(map(plain, text(language) or []))
    for hub_id, config, split in every_split():
        if config in (language, UDPOS[language], "mnli" if language == "en" else ""):
            for row in rows(hub_id, config, split) or []:
                seen[split.split("_")[0]].update(map(plain, sentences(row)))
    assert len(seen["train"]) > 4000
    assert not seen["train"] & (seen["validation"] | seen["test"])
    assert not seen["validation"] & seen["test"]


def plain(line: str) -> str:
    """Words and running text alike: German contractions undone, no stop, no spaces."""
    for short, long in (("im", "in dem"), ("am", "an dem"), ("vom", "von dem")):
        line = re.sub(rf"\b{short}\b", long, line, flags=re.IGNORECASE)
    return line.rstrip(" .").replace(" ", "").lower()


def test_rows_are_parallel_across_languages() -> None:
    """Same labels, and as many verbs and conjunctions."""
    for hub_id, languages in ((XNLI, LANGUAGES), (PAWS_X, ("en", "de", "zh"))):
        labels = [[row["label"] for row in rows(hub_id, code, "test") or []] for code in languages]
        assert all(other == labels[0] for other in labels)
    tagged = [rows(XTREME, UDPOS[code], "test") or [] for code in LANGUAGES]
    for parallel in zip(*tagged, strict=True):
        for tag in ("VERB", "CCONJ"):
            found = [row["pos_tags"].count(TAGS.index(tag)) for row in parallel]  # type: ignore
            assert len(set(found)) == 1


def test_no_pair_occurs_twice_or_says_the_same_words_twice() -> None:
    for hub_id, config, split in every_split():
        if hub_id != XTREME:
            pairs = [tuple(sentences(row)) for row in rows(hub_id, config, split) or []]
            assert len(set(pairs)) == len(pairs)
            assert all(one != two for one, two in pairs)


def test_simple_cues_do_not_give_the_label_away() -> None:
    """Negation in the hypothesis alone, and bags of words of paraphrases."""
    inferences = rows(MNLI, "mnli", "train") or []
    negative = Counter(row["label"] for row in inferences if " not " in str(row["hypothesis"]))
    assert max(negative.values()) < 0.4 * sum(negative.values())
    paraphrases = rows(PAWS_X, "en", "train") or []
    bags = [
        [sorted(side.lower().strip(".").split()) for side in sentences(row)] for row in paraphrases
    ]
    same = Counter(row["label"] for row, (a, b) in zip(paraphrases, bags, strict=True) if a == b)
    assert max(same.values()) < 0.6 * sum(same.values())


def test_a_table_of_word_overlap_and_negation_does_not_solve_entailment() -> None:
    """The strongest shallow cue, counted and not fitted, so that no optimiser can flatter it."""

    def cue(row: Any) -> tuple[int, ...]:
        old, new = (set(side.lower().strip(".").split()) for side in sentences(row))
        return "not" in old, "not" in new, min(len(old - new), 4), min(len(new - old), 4)

    table: dict[tuple[int, ...], Counter[Any]] = {}
    for row in rows(MNLI, "mnli", "train") or []:
        table.setdefault(cue(row), Counter())[row["label"]] += 1
    held_out = [row for split in ("validation", "test") for row in rows(XNLI, "en", split) or []]
    guesses = [table.get(cue(row), Counter({1: 1})).most_common(1)[0][0] for row in held_out]
    right = sum(guess == row["label"] for guess, row in zip(guesses, held_out, strict=True))
    assert right / len(held_out) < 0.65


def test_a_word_that_is_noun_and_verb() -> None:
    tags = {
        TAGS[tag]  # type: ignore[index]
        for row in rows(XTREME, "udpos.English", "train") or []
        for word, tag in zip(row["tokens"], row["pos_tags"], strict=True)  # type: ignore
        if word == "saw"
    }
    assert tags == {"NOUN", "VERB"}


def test_splits_depend_on_verb_and_participants_only() -> None:
    anna, kemal = Thing("anna", "name"), Thing("kemal", "name")
    bare = Event(anna, "see", (Thing("eagle", "indefinite"),))
    rich = Event(anna, "see", (Thing("animal", "indefinite", "big", count=3),), "park", "monday")
    swapped = [Event(anna, "see", (kemal,)), Event(kemal, "see", (anna,), negative=True)]
    world = load_world()
    assert split_of(world, bare) == split_of(world, rich)
    assert len({split_of(world, event) for event in swapped}) == 1
