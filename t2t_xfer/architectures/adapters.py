"""LoRA adapters on all three architectures: where they go, how they are kept, how they merge.

The rule: every linear layer inside the transformer blocks gets an adapter; the LM head and the
embeddings never do. The head is what an encoder answers through, and an adapter on it would be
the task head that this program does without.

    encoder.layer.0.attention.self.query      adapted as `query`
    encoder.layer.0.output.dense              adapted as `output.dense`
    lm_head.dense, pooler.dense, lm_head      left alone

PEFT warns of what an adapter lacks and says nothing of what lands nowhere: a file without a tensor
gives the base's answers. So the adapter that its settings ask for is set up over the model without
memory (torch's device `meta`), and its names and shapes are compared with those of the file.

    base_model.model.roberta.encoder.layer.0.….lora_A.weight     in both
    ….lora_A.default.weight                                      refused: belongs nowhere
    ….lora_B.weight missing                                      refused: half an adapter
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch
from safetensors import safe_open
from torch import nn
from transformers.pytorch_utils import Conv1D

from t2t_xfer.architectures.checkpoint import (
    WEIGHTS,
    AdapterBase,
    adapter_base,
    adapter_config,
    check_quantisation,
    check_tensor_file,
    write_adapter_base,
)
from t2t_xfer.architectures.weights import finite, listed
from t2t_xfer.errors import UnsupportedError, UserError
from t2t_xfer.paths import expanded
from t2t_xfer.records import ArchitectureName

if TYPE_CHECKING:
    from transformers import PreTrainedModel


TASK_TYPES: dict[ArchitectureName, str] = {"seq2seq": "SEQ_2_SEQ_LM", "causal": "CAUSAL_LM"}
"""What other tools read from an adapter's config. PEFT has no word for a masked language model."""


class Lora(Protocol):
    """The settings of an adapter (`specs.training.LoraSpec` is one)."""

    @property
    def rank(self) -> int:
        """Inner dimension."""

    @property
    def alpha(self) -> int:
        """The update is scaled by alpha / rank."""

    @property
    def dropout(self) -> float:
        """On the adapter's input, 0 to 1."""

    @property
    def targets(self) -> Sequence[str] | None:
        """Names of layers; None: all."""


class ParameterCount(NamedTuple):
    """How many numbers a model has; of quantised weights, what they stand for."""

    trainable: int
    total: int


def target_modules(model: nn.Module, targets: Sequence[str] | None = None) -> list[str]:
    """The layers to adapt, as PEFT wants them: the shortest endings that match nothing else.

    Args:
        targets: endings of layer names (`q_proj`, `output.dense`); None: every linear layer of
            the transformer blocks.

    Raises:
        UnsupportedError: a target that is no linear layer of a block.
    """
    linear = list(_block_layers(model))
    chosen = [n for n in linear if targets is None or any(_ends(n, t) for t in targets)]
    for target in targets or ():
        if not any(_ends(name, target) for name in linear):
            known = ", ".join(sorted({name.rsplit(".", 1)[-1] for name in linear}))
            raise UnsupportedError(
                f"training.lora.targets: {target!r} is no linear layer of this model's blocks."
                f" It has {known}."
            )
    if not chosen:
        raise UnsupportedError("the model has no linear layers in blocks, so LoRA has no place.")
    others = [name for name, _ in model.named_modules() if name and name not in set(chosen)]
    return sorted({_shortest_ending(name, others) for name in chosen})


def _block_layers(model: nn.Module) -> Iterator[str]:
    """Linear layers under a numbered block; GPT-2's `Conv1D` and quantised layers are such too."""
    for name, module in model.named_modules():
        in_block = any(part.isdigit() for part in name.split("."))
        if in_block and isinstance(module, nn.Linear | Conv1D):
            yield name


def _ends(name: str, ending: str) -> bool:
    return name == ending or name.endswith(f".{ending}")


def _shortest_ending(name: str, others: Sequence[str]) -> str:
    parts = name.split(".")
    for start in range(len(parts) - 1, 0, -1):
        ending = ".".join(parts[start:])
        if not any(_ends(other, ending) for other in others):
            return ending
    return name


def add_adapter(
    model: PreTrainedModel, architecture: ArchitectureName, lora: Lora, seed: int
) -> Any:
    """A new adapter over a frozen base, which it does not change yet.

    Returns:
        PEFT's wrapper, to be used in the model's place; only the adapter's weights train. They
        are float32 whatever the base is.
    """
    import peft

    names = target_modules(model, lora.targets)
    modules = dict(model.named_modules())
    config = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=names,
        # GPT-2 keeps its matrices transposed.
        fan_in_fan_out=any(
            isinstance(modules[name], Conv1D)
            for name in _block_layers(model)
            if any(_ends(name, each) for each in names)
        ),
        task_type=TASK_TYPES.get(architecture),
        bias="none",
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return peft.get_peft_model(model, config)


