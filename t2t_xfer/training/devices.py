"""Training in several processes, one for each device: DDP and FSDP as `accelerate` sets them up.

The rule: every process knows the same step and computes its share of it (`steps.py`), so a run on
several devices is the run on one, up to rounding. The first process alone writes.

What is spread must be spread: on a CPU the Trainer takes `--use_fsdp` and quietly runs DDP, so
whoever asks for FSDP is told when no weight is in pieces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from t2t_xfer import processes
from t2t_xfer.errors import TrainingError, UnsupportedError

LONGEST_WAIT = timedelta(hours=2)
"""For the first process, which may have to make or merge a model before training begins."""


def join() -> None:
    """Makes this process one of the group that the launcher has started. Alone: nothing."""
    if processes.count() == 1 or distributed.is_initialized():
        return
    from accelerate import PartialState

    PartialState(cpu=not torch.cuda.is_available(), timeout=LONGEST_WAIT)


def leave() -> None:
    """Ends the group, as torch wants it before a process ends."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def wait_for_all() -> None:
    """Until every process is here."""
    if distributed.is_initialized():
        distributed.barrier()


def from_first(message: Any = None) -> Any:
    """What the first process says, in every process.

    Args:
        message: counts in the first process alone.
    """
    if not distributed.is_initialized():
        return message
    held = [message]
    distributed.broadcast_object_list(held, src=0)
    return held[0]


def is_sharded(model: torch.nn.Module) -> bool:
    """Whether the weights are in pieces, one for each process (FSDP), rather than copied (DDP)."""
    from torch.distributed.fsdp import FullyShardedDataParallel
    from torch.distributed.tensor import DTensor

    return isinstance(model, FullyShardedDataParallel) or any(
        isinstance(parameter, DTensor) for parameter in model.parameters()
    )


def check_sharded(model: torch.nn.Module) -> None:
    """Refuses to run on copies when pieces were asked for.

    Raises:
        TrainingError: the launcher was told to use FSDP, and the weights are whole.
    """
    if processes.asked_for_fsdp() and not is_sharded(model):
        raise TrainingError(
            "FSDP was asked for (ACCELERATE_USE_FSDP), but the weights are not in pieces: on this"
            " device the Trainer runs DDP instead, with a whole copy in every process. Start"
            " without --use_fsdp, or on devices that accelerate can spread weights over (CUDA)."
        )


def whole_weights(model: torch.nn.Module) -> Mapping[str, Any] | None:
    """The weights in one piece where they are spread; None where every process has them whole.

    All processes must call this. The first gets the weights on the CPU, the others an empty
    mapping.
    """
    if not is_sharded(model):
        return None
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    whole: Mapping[str, Any] = get_model_state_dict(model, options=options)
    return whole


def blocks(model: torch.nn.Module) -> Iterator[torch.nn.Module]:
    """The transformer blocks: members of the outermost lists of layers."""
    for module in model.children():
        if isinstance(module, torch.nn.ModuleList):
            yield from module
        else:
            yield from blocks(module)


def compile_blocks(model: torch.nn.Module) -> None:
    """Compiles each transformer block by itself, for any batch and length.

    The model around them stays as it is: hooks choose the rows of the LM head anew for every
    micro-batch, and a compiled model would go on with those of the first.
    """
    for block in blocks(model):
        block.compile(dynamic=True)


def random_state() -> tuple[torch.Tensor, torch.Tensor | None]:
    """Of the generators that dropout draws from: the CPU's and, if there is one, the GPU's."""
    of_device = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
    return torch.get_rng_state(), of_device


def restore_random_state(state: tuple[torch.Tensor, torch.Tensor | None]) -> None:
    """Draws again what was drawn after `random_state`."""
    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state(state[1])


def check_float16(device: torch.device) -> None:
    """Refuses half precision where the device lacks it.

    Raises:
        UnsupportedError: it is no CUDA device.
    """
    if device.type != "cuda":
        raise UnsupportedError(
            "training.autocast: float16 needs a CUDA device. Use `autocast: bfloat16` or `none`."
        )


def check_select() -> None:
    """Refuses to choose among weights that are in pieces.

    Raises:
        UnsupportedError: FSDP was asked for.
    """
    if processes.asked_for_fsdp():
        raise UnsupportedError(
            "training.select: the best weights are kept and put back whole, which FSDP"
            " (ACCELERATE_USE_FSDP) does not allow. Use DDP, or train without `select`."
        )
