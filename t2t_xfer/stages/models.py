"""What a checkpoint is, without loading it: its architecture and its content."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from t2t_xfer.architectures.checkpoint import (
    architecture_of,
    check_config,
    check_files,
    check_positions,
    max_positions,
    read_json_object,
)
from t2t_xfer.architectures.micro import MAX_POSITIONS, NUM_SENTINELS, SPECIAL
from t2t_xfer.errors import UnsupportedError, UserError, nearest
from t2t_xfer.paths import expanded, pickle_allowed
from t2t_xfer.records import ArchitectureName, Json
from t2t_xfer.specs.model import NewModel

NOT_READ = re.compile(
    r"^\.|^README|^LICENSE|^USE_POLICY|\.(md|pdf|png|jpe?g|gif|svg|py|pt|pth|ckpt|h5|msgpack|ot|onnx"
    r"|gguf|log|lock|tmp|csv|html|bin)$",
    re.IGNORECASE,
)
"""Files of a checkpoint's directory that nothing reads. Any other changes what it computes, or may:
weights, config, tokenizer, chat templates."""
TEMPLATES = "additional_chat_templates/*.jinja"
PICKLED = "pytorch_model*.bin"
"""Weights that count only where there are no others and the user allows them (`paths.py`)."""
TOKENIZERS = ("tokenizer.json", "*.model", "vocab.*")
"""A checkpoint holds at least one of these."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


def model_architecture(path: str, revision: str | None) -> ArchitectureName:
    """The architecture of a local or hub checkpoint.

    Raises:
        UserError: there is no `config.json` to be had, or a directory holds no weights.
        UnsupportedError: no architecture that can answer.
    """
    config = config_of(path, revision)
    check_config(config, path)
    architecture = architecture_of(config)
    if architecture == "seq2seq" and max_positions(config) is not None:
        raise UnsupportedError(
            f"{path} is of the type {config.get('model_type')!r}, which counts decoder positions"
            " from the start of the row. Only encoder-decoders with relative positions (T5, mT5,"
            " umT5) can answer."
        )
    _check_files(expanded(path))
    return architecture


def lacks_head(path: str, revision: str | None) -> bool:
    """Whether a checkpoint holds no LM head, so that nothing but its states can be read.

    Its weights are looked at only if it was saved by a class without one.

    Raises:
        UserError: see `model_architecture`; or not all of its tensors are accounted for.
    """
    saved_as = " ".join(config_of(path, revision).get("architectures") or ())
    if re.search(r"ForMaskedLM|ForCausalLM|LMHeadModel|ForConditionalGeneration", saved_as):
        return False
    from t2t_xfer.architectures.weights import check_weights

    return bool(check_weights(path, revision).fresh_head)


def check_input_length(
    path: str, revision: str | None, max_input_tokens: int, answer_room: int
) -> None:
    """Refuses a plan whose inputs do not fit the model; see `check_positions`."""
    check_positions(config_of(path, revision), path, max_input_tokens, answer_room)


def check_new_model(new: NewModel) -> None:
    """Refuses a new model that could not be made.

    Raises:
        UnsupportedError: the vocabulary does not hold the bytes and the special tokens.
    """
    least = 256 + len(SPECIAL) + NUM_SENTINELS
    if new.vocabulary < least:
        raise UnsupportedError(
            f"a new model's vocabulary of {new.vocabulary} tokens is too small: bytes and special"
            f" tokens need {least}. Raise `new.vocabulary`."
        )


def check_new_input_length(
    architecture: ArchitectureName, max_input_tokens: int, answer_room: int
) -> None:
    """Refuses a plan whose inputs do not fit a new model.

    Raises:
        UnsupportedError: an input of `max_input_tokens` does not fit.
    """
    if architecture == "seq2seq":  # distances are all that counts
        return
    most = MAX_POSITIONS - (answer_room if architecture == "causal" else 0)
    if max_input_tokens > most:
        raise UnsupportedError(
            f"max_input_tokens is {max_input_tokens}, but a new {architecture} model has"
            f" {MAX_POSITIONS} positions. Set max_input_tokens to at most {most}."
        )


