"""What an adapter's directory says, without torch: plans ask it before anything is loaded.

The directory is PEFT's own format (`adapter_config.json`, `adapter_model.safetensors`). Beside
them stands one small file of ours with what PEFT does not keep: whether the base was quantised
while the adapter was trained, and which base it was, by content.

    adapter_base("runs/a")      # AdapterBase(path="FacebookAI/xlm-roberta-large", …)
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from t2t_xfer.errors import MissingExtraError, UserError
from t2t_xfer.files import whole
from t2t_xfer.paths import expanded
from t2t_xfer.records import Json

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
BASE = "adapter_base.json"
"""Ours; PEFT and vLLM pass over it. An adapter made by others has none."""


@dataclass(frozen=True)
class AdapterBase:
    """The model that an adapter belongs to."""

    path: str
    """A directory, or the id of a model on the hub; empty if the adapter does not say."""
    revision: str | None = None
    quantised: str | None = None
    """`nf4`: the base's weights were quantised to 4 bits in training (QLoRA)."""
    dtype: str = "float32"
    """Of the base's weights in training."""
    identity: Mapping[str, Json] = field(default_factory=dict)
    """The base's content (`sha256`) or hub id and revision; empty if unknown."""


def is_adapter(path: str | Path) -> bool:
    """Whether a path is a directory with an adapter rather than a whole model."""
    return (expanded(path) / CONFIG).is_file()


def adapter_config(directory: str | Path) -> dict[str, Any]:
    """PEFT's own configuration of an adapter.

    Raises:
        UserError: the directory holds no LoRA adapter in PEFT's format.
    """
    folder = expanded(directory)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise UserError(
                f"{folder} is no adapter: it holds no {name}. Give the directory that"
                " `t2t-xfer train --adapter lora` printed, or one saved by PEFT."
            )
    try:
        config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        kind = config.get("peft_type")
    except (ValueError, AttributeError) as e:
        raise UserError(f"{folder / CONFIG} is not the JSON of an adapter: {e}") from e
    if kind != "LORA":
        raise UserError(f"{folder} holds an adapter of the type {kind!r}; only LoRA is supported.")
    return config


def adapter_base(directory: str | Path) -> AdapterBase:
    """The base of an adapter, as the adapter itself says.

    A relative path counts from the adapter's directory, so a store can be moved as a whole; then,
    as PEFT has it, from the working directory.
    """
    folder = expanded(directory)
    config = adapter_config(folder)
    path = str(config.get("base_model_name_or_path") or "")
    beside = folder / path
    if path and not os.path.isabs(path) and beside.is_dir():
        path = os.path.normpath(beside)
    kept: dict[str, Any] = {}
    if (folder / BASE).is_file():
        kept = json.loads((folder / BASE).read_text(encoding="utf-8"))
    return AdapterBase(
        path,
        config.get("revision"),
        kept.get("quantised"),
        kept.get("dtype", "float32"),
        kept.get("identity", {}),
    )


def write_adapter_base(directory: Path, base: AdapterBase) -> None:
    """Writes our file, and puts PEFT's into one fixed order: the same adapter, the same bytes."""
    config = adapter_config(directory)
    config["base_model_name_or_path"] = base.path
    config["revision"] = base.revision
    # PEFT keeps the targets as a set, whose order changes from run to run.
    config["target_modules"] = sorted(config["target_modules"])
    kept = asdict(base)
    del kept["path"], kept["revision"]
    _write_json(directory / CONFIG, config)
    _write_json(directory / BASE, kept)


def adapter_identity(directory: str | Path) -> dict[str, Json]:
    """Pins an adapter by its weights and settings; where its base lies changes nothing."""
    folder = expanded(directory)
    settings = adapter_config(folder)
    settings.pop("base_model_name_or_path", None)
    settings["target_modules"] = sorted(settings.get("target_modules") or ())
    weights = folder / WEIGHTS
    stat = weights.stat()
    digest = _read_once(str(weights), stat.st_mtime_ns, stat.st_size).copy()
    digest.update(json.dumps(settings, sort_keys=True).encode())
    return {"sha256": digest.hexdigest(), "quantised": adapter_base(folder).quantised}


@lru_cache(maxsize=1024)
def _read_once(path: str, mtime_ns: int, size: int) -> Any:
    """The hash of a file, to go on from: every prediction asks for that of its adapter."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256")


def check_quantisation() -> None:
    """Makes sure that a base can be held in 4 bits.

    Raises:
        MissingExtraError: bitsandbytes is not installed.
    """
    if find_spec("bitsandbytes") is None:
        raise MissingExtraError(
            "a base in 4 bits (`adapter: qlora`) needs bitsandbytes: pip install"
            " 't2t_xfer[qlora]'. Or use `adapter: lora`."
        )


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    with whole(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
