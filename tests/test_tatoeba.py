"""Tatoeba in XTREME's direction: each English sentence looks among all foreign ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from t2t_xfer.specs.catalogue import Catalogue

from .studydata import one_thread, t2t, write_rows
from .wordvectors import save_model, word, write_task

# Words are orthonormal, so cosines are shared words over the root of both lengths.
PAIRS = [([0, 1], [0, 1, 2, 3]), ([2, 3], [4, 5]), ([4], [4, 5, 6])]
"""English words, foreign words."""


def test_each_english_sentence_finds_one_foreign_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand, English to foreign:

        E0 = 0 1:  F0 2/sqrt(8), F1 0, F2 0              -> F0, right
        E1 = 2 3:  F0 2/sqrt(8), F1 0, F2 0              -> F0, wrong
        E2 = 4:    F0 0, F1 1/sqrt(2), F2 1/sqrt(3)      -> F1, wrong

    The other way round two of three would be right (F0 -> E0, F1 -> E2, F2 -> E2).
    """
    one_thread()
    monkeypatch.chdir(tmp_path)
    model = save_model(tmp_path / "model", torch.eye(32))
    write_task(tmp_path, "tatoeba")
    rows = [
        {
            "source_sentence": " ".join(word(id, "d") for id in foreign) + "\n",
            "target_sentence": " ".join(word(id, "e") for id in english) + "\n",
        }
        for english, foreign in PAIRS
    ]
    write_rows(tmp_path / "google" / "xtreme" / "tatoeba.deu" / "validation.jsonl", rows)
    command = ("evaluate", "--model", model, "--task", "tatoeba", "--language", "de", "--json")
    done = t2t(*command, "--data", f"mirror:{tmp_path}", "--output", tmp_path / "out")
    assert done.code == 0, done.err
    assert json.loads(done.out)["languages"]["de"]["score"] == pytest.approx(100 / 3)
    logs = [log.read_text().splitlines() for log in tmp_path.glob("out/store/score/*/*.jsonl")]
    by_embedding = [[json.loads(line)["value"] for line in log] for log in logs]
    assert ["0", "0", "1"] in by_embedding


def test_the_layer_is_the_fourteenth_of_xlm_r_large() -> None:
    """XTREME reads hidden_states[14] of 24 layers (jiant says "layer 14"), mean pooled."""
    for name in ("tatoeba", "bucc"):
        embedding = Catalogue().task(name).embedding
        assert round(24 * embedding.layer) == 14
        assert embedding.pooling == "mean"
