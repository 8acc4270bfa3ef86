"""CCG's categories on micro models: 250 codes are learnt and read, in both forms."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from t2t_xfer.answers import answer_format
from t2t_xfer.records import ArchitectureName, Example, Readout
from t2t_xfer.specs.prompt import ResolvedPrompt

from .learning import TAGS_TASK, TRAINING, learn, score


@pytest.fixture(scope="module")
def rows(shared_hub: Path) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Words and categories of every sentence of the mirror."""
    found = []
    for split in ("train", "validation", "test"):
        path = shared_hub / "ccg" / "supertags" / f"{split}.jsonl.gz"
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                found.append((tuple(row["tokens"]), tuple(row["supertags"])))
    return found


@pytest.mark.parametrize(
    ("architecture", "form"),
    [
        ("encoder", Readout.slots),
        ("seq2seq", Readout.slots),
        ("causal", Readout.slots),
        pytest.param("seq2seq", Readout.generate, marks=pytest.mark.slow),
        pytest.param("causal", Readout.generate, marks=pytest.mark.slow),
    ],
)
def test_a_micro_model_learns_categories_of_ccg(
    rows: list[tuple[tuple[str, ...], tuple[str, ...]]],
    architecture: ArchitectureName,
    form: Readout,
    tmp_path: Path,
) -> None:
    inventory = tuple(sorted({tag for _, tags in rows for tag in tags}))
    assert len(inventory) == 250
    task = TAGS_TASK.model_copy(update={"tags": inventory, "default_tag": "N"})
    answer = answer_format(task, ResolvedPrompt(input=task.prompt.input or ""))
    short = [row for row in rows if 6 <= len(row[0]) <= 12]
    # Spread over the two domains of the corpus.
    seen = [
        Example(str(i), "ccg", "en", "train", {"words": words}, tags)
        for i, (words, tags) in enumerate(short[:: len(short) // 24][:24])
    ]
    assert len({tag for e in seen if isinstance(e.gold, tuple) for tag in e.gold}) >= 30
    training = TRAINING.model_copy(update={"epochs": 60})
    loaded = learn(architecture, answer, seen, tmp_path, training, form)
    assert score(loaded, answer, seen, form)["token_accuracy"] >= 80
