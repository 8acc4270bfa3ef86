"""How much memory a training step will take, by part, before any weight is loaded.

The rule: nothing is computed. The step runs on fake tensors, which have shapes and no contents,
through the very code of training, and every storage is counted from its birth to its end. So there
is no formula to be wrong about an architecture; what is left out is what no tensor holds (the
framework itself, the workspaces of matrix products, fragmentation).

    with torch.device("meta"):
        loaded = wrap(AutoModelForMaskedLM.from_config(config), tokenizer, 256)
    estimate = estimate_memory(loaded, step.shares()[0], spec)
    estimate.peak, estimate.weights, estimate.activations      # bytes
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from t2t_xfer.architectures.head import batch_losses
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.rows import Row
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.training.vocabulary import vocabulary_in_place

NF4_BYTES = 0.5 + 0.127 / 8
"""Of a weight in 4 bits, with its share of quantised constants (QLoRA, arXiv 2305.14314, §3)."""


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes at the moment when they are most."""

    weights: int
    gradients: int
    """With those on their way."""
    optimizer: int
    """AdamW: two numbers for each trained weight. Adafactor: one for each row and column."""
    activations: int
    """What the passes hold, but for the logits."""
    logits: int
    """Whatever is as wide as the vocabulary: scores, their gradient, and what lies between."""

    @property
    def peak(self) -> int:
        """All parts together."""
        return sum(getattr(self, field.name) for field in fields(self))


class _Counter(TorchDispatchMode):
    """Counts the bytes of every storage that an operation makes, while it lives."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.vocabulary = vocabulary
        self.kinds: dict[int, tuple[str, int]] = {}
        self.now = dict.fromkeys(("gradients", "activations", "logits"), 0)
        self.peak = dict(self.now)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """One operation."""
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage(), self._kind(tensor))
        if func is torch.ops.aten.add.Tensor and torch._C._current_graph_task_id() >= 0:
            # Autograd adds up the gradients of what is used twice in place, but not fake ones.
            self._leave_out(args[0].untyped_storage())
        if sum(self.now.values()) > sum(self.peak.values()):
            self.peak = dict(self.now)
        return out

    def ignore(self, tensors: Iterable[torch.Tensor]) -> None:
        """What is counted elsewhere."""
        for tensor in tensors:
            self.kinds[id(tensor.untyped_storage())] = ("", 0)

    def _kind(self, tensor: torch.Tensor) -> str:
        if tensor.ndim > 1 and tensor.shape[-1] == self.vocabulary:
            return "logits"
        if tensor.ndim == 2 and tensor.shape[0] == self.vocabulary:
            return "gradients"  # of embeddings or head, on its way
        return "activations"

    def _leave_out(self, storage: Any) -> None:
        kind, size = self.kinds.get(id(storage), ("", 0))
        if kind:
            self.now[kind] -= size
            self.kinds[id(storage)] = ("", 0)

    def _count(self, storage: Any, kind: str) -> None:
        key = id(storage)
        if key in self.kinds:
            return
        self.kinds[key] = (kind, storage.nbytes())
        self.now[kind] += storage.nbytes()
        weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        kind, size = self.kinds.pop(key)
        if kind:
            self.now[kind] -= size

    def keep_gradient(self, weight: torch.Tensor) -> None:
        """A gradient is an activation until a weight keeps it."""
        assert weight.grad is not None
        storage = weight.grad.untyped_storage()
        kind, size = self.kinds.get(id(storage), ("", 0))
        if kind in ("activations", "logits"):
            self.now[kind] -= size
            self.now["gradients"] += size
            self.kinds[id(storage)] = ("gradients", size)


def estimate_memory(
    loaded: LoadedModel, batches: Sequence[Sequence[Row]], spec: TrainingSpec
) -> MemoryEstimate:
    """The most memory that a step takes.

    Args:
        loaded: a model on the device `meta`, with an adapter over it if one is to be trained; never
            in 4 bits, for which the estimate itself makes up. It is of no use afterwards.
        batches: the step's micro-batches; two of the largest tell as much as all.
    """
    model = loaded.model.train()
    with FakeTensorMode() as fake:
        _pretend(model, fake)
        return _run(loaded, batches, spec)


def _pretend(model: torch.nn.Module, fake: FakeTensorMode) -> None:
    """Puts a fake tensor in the place of every weight; what modules share stays shared."""
    made: dict[int, Any] = {}
    for module in model.modules():
        for held in (module._parameters, module._buffers):
            for name, tensor in held.items():
                if tensor is None:
                    continue
                if id(tensor) not in made:
                    empty: Any = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")
                    if isinstance(tensor, torch.nn.Parameter):
                        empty = torch.nn.Parameter(empty, requires_grad=tensor.requires_grad)
                    made[id(tensor)] = (empty, tensor)  # held, so that its id stays its own
                held[name] = made[id(tensor)][0]


def _run(
    loaded: LoadedModel, batches: Sequence[Sequence[Row]], spec: TrainingSpec
) -> MemoryEstimate:
    model = loaded.model
    if spec.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    head = model.get_output_embeddings()
    counter = _Counter(int(head.weight.shape[0]))
    counter.ignore([*model.parameters(), *model.buffers()])
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.register_post_accumulate_grad_hook(counter.keep_gradient)
    mixed = spec.autocast != "none"
    with counter, vocabulary_in_place(model):
        for rows in batches:
            with torch.autocast("cpu", torch.bfloat16) if mixed else nullcontext():
                losses = batch_losses(model, loaded.architecture, rows)
            losses.sum().backward()
    saved, largest = _saved_by_4_bits(model) if spec.adapter == "qlora" else (0, 0)
    return MemoryEstimate(
        weights=sum(map(_bytes, model.parameters())) - saved,
        gradients=counter.peak["gradients"],
        optimizer=sum(_optimizer_bytes(parameter, spec) for parameter in trained),
        activations=counter.peak["activations"] + largest,
        logits=counter.peak["logits"],
    )


def _optimizer_bytes(parameter: torch.Tensor, spec: TrainingSpec) -> int:
    if spec.optimizer == "adamw":
        return 2 * _bytes(parameter)
    if parameter.ndim < 2:
        return _bytes(parameter)
    rows, columns = parameter.shape[-2:]
    return 4 * parameter.numel() // (rows * columns) * (rows + columns)  # kept in float32


def _bytes(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _saved_by_4_bits(model: torch.nn.Module) -> tuple[int, int]:
    """What frozen layers take less than here, and the largest of them, unpacked for its turn."""
    sizes = [
        (module.weight.numel(), _bytes(module.weight))
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
        and not module.weight.requires_grad
        and any(part.isdigit() for part in name.split("."))
    ]
    saved = sum(size - int(number * NF4_BYTES) for number, size in sizes)
    return saved, max((size for _, size in sizes), default=0)