def _check_files(folder: Path) -> None:
    if not folder.is_dir():
        return
    weights = ("*.safetensors", PICKLED) if pickle_allowed() else ("*.safetensors",)
    for what, patterns in (("weights", weights), ("tokenizer", TOKENIZERS)):
        if not any(True for pattern in patterns for _ in folder.glob(pattern)):
            pickled = what == "weights" and any(folder.glob(PICKLED))
            raise UserError(
                f"{folder} is no whole checkpoint: it holds no {what} ({', '.join(patterns)})."
                " Give a directory saved by `t2t-xfer train` or by transformers."
                + (f" It holds {PICKLED}: see `t2t-xfer --allow-pickle`." if pickled else "")
            )
    check_files(folder)


def model_identity(path: str, revision: str | None) -> dict[str, Json]:
    """Pins a checkpoint: the hash of a local directory, or hub id and revision."""
    folder = expanded(path)
    if not folder.is_dir():
        return {"hub": path, "revision": revision or "main"}
    pickled = set() if any(folder.glob("*.safetensors")) else {*folder.glob(PICKLED)}
    kept = {file for file in folder.iterdir() if file.is_file() and not NOT_READ.search(file.name)}
    files = sorted({*kept, *pickled, *folder.glob(TEMPLATES)})
    hashes = {str(f.relative_to(folder)): _hash(f) for f in files}
    text = json.dumps(hashes, sort_keys=True)
    return {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def pinned_model(path: str, revision: str | None) -> dict[str, Json] | None:
    """`model_identity` with the commit that a hub's model was loaded at.

    None if it is not known, as long as nothing was downloaded.
    """
    if expanded(path).is_dir():
        return model_identity(path, None)
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(path, "config.json", revision=revision)
    commit = Path(found).parent.name if isinstance(found, str) else ""
    return {"hub": path, "revision": commit} if _COMMIT.fullmatch(commit) else None


def read_commit(spec: Mapping[str, Any], how: Mapping[str, Any]) -> dict[str, Json]:
    """What a record says of the hub's model that a stage read: the commit, once it is known."""
    model, path = spec.get("model"), how.get("path")
    if not isinstance(model, dict) or "hub" not in model or not isinstance(path, str):
        return {}
    found = pinned_model(path, how.get("revision"))
    return {} if found is None else {"model_revision": found["revision"]}


def _hash(file: Path) -> str:
    try:
        stat = file.stat()
        return _sha256(str(file), stat.st_mtime_ns, stat.st_size)
    except OSError as e:
        raise UserError(
            f"{file} cannot be read: {e.strerror or e}. Look at its rights and at its disk."
        ) from e


@lru_cache(maxsize=1024)
def _sha256(path: str, mtime_ns: int, size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=64)
def config_of(path: str, revision: str | None) -> dict[str, Any]:
    """A checkpoint's `config.json`.

    Raises:
        UserError: there is none to be had, or it is no config.
    """
    folder = expanded(path)
    if folder.is_dir() or path.startswith(("/", ".", "~")):
        file = folder / "config.json"
        if not file.is_file():
            raise UserError(
                f"{folder} is no checkpoint: it holds no config.json. Give a directory saved by"
                " `t2t-xfer train` or by transformers, or the id of a model on the hub."
                f"{_nearest_folder(folder)}"
            )
        return read_json_object(file, "a model's config")
    # Hub access; imports here so that plans over local models stay quick.
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        found = hf_hub_download(path, "config.json", revision=revision)
    except (OSError, HfHubHTTPError, HFValidationError, ValueError) as e:
        raise UserError(
            f"the model {path!r} is no directory here, and the hub did not give its config.json"
            f" ({type(e).__name__}). Check the name and the network, or download the model and"
            f" give its directory.{_nearest_folder(folder)}"
        ) from e
    return read_json_object(Path(found), "a model's config")


def _nearest_folder(folder: Path) -> str:
    """` Did you mean 'runs/model'?` for a folder beside the one that is not there."""
    parent = folder.parent
    if folder.is_dir() or not parent.is_dir():
        return ""
    return nearest(str(folder), [str(each) for each in parent.iterdir() if each.is_dir()])
