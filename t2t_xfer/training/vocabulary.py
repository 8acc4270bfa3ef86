"""The gradient of the vocabulary, added up in place.

Autograd gives every pass a gradient of its own for the input embeddings and for the head: each as
large as the vocabulary, filled with zeros, and then added to what earlier micro-batches left. For
an encoder-decoder of 25 M parameters beside 131,072 tokens that was a fifth of the time of a step
and of its memory (docs/decisions/013-cheap-micro-batches.md). Here a pass adds its rows to
`weight.grad`:

    with vocabulary_in_place(model):
        loss.backward()         # model.get_input_embeddings().weight.grad is what it would be

The same sums in another order. Not for DDP and FSDP, which wait for autograd's own gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional


@contextmanager
def vocabulary_in_place(model: Any, *, alone: bool = True) -> Iterator[None]:
    """Input embeddings and head of the model add to `.grad` by themselves, if they are trained.

    What is frozen, in 4 bits, under an adapter or otherwise not a plain layer stays as it is, and
    so does everything if this process is not `alone` in training the model.
    """
    if not alone:
        yield
        return
    embeddings, head = model.get_input_embeddings(), model.get_output_embeddings()
    with ExitStack() as stack:
        modules: Iterable[Any] = model.modules()
        for module in modules:
            # An encoder-decoder may have several modules over the one weight.
            if _is_plain(module, torch.nn.Embedding) and module.weight is embeddings.weight:
                stack.enter_context(_replaced(module, _embed))
        if _is_plain(head, torch.nn.Linear):
            stack.enter_context(_replaced(head, _score))
        yield


def _is_plain(module: Any, kind: type) -> bool:
    if type(module) is not kind or not module.weight.requires_grad:  # type: ignore[attr-defined]
        return False
    rare = ("max_norm", "scale_grad_by_freq", "sparse")
    return not any(getattr(module, name, None) for name in rare)


@contextmanager
def _replaced(module: Any, forward: Callable[[Any, torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """The module computes as `forward` says; its hooks are called as ever."""
    module.forward = lambda inputs: forward(module, inputs)
    try:
        yield
    finally:
        del module.forward


def _embed(module: Any, ids: torch.Tensor) -> torch.Tensor:
    if not torch.is_grad_enabled():
        return functional.embedding(ids, module.weight)
    found: torch.Tensor = _Embed.apply(ids, module.weight, module.padding_idx)  # type: ignore[no-untyped-call]
    return found


def _score(module: Any, hidden: torch.Tensor) -> torch.Tensor:
    # Autocast would compute with a copy of the weight in lower precision.
    if not torch.is_grad_enabled() or torch.is_autocast_enabled(hidden.device.type):
        return functional.linear(hidden, module.weight, module.bias)
    scores: torch.Tensor = _Score.apply(hidden, module.weight)  # type: ignore[no-untyped-call]
    return scores if module.bias is None else scores + module.bias


class _Embed(torch.autograd.Function):
    """Rows of the weight; backwards, their gradients to its `.grad`."""

    @staticmethod
    def forward(ctx: Any, ids: torch.Tensor, weight: torch.Tensor, padding: int | None) -> Any:
        ctx.save_for_backward(ids)
        ctx.weight, ctx.padding = weight, padding
        return functional.embedding(ids, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[None, None, None]:
        (ids,) = ctx.saved_tensors
        flat, rows = ids.flatten(), gradient.flatten(0, -2)
        if ctx.padding is not None:
            rows = rows * (flat != ctx.padding)[:, None]
        if rows.device.type != "cpu":
            # Each token once: on a GPU, rows of the same token are added in no fixed order.
            flat, places = flat.unique(return_inverse=True)
            rows = torch.ops.aten.embedding_dense_backward(rows, places, len(flat), -1, False)
        _gradient_of(ctx.weight).index_add_(0, flat, rows.to(ctx.weight.dtype))
        return None, None, None


class _Score(torch.autograd.Function):
    """Logits; backwards, the weight's gradient to its `.grad`."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor) -> Any:
        ctx.save_for_backward(hidden)
        ctx.weight = weight
        return functional.linear(hidden, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, None]:
        (hidden,) = ctx.saved_tensors
        flat = gradient.flatten(0, -2)
        _gradient_of(ctx.weight).addmm_(flat.t(), hidden.flatten(0, -2))
        return (gradient @ ctx.weight if ctx.needs_input_grad[0] else None), None


def _gradient_of(weight: torch.Tensor) -> torch.Tensor:
    if weight.grad is None:
        weight.grad = torch.zeros_like(weight)
    return weight.grad
