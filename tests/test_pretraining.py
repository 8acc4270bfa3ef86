"""Micro models: alike in everything but the architecture, and the same from the same seed."""

from __future__ import annotations

import json
import math
from itertools import islice
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from scripts.micro_models.checkpoints import RECIPE, make_micro, new_micro, verdict_tokens
from scripts.micro_models.pretraining import Recipe, packed, rate_at
from t2t_xfer.architectures.adapters import count_parameters
from t2t_xfer.architectures.head import batch_losses
from t2t_xfer.architectures.loading import LoadedModel, load
from t2t_xfer.errors import UnsupportedError, UserError
from t2t_xfer.microworld import checkpoints
from t2t_xfer.microworld.lexicon import LANGUAGES
from t2t_xfer.microworld.text import DocumentShares, documents
from t2t_xfer.records import ArchitectureName
from t2t_xfer.specs.model import ModelSpec
from t2t_xfer.stages.bases import as_model_spec, base_of
from t2t_xfer.training.objectives import text_row

NAMES: tuple[ArchitectureName, ...] = ("encoder", "seq2seq", "causal")
SHORT = Recipe(steps=3, tokens_per_step=256)


@pytest.fixture(scope="module")
def new() -> dict[ArchitectureName, LoadedModel]:
    return {name: new_micro(name, seed=0) for name in NAMES}


def test_parameter_counts_are_within_a_tenth(new: dict[ArchitectureName, LoadedModel]) -> None:
    counts = [count_parameters(loaded.model).total for loaded in new.values()]
    assert max(counts) <= 1.1 * min(counts)
    # Two bytes a weight in float16, and a shipped file may have two megabytes.
    assert 2 * max(counts) < 2_000_000


def test_they_share_one_vocabulary(new: dict[ArchitectureName, LoadedModel]) -> None:
    vocabularies = [loaded.tokenizer.get_vocab() for loaded in new.values()]
    assert vocabularies[0] == vocabularies[1] == vocabularies[2]
    text = next(documents(0))
    ids = [loaded.tokenizer(text, add_special_tokens=False).input_ids for loaded in new.values()]
    assert ids[0] == ids[1] == ids[2]


@pytest.mark.parametrize("name", NAMES)
def test_a_new_model_knows_nothing_and_is_sure_of_nothing(
    new: dict[ArchitectureName, LoadedModel], name: ArchitectureName
) -> None:
    from random import Random

    loaded = new[name]
    ids = next(packed(loaded.architecture.codec, documents(0), 64))
    with torch.no_grad():
        loss = batch_losses(
            loaded.model.eval(),
            loaded.architecture,
            [text_row(loaded.architecture, ids, Random(0))],
        ).mean()
    # Decision 004: all three begin near the loss of a uniform guess.
    assert float(loss) == pytest.approx(math.log(len(loaded.tokenizer)), rel=0.1)


def test_rows_hold_whole_documents_and_all_of_them(
    new: dict[ArchitectureName, LoadedModel],
) -> None:
    codec = new["encoder"].architecture.codec
    texts = list(islice(documents(1), 50))
    rows = list(packed(codec, texts, 100))
    end = codec.special("eos")
    found: list[list[int]] = []
    for row in rows:
        assert len(row) <= 100
        found.append([])
        for token in row:
            if token == end:
                found.append([])
            else:
                found[-1].append(token)
    assert found == [codec.tokenizer(t, add_special_tokens=False).input_ids for t in texts]


# One of them in the fast suite; each trains a tokenizer twice.
@pytest.mark.parametrize(
    "name", ["causal", *(pytest.param(name, marks=pytest.mark.slow) for name in NAMES[:2])]
)
def test_the_same_seed_makes_the_same_bytes(name: ArchitectureName, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        make_micro(name, tmp_path / folder, SHORT)
    one, two = (sorted((tmp_path / folder).iterdir()) for folder in ("one", "two"))
    assert [path.name for path in one] == [path.name for path in two]
    assert {"config.json", "model.safetensors", "tokenizer.json", RECIPE} <= {p.name for p in one}
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_another_seed_makes_other_weights(tmp_path: Path) -> None:
    made = [
        make_micro("causal", tmp_path / str(seed), Recipe(steps=1, tokens_per_step=64, seed=seed))
        for seed in (0, 1)
    ]
    assert made[0].losses != made[1].losses


def test_a_checkpoint_is_saved_in_half_and_trained_in_single_precision(tmp_path: Path) -> None:
    make_micro("seq2seq", tmp_path, SHORT)
    stored = load_file(tmp_path / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    loaded = load(str(tmp_path))
    assert {p.dtype for p in loaded.model.parameters()} == {torch.float32}
    recipe = json.loads((tmp_path / RECIPE).read_text())
    assert recipe["tokens"] == 3 * 256
    assert recipe["command"].startswith("python -m scripts.micro_models --architecture seq2seq")


def test_every_fourth_step_has_longer_rows() -> None:
    recipe = Recipe(steps=100)
    assert [recipe.row_length(step) for step in range(5)] == [64, 64, 64, 128, 64]


def test_the_second_phase_has_half_the_rate_and_hides_little() -> None:
    recipe = Recipe(steps=1000, seed=3)
    first, second = recipe.phases
    assert first == (3, 600, 1.0, 0.25)
    assert second == (4, 400, 0.5, 0.06)
    rates = [rate_at(step, 400, recipe.warmup) for step in range(400)]
    assert rates.index(1.0) == 19
    assert rates[19:] == sorted(rates[19:], reverse=True)
    assert rates[-1] == pytest.approx(0.1, abs=0.01)


def test_every_verdict_is_one_token_of_its_own(new: dict[ArchitectureName, LoadedModel]) -> None:
    assert len(verdict_tokens(new["encoder"])) == 3 * len(LANGUAGES)
    assert len({frozenset(verdict_tokens(loaded)) for loaded in new.values()}) == 1


def test_documents_are_a_function_of_the_seed() -> None:
    first, again, other = (list(islice(documents(seed), 200)) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_documents_hold_each_language_and_no_other() -> None:
    english = DocumentShares(languages=("en", "de"), two_languages=0, switched=0)
    lines = list(islice(documents(0, english), 300))
    assert any(" the " in line for line in lines)
    assert all(line.isascii() or not {"ı", "ğ", "的"} & set(line) for line in lines)


def test_a_code_switched_document_keeps_word_order_and_changes_words() -> None:
    def lines(rate: float) -> list[str]:
        mixture = DocumentShares(0, 0, 1, languages=("en", "de"), switch_rate=rate)
        return list(islice(documents(3, mixture), 200))

    # At a rate of 1 every word that has a counterpart gives way.
    whole = lines(1.0)
    assert whole != lines(0.5)
    mixed = [set(line.split()) for line in lines(0.5)]
    assert sum(bool({"the", "The"} & w and {"der", "die", "das"} & w) for w in mixed) > 5


def test_a_micro_model_has_a_name() -> None:
    spec = as_model_spec("micro:encoder")
    assert (spec.name, spec.path) == ("micro-encoder", "micro:encoder")
    assert checkpoints.checkpoint("micro:causal").name == "causal"


def test_an_unknown_micro_model_is_named() -> None:
    with pytest.raises(UserError, match="micro:encoder, micro:seq2seq, micro:causal"):
        base_of(ModelSpec(name="m", path="micro:decoder"))
    assert issubclass(UnsupportedError, UserError)
