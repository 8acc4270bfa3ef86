"""The gradient of the vocabulary, added up in place, is autograd's."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from t2t_xfer.architectures.head import batch_losses
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.rows import Row
from t2t_xfer.records import ArchitectureName
from t2t_xfer.training.vocabulary import vocabulary_in_place

from .learning import fresh_model, rendered

ARCHITECTURES: tuple[ArchitectureName, ...] = ("encoder", "seq2seq", "causal")


@pytest.fixture(params=ARCHITECTURES)
def loaded(request: pytest.FixtureRequest) -> tuple[LoadedModel, list[list[Row]]]:
    """A model without dropout, and micro-batches of labels and of tags."""
    texts = [p.input for kind in ("label", "tags") for p in rendered(kind, 32)]
    model = fresh_model(request.param, texts)
    model.model.eval()
    batches = []
    for kind in ("label", "tags"):
        prompted = rendered(kind, 8)
        batches.append([row for p in prompted for row in model.architecture.training_rows(p)])
    return model, batches


def gradients(
    loaded: LoadedModel, batches: list[list[Row]], in_place: bool
) -> dict[str, torch.Tensor]:
    """Of every weight after both micro-batches, and after both once more."""
    model = loaded.model
    model.zero_grad(set_to_none=True)
    with vocabulary_in_place(model) if in_place else nullcontext():
        for rows in (*batches, *batches):
            batch_losses(model, loaded.architecture, rows).sum().backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def test_it_is_what_autograd_finds(loaded: tuple[LoadedModel, list[list[Row]]]) -> None:
    plain, mine = gradients(*loaded, in_place=False), gradients(*loaded, in_place=True)
    assert set(plain) == set(mine)
    for name, expected in plain.items():
        torch.testing.assert_close(mine[name], expected, rtol=1e-5, atol=1e-6, msg=name)


def test_padding_has_none(loaded: tuple[LoadedModel, list[list[Row]]]) -> None:
    """Nor has it for autograd where the embeddings name it; a tied head gives it one."""
    model = loaded[0].model
    padding = model.get_input_embeddings().padding_idx
    head = model.get_output_embeddings()
    if padding is None:
        pytest.skip("this architecture's embeddings name no padding")
    plain, mine = gradients(*loaded, in_place=False), gradients(*loaded, in_place=True)
    (name,) = [n for n, p in model.named_parameters() if p is head.weight]
    torch.testing.assert_close(mine[name][padding], plain[name][padding], rtol=1e-5, atol=1e-6)


def test_nothing_stays_behind(loaded: tuple[LoadedModel, list[list[Row]]]) -> None:
    model = loaded[0].model
    with vocabulary_in_place(model):
        assert "forward" in vars(model.get_input_embeddings())
    for module in model.modules():
        assert "forward" not in vars(module)


def test_what_is_frozen_and_what_others_share_stays_as_it_is(
    loaded: tuple[LoadedModel, list[list[Row]]],
) -> None:
    model = loaded[0].model
    with vocabulary_in_place(model, alone=False):
        assert "forward" not in vars(model.get_input_embeddings())
    model.requires_grad_(False)
    with vocabulary_in_place(model):
        assert "forward" not in vars(model.get_input_embeddings())
        assert "forward" not in vars(model.get_output_embeddings())