def save_adapter(
    model: Any, directory: Path, base: AdapterBase, weights: Mapping[str, Any] | None = None
) -> None:
    """Saves the adapter alone, in PEFT's format, with what its base was.

    Args:
        weights: in one piece, if the model's own are spread over processes.
    """
    # `save_embedding_layers`: left to itself, PEFT asks the hub whether the vocabulary has grown.
    model.save_pretrained(directory, save_embedding_layers=False, state_dict=weights)
    (directory / "README.md").unlink(missing_ok=True)  # an empty form
    write_adapter_base(directory, base)


def load_adapter(
    model: PreTrainedModel, directory: str | Path, *, trainable: bool = False, name: str = "default"
) -> Any:
    """The base with a saved adapter over it, which PEFT knows by `name`.

    Raises:
        UserError: the adapter is none, belongs to a model of another shape, or not all of its
            tensors are accounted for.
    """
    import peft

    check_shapes(model, directory)
    check_tensors(model, directory)
    return peft.PeftModel.from_pretrained(
        model, str(expanded(directory)), name, is_trainable=trainable
    )


def check_shapes(model: nn.Module, directory: str | Path) -> None:
    """Compares every matrix of an adapter with the layer that it is for; layers may be empty.

    Raises:
        UserError: the adapter is none, or belongs to a model of another shape.
    """
    folder = expanded(directory)
    modules = dict(model.named_modules())
    for key, shape in sorted(adapter_shapes(folder).items()):
        name, _, side = key.removeprefix("base_model.model.").partition(".lora_")
        if side not in ("A.weight", "B.weight"):
            continue
        layer = modules.get(name)
        if layer is None:
            raise _misfit(folder, f"the adapter is for a layer {name!r}, which the model lacks")
        inner, outer = _features(layer)
        wanted, found = (inner, shape[1]) if side == "A.weight" else (outer, shape[0])
        if wanted != found:
            end = "inputs" if side == "A.weight" else "outputs"
            raise _misfit(folder, f"{name!r} has {wanted} {end}, the adapter's has {found}")


def _features(layer: nn.Module) -> tuple[int, int]:
    if isinstance(layer, Conv1D):
        return int(layer.nx), int(layer.nf)
    return int(getattr(layer, "in_features", -1)), int(getattr(layer, "out_features", -1))


def _misfit(folder: Path, why: str) -> UserError:
    base = adapter_base(folder).path or "another model"
    return UserError(
        f"the adapter {folder} does not fit this model: {why}. It was trained on {base}; give that"
        " model as --model."
    )


def merge(model: Any) -> PreTrainedModel:
    """The base with the adapter's updates added to its weights: a plain model again.

    Loses the base that was passed in. Merge in float32 and over weights that are not quantised;
    `loading.load_merged` does both.
    """
    plain: PreTrainedModel = model.merge_and_unload()
    return plain


def quantisation(dtype: str) -> Any:
    """4-bit NormalFloat with quantised constants, as QLoRA has it (arXiv 2305.14314, §3).

    Raises:
        MissingExtraError: bitsandbytes is not installed.
    """
    check_quantisation()
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, dtype),
    )


def plain_arithmetic(model: nn.Module) -> None:
    """Keeps quantised layers from repacking themselves in evaluation on some processors.

    Where a CPU has AVX512-BF16, bitsandbytes 0.50 then rearranges the weights for a bfloat16
    kernel: scores would differ from machine to machine and from those in training, and a layer
    whose width is no multiple of 32 stops with an AssertionError.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            setattr(module, "support_avx512bf16_for_cpu", False)  # noqa: B010


def count_parameters(model: nn.Module) -> ParameterCount:
    """Counts trainable and all parameters, shared ones once."""
    trainable = total = 0
    for parameter in model.parameters():
        # Two 4-bit numbers lie in one byte; the quantisation state keeps the real shape.
        state = getattr(parameter, "quant_state", None)
        number = parameter.numel() if state is None else int(torch.Size(state.shape).numel())
        total += number
        trainable += number if parameter.requires_grad else 0
    return ParameterCount(trainable, total)


SHOWN = 4
"""Names in a message."""
PREFIX = "base_model.model."


def adapter_shapes(directory: str | Path) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor of a saved adapter, by its name. Reads no weights.

    Raises:
        UserError: the directory holds no adapter, or its file cannot be read.
    """
    adapter_config(directory)
    file = expanded(directory) / WEIGHTS
    check_tensor_file(file)
    with safe_open(file, framework="pt") as tensors:
        return {key: tuple(tensors.get_slice(key).get_shape()) for key in tensors.keys()}  # noqa: SIM118


