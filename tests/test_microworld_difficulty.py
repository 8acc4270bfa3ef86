"""No cue that needs no understanding solves a task of the microworld."""

from __future__ import annotations

from collections import Counter

import pytest

from scripts.difficulty import CHOSEN, LABELLED, chosen, labelled, spans
from t2t_xfer.microworld import rows


@pytest.mark.parametrize("name", LABELLED)
def test_the_second_text_and_the_overlap_tell_little(name: str) -> None:
    """Chance is 33 or 50; overlap with negation is the strongest cue, and far from 100."""
    chance = 50 if name in ("paws_x", "qqp") else 33.3
    found = labelled(name)
    assert found["majority"] < chance + 4
    assert found["second text"] < chance + 8
    assert found["overlap"] < chance + 14
    assert found["overlap and negation"] < (75 if chance < 40 else 60)


@pytest.mark.parametrize("name", CHOSEN)
def test_neither_the_answers_alone_nor_their_words_tell(name: str) -> None:
    chance = 20 if name == "commonsense_qa" else 25
    assert all(value < chance + 8 for value in chosen(*CHOSEN[name]).values())


@pytest.mark.parametrize(
    ("hub_id", "config"), [("rajpurkar/squad", "plain_text"), ("rajpurkar/squad_v2", "squad_v2")]
)
def test_the_nearest_sentence_does_not_give_the_answer(hub_id: str, config: str) -> None:
    assert all(value < 45 for value in spans(hub_id, config, "validation").values())


@pytest.mark.parametrize(
    ("hub_id", "config", "split", "labels"),
    [
        ("nyu-mll/glue", "mnli", "train", 3),
        ("facebook/xnli", "zh", "test", 3),
        ("nyu-mll/glue", "qqp", "train", 2),
        ("google-research-datasets/paws-x", "de", "test", 2),
    ],
)
def test_labels_are_balanced(hub_id: str, config: str, split: str, labels: int) -> None:
    counts = Counter(row["label"] for row in rows(hub_id, config, split, 300) or [])
    assert set(counts) == set(range(labels))
    assert max(counts.values()) - min(counts.values()) <= 2
