"""Weight decay as in jiant's optimizer: 0.01 on matrices, none on biases and norms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import MambaConfig, MambaForCausalLM, PreTrainedModel

from t2t_xfer.architectures.micro import new_model
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.training.loop import _StepTrainer
from t2t_xfer.training.trainer import trainer_arguments

from .studydata import ARCHITECTURES


def a_mamba() -> PreTrainedModel:
    return MambaForCausalLM(MambaConfig(vocab_size=64, hidden_size=16, num_hidden_layers=1))


def groups(model: PreTrainedModel, folder: Path) -> dict[float, set[str]]:
    """The names of the weights by how much they decay."""
    trainer: Any = _StepTrainer.__new__(_StepTrainer)
    trainer.args = trainer_arguments(TrainingSpec(), 4, 0, folder, {})
    trainer.model, trainer.optimizer, trainer.optimizer_cls_and_kwargs = model, None, None
    names = {id(weight): name for name, weight in model.named_parameters()}
    return {
        group["weight_decay"]: {names[id(weight)] for weight in group["params"]}
        for group in trainer.create_optimizer().param_groups
    }


@pytest.mark.parametrize("architecture", [*ARCHITECTURES, "mamba"])
def test_matrices_decay_and_neither_biases_nor_norms(architecture: Any, tmp_path: Path) -> None:
    mamba = architecture == "mamba"
    model = a_mamba() if mamba else new_model(architecture, 64, hidden=16, layers=1, heads=2)
    found = groups(model, tmp_path)
    assert found.keys() == {0.01, 0.0}
    weights = dict(model.named_parameters())
    # T5's relative positions are called a bias, and jiant goes by that name.
    matrices = {n for n, w in weights.items() if w.ndim > 1 and "bias" not in n}
    assert matrices <= found[0.01]
    assert not [n for n in found[0.01] if "norm" in n.lower() or "bias" in n]
    assert found[0.0] == weights.keys() - found[0.01]


def test_a_decayed_weight_shrinks_by_the_rate(tmp_path: Path) -> None:
    """Decoupled: without a gradient a matrix is multiplied by 1 - rate × decay."""
    model = new_model("encoder", 64, hidden=16, layers=1, heads=2)
    trainer: Any = _StepTrainer.__new__(_StepTrainer)
    trainer.args = trainer_arguments(TrainingSpec(learning_rate=0.5), 4, 0, tmp_path, {})
    trainer.model, trainer.optimizer, trainer.optimizer_cls_and_kwargs = model, None, None
    optimizer = trainer.create_optimizer()
    weight = model.get_input_embeddings().weight
    before = weight.detach().clone()
    for each in model.parameters():
        each.grad = torch.zeros_like(each)
    optimizer.step()
    torch.testing.assert_close(weight, before * (1 - 0.5 * 0.01))
