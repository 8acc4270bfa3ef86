"""Every tensor of an adapter is accounted for, before PEFT puts one over a model.

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
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from t2t_xfer.architectures.adapter_files import WEIGHTS, adapter_config
from t2t_xfer.architectures.tensor_files import check_tensor_file
from t2t_xfer.architectures.weights import finite, listed
from t2t_xfer.errors import UserError
from t2t_xfer.paths import expanded

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
