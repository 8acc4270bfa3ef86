"""The checkpoints that ship are what their recipes say. What they learn: test_quickstart_run.py."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from scripts.micro_models.checkpoints import RECIPE, SIZES, text_hash
from scripts.micro_models.pretraining import Recipe
from t2t_xfer.microworld.checkpoints import checkpoint
from t2t_xfer.records import ArchitectureName

NAMES: tuple[ArchitectureName, ...] = ("encoder", "seq2seq", "causal")


def recipe_of(name: ArchitectureName) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((checkpoint(f"micro:{name}") / RECIPE).read_text())
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_is_small_and_in_half_precision(name: ArchitectureName) -> None:
    file = checkpoint(f"micro:{name}") / "model.safetensors"
    assert file.stat().st_size <= 2_000_000
    tensors = load_file(file).values()
    assert {tensor.dtype for tensor in tensors} == {torch.float16}
    assert sum(tensor.numel() for tensor in tensors) == pytest.approx(
        recipe_of(name)["parameters"], rel=0.01
    )


@pytest.mark.parametrize("name", NAMES)
def test_its_recipe_is_the_one_that_the_command_follows(name: ArchitectureName) -> None:
    recipe = recipe_of(name)
    assert recipe["recipe"] == asdict(Recipe())
    assert recipe["size"] == SIZES[name]
    # If this fails, the world tells its training events otherwise than when they were pretrained:
    # run the command of the recipe again.
    assert recipe["text"] == text_hash(0)


def test_they_had_the_same_text_and_as_much_of_it() -> None:
    recipes = [recipe_of(name) for name in NAMES]
    assert len({recipe["text"] for recipe in recipes}) == 1
    assert len({recipe["tokens"] for recipe in recipes}) == 1
    counts = [recipe["parameters"] for recipe in recipes]
    assert max(counts) <= 1.1 * min(counts)
    assert max(recipe["first_loss"] for recipe in recipes) <= 1.1 * min(
        recipe["first_loss"] for recipe in recipes
    )
    vocabularies = {
        json.dumps(
            json.loads((checkpoint(f"micro:{name}") / "tokenizer.json").read_text())["model"]
        )
        for name in NAMES
    }
    assert len(vocabularies) == 1
