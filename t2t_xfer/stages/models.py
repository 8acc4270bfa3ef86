"""What a checkpoint is, without loading it: its architecture and its content."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from t2t_xfer.architectures.detect import architecture_of, check_positions
from t2t_xfer.errors import UserError
from t2t_xfer.records import ArchitectureName, Json

WEIGHTS = ("*.safetensors", "*.json", "*.model")
"""Files of a checkpoint that change what it computes: weights, config, tokenizer."""


def model_architecture(path: str, revision: str | None) -> ArchitectureName:
    """The architecture of a local or hub checkpoint.

    Raises:
        UserError: there is no `config.json` to be had.
    """
    return architecture_of(_config(path, revision))


def check_input_length(
    path: str, revision: str | None, max_input_tokens: int, answer_room: int
) -> None:
    """Refuses a plan whose inputs do not fit the model; see `check_positions`."""
    check_positions(_config(path, revision), path, max_input_tokens, answer_room)


def model_identity(path: str, revision: str | None) -> dict[str, Json]:
    """Pins a checkpoint: the hash of a local directory, or hub id and revision."""
    folder = Path(path).expanduser()
    if not folder.is_dir():
        return {"hub": path, "revision": revision or "main"}
    files = sorted({file for pattern in WEIGHTS for file in folder.glob(pattern)})
    hashes = {f.name: _sha256(str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files}
    text = json.dumps(hashes, sort_keys=True)
    return {"sha256": hashlib.sha256(text.encode()).hexdigest()}


@lru_cache(maxsize=1024)
def _sha256(path: str, mtime_ns: int, size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=64)
def _config(path: str, revision: str | None) -> dict[str, Any]:
    folder = Path(path).expanduser()
    if folder.is_dir() or path.startswith(("/", ".", "~")):
        file = folder / "config.json"
        if not file.is_file():
            raise UserError(
                f"{folder} is no checkpoint: it holds no config.json. Give a directory saved by"
                " `t2t-xfer train` or by transformers, or the id of a model on the hub."
            )
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return config
    # Hub access; imports here so that plans over local models stay quick.
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        found = hf_hub_download(path, "config.json", revision=revision)
    except (OSError, HfHubHTTPError, HFValidationError, ValueError) as e:
        raise UserError(
            f"the model {path!r} is no directory here, and the hub did not give its config.json"
            f" ({type(e).__name__}). Check the name and the network, or download the model and"
            " give its directory."
        ) from e
    loaded: dict[str, Any] = json.loads(Path(found).read_text(encoding="utf-8"))
    return loaded