def check_tensors(model: Any, directory: str | Path) -> None:
    """Compares an adapter's file with what its settings make over a model; layers may be empty.

    Raises:
        UserError: a tensor is missing, lands nowhere, has another shape or is not finite; or PEFT
            cannot put such an adapter over the model.
    """
    folder = expanded(directory)
    found = adapter_shapes(folder)
    wanted = _wanted(model, folder)
    missing = sorted(wanted.keys() - found.keys())
    own = dict(model.state_dict())
    nowhere = sorted(key for key in found.keys() - wanted.keys() if not _is_the_bases(key, own))
    if missing or nowhere:
        raise _unaccounted(folder, missing, nowhere, len(found))
    for key, shape in sorted(found.items()):
        there = wanted.get(key) or tuple(own[key.removeprefix(PREFIX)].shape)
        if shape != there:
            raise UserError(
                f"the adapter {folder} does not fit this model: {key} has the shape {shape}, and"
                f" {there} by its settings and the model. Give the model that it was trained on as"
                " --model."
            )
    stat = (folder / WEIGHTS).stat()
    _check_finite(str(folder / WEIGHTS), stat.st_mtime_ns, stat.st_size)


def _is_the_bases(key: str, own: Mapping[str, Any]) -> bool:
    """Whether a tensor is one of the base's own: PEFT saves embeddings whose vocabulary grew."""
    return key.removeprefix(PREFIX) in own and key.startswith(PREFIX)


def _wanted(model: Any, folder: Path) -> dict[str, tuple[int, ...]]:
    settings = adapter_config(folder)
    for where in ("base_model_name_or_path", "revision", "inference_mode"):
        settings.pop(where, None)
    settings["init_lora_weights"] = False  # how the numbers began asks for the base's weights
    kind: Any = type(model)
    try:
        config = json.dumps(model.config.to_dict())
        return _made(kind, config, json.dumps(settings, sort_keys=True))
    except (UserError, MemoryError):
        raise
    except Exception as e:  # PEFT raises whatever it likes over settings that are not its own
        words = " ".join(str(e).split())[:300] or type(e).__name__
        raise UserError(
            f"the adapter {folder} does not fit this model: {words} Give the model that it was"
            " trained on as --model, or correct its adapter_config.json."
        ) from e


@lru_cache(maxsize=32)
def _made(kind: Any, config: str, settings: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the adapter that settings make over a model of a config."""
    import peft

    told = json.loads(config)
    told.pop("quantization_config", None)
    make: Any = peft.LoraConfig.from_peft_type
    lora = make(**json.loads(settings))
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = kind(kind.config_class.from_dict(told))
        over = peft.get_peft_model(model, lora, low_cpu_mem_usage=True)
        tensors = peft.get_peft_model_state_dict(over, save_embedding_layers=False)
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


@lru_cache(maxsize=1024)
def _check_finite(path: str, mtime_ns: int, size: int) -> None:
    with safe_open(path, framework="pt") as tensors:
        for name in tensors.keys():  # noqa: SIM118
            if not finite(tensors.get_tensor(name)):
                raise UserError(
                    f"{path}: the tensor {name} holds numbers that are not finite (NaN or"
                    " infinity). The adapter's training failed; take an earlier one."
                )


def _unaccounted(
    folder: Path, missing: Sequence[str], nowhere: Sequence[str], held: int
) -> UserError:
    said = [f"{folder / WEIGHTS} holds no tensor at all"] if not held else []
    if missing:
        said.append(f"{len(missing)} tensors of the adapter are missing ({listed(missing, SHOWN)})")
    if nowhere:
        said.append(f"{len(nowhere)} of its tensors belong nowhere ({listed(nowhere, SHOWN)})")
    return UserError(
        f"the adapter {folder} does not fit this model, or is not whole: {'; '.join(said)}. The"
        " model would answer as without it, or with a part of it. Save it again with PEFT's"
        " `save_pretrained`, or give the model that it was trained on as --model."
    )


def freeze_token_embeddings(model: PreTrainedModel) -> None:
    """Keeps the vectors of tokens, in place; everything else trains, positions and an encoder's
    dense layer before the head included.

    They are the same in every language as pretraining left them, on the way in and on the way out:
    a tied LM head is the same matrix, another is kept too, so that the three architectures differ
    in nothing here.
    """
    for matrix in (model.get_input_embeddings(), model.get_output_embeddings()):
        if matrix is not None:
            matrix.weight.requires_grad_(False)
