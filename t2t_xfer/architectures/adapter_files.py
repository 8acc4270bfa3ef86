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
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from t2t_xfer.architectures.tensor_files import read_json_object
from t2t_xfer.errors import MissingExtraError, UnsupportedError, UserError
from t2t_xfer.files import whole
from t2t_xfer.paths import expanded
from t2t_xfer.records import Json

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
BASE = "adapter_base.json"
"""Ours; PEFT and vLLM pass over it. An adapter made by others has none."""


QUANTISED = (None, "nf4")
"""How a base can be held; an unknown word must not be read as 4 bits."""
MOST_RANK = 65_536


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
    fresh_head: str | None = None
    """The base holds no LM head: the hash of the numbers that the one of training began with and
    still has, since an adapter leaves it alone."""


def is_adapter(path: str | Path) -> bool:
    """Whether a path is a directory with an adapter rather than a whole model."""
    return (expanded(path) / CONFIG).is_file()


def adapter_config(directory: str | Path) -> dict[str, Any]:
    """PEFT's own configuration of an adapter.

    Raises:
        UserError: the directory holds no LoRA adapter in PEFT's format.
        UnsupportedError: its settings ask for work without a bound.
    """
    folder = expanded(directory)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise UserError(
                f"{folder} is no adapter: it holds no {name}. Give the directory that"
                " `t2t-xfer train --adapter lora` printed, or one saved by PEFT."
            )
    config = read_json_object(folder / CONFIG, "the JSON of an adapter")
    kind = config.get("peft_type")
    if kind != "LORA":
        raise UserError(f"{folder} holds an adapter of the type {kind!r}; only LoRA is supported.")
    _check_settings(folder / CONFIG, config)
    return config


def _check_settings(file: Path, config: Mapping[str, Any]) -> None:
    """Refuses what would make PEFT work for hours over a file of a few bytes."""
    if config.get("layer_replication"):
        raise UnsupportedError(
            f"{file}: layer_replication makes another model of the base, with as many layers as it"
            " likes. It is not supported; save the model that it makes as a checkpoint."
        )
    for setting in ("target_modules", "exclude_modules", "layers_pattern", "modules_to_save"):
        value = config.get(setting)
        for pattern in [value] if isinstance(value, str) else value or ():
            _check_pattern(file, setting, pattern)
    for setting in ("rank_pattern", "alpha_pattern"):
        for pattern in config.get(setting) or ():
            _check_pattern(file, setting, pattern)
    ranks = [config.get("r"), *(config.get("rank_pattern") or {}).values()]
    if not all(isinstance(rank, int) and 0 < rank <= MOST_RANK for rank in ranks):
        raise UnsupportedError(f"{file}: its rank is none from 1 to {MOST_RANK}. Correct `r`.")


def _check_pattern(file: Path, setting: str, pattern: Any) -> None:
    # A name or a pattern for one; what repeats a group, or repeats often, may backtrack for ever.
    text = str(pattern)
    repeats = re.sub(r"\\.|\[[^\]]*\]|\(\?", "x", text)
    if len(text) > 1000 or re.search(r"\)[*+{]", text) or len(re.findall("[*+{]", repeats)) > 3:
        raise UnsupportedError(
            f"{file}: {setting} {text[:80]!r} repeats in a way that can take for ever to match."
            " Write the layers' names, or a pattern with at most three repeats and none of a group."
        )
    if text.count("?") > 8:
        raise UnsupportedError(
            f"{file}: {setting} {text[:80]!r} has too many choices. Write names."
        )


def adapter_base(directory: str | Path) -> AdapterBase:
    """The base of an adapter, as the adapter itself says.

    A relative path counts from the adapter's directory, so a store can be moved as a whole; then,
    as PEFT has it, from the working directory.

    Raises:
        UserError: the directory holds no adapter; or our file beside it is broken, or says of the
            base's quantisation what this program does not know.
    """
    folder = expanded(directory)
    config = adapter_config(folder)
    path = str(config.get("base_model_name_or_path") or "")
    beside = folder / path
    if path and not os.path.isabs(path) and beside.is_dir():
        path = os.path.normpath(beside)
    kept: dict[str, Any] = {}
    file = folder / BASE
    if file.is_file():
        kept = read_json_object(file, "what `t2t-xfer train` keeps of an adapter's base")
    quantised, identity = kept.get("quantised"), kept.get("identity", {})
    dtype, fresh_head = kept.get("dtype", "float32"), kept.get("fresh_head")
    if quantised not in QUANTISED:
        raise UserError(
            f"{file}: `quantised` is {str(quantised)[:80]!r}; known are nf4 and null. A later"
            " release of this program may have made the adapter; update it."
        )
    known = isinstance(identity, dict) and isinstance(fresh_head, str | None)
    if not known or dtype not in ("float32", "bfloat16"):
        raise UserError(
            f"{file} is broken: its `dtype`, `identity` or `fresh_head` is none. Train the adapter"
            " again, or remove the file if the adapter was not trained over 4 bits."
        )
    revision = config.get("revision")
    named = None if revision is None else str(revision)
    return AdapterBase(path, named, quantised, dtype, identity, fresh_head)


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
