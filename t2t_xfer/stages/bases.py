"""Where a chain of stages begins: a checkpoint that exists, with or without an adapter, or none.

Nothing is loaded: architecture and identity are read from the checkpoint's own files.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from t2t_xfer.architectures.checkpoint import is_adapter
from t2t_xfer.errors import UnsupportedError, UserError, nearest
from t2t_xfer.microworld import checkpoints
from t2t_xfer.paths import expanded
from t2t_xfer.records import ArchitectureName, Json
from t2t_xfer.specs.model import ModelSpec, NewModel
from t2t_xfer.stages.adapters import check_base
from t2t_xfer.stages.checkpoints import named_base
from t2t_xfer.stages.models import check_new_model, model_architecture, model_identity


class Base(NamedTuple):
    """Where a chain of stages begins: a checkpoint that exists, or one to be made."""

    architecture: ArchitectureName
    dtype: str
    identity: dict[str, Json]
    """Of an existing checkpoint; empty for a new model, whose stage id says it all."""
    how: dict[str, Json]
    new: NewModel | None
    adapter: str | None = None
    """The directory of an adapter over an existing checkpoint."""


def base_of(model: ModelSpec, adapter: str | None = None) -> Base:
    """A model's base, without loading it.

    Args:
        adapter: an adapter to put over it. A model's own path may be that of an adapter, too,
            which then names its base.

    Raises:
        UserError: there is no such checkpoint, it is of no known architecture, or the adapter is
            none or another model's.
    """
    if model.new is not None:
        check_new_model(model.new)
        if adapter is not None:
            raise UserError(f"the adapter {adapter} needs a model that exists, not a new one.")
        return Base(model.new.architecture, model.dtype, {}, {}, model.new)
    path, revision = _resolved(model), model.revision
    if adapter is None and is_adapter(path):
        path, revision, adapter = *named_base(path), path
    how: dict[str, Json] = {"path": path, "revision": revision, "adapter": adapter}
    architecture = model_architecture(path, revision)
    identity = model_identity(path, revision)
    if adapter is not None:
        identity = {**identity, "adapter": check_base(adapter, identity, path)}
    return Base(architecture, model.dtype, identity, how, None, adapter)


def check_autocast(base: Base, autocast: str) -> None:
    """Refuses half precision for the one architecture that cannot be trained in it.

    Raises:
        UnsupportedError: float16 for an encoder-decoder, which here is always a T5.
    """
    if autocast == "float16" and base.architecture == "seq2seq":
        raise UnsupportedError(
            "training.autocast: float16 does not work for T5, mT5 and umT5: they were pretrained in"
            " bfloat16, and states inside their feed-forward layers exceed 65,504, the largest"
            " float16, so that the loss becomes NaN. Use `autocast: bfloat16` or `none`."
        )


def _resolved(model: ModelSpec) -> str:
    """What can be loaded: a folder of this machine (a micro model's too), or a name of the hub."""
    assert model.path is not None
    if checkpoints.is_micro(model.path):
        folder = checkpoints.checkpoint(model.path)
        if not (folder / "config.json").is_file():
            raise UnsupportedError(
                f"the model {model.path!r}: this version ships no micro checkpoints. Make one with"
                f" `t2t-xfer microworld pretrain --architecture {folder.name} --output DIR` and"
                " name DIR, or take an untrained one,"
                f" {model.path.replace('micro:', 'new:')}."
            )
        return str(folder)
    return str(expanded(model.path)) if model.is_local else model.path


def as_model_spec(name_or_path: str, languages: tuple[str, ...] = ("en",)) -> ModelSpec:
    """The model that a command line names: a path, a hub id, `micro:…` or `new:…`.

    Both prefixes go before encoder, seq2seq and causal: a small pretrained model that travels with
    the package, and one made on the spot that has learned nothing.
    """
    if name_or_path.startswith("new:"):
        architecture = name_or_path.removeprefix("new:")
        if architecture not in ("encoder", "seq2seq", "causal"):
            hint = nearest(name_or_path, ("new:encoder", "new:seq2seq", "new:causal"))
            raise UnsupportedError(
                f"--model {name_or_path!r}: a new model is new:encoder, new:seq2seq or new:causal."
                f"{hint}"
            )
        new = NewModel.model_validate({"architecture": architecture, "languages": languages})
        return ModelSpec(name=f"new-{architecture}", new=new)
    if not name_or_path.strip():
        raise UnsupportedError(
            "--model is empty. Give a directory, a hub id, micro:encoder, micro:seq2seq,"
            " micro:causal, or the same with new: for an untrained one."
        )
    if "://" in name_or_path:  # not repeated: it may hold a password
        raise UnsupportedError(
            "--model: an address cannot be loaded. Give a directory, or the id of a model on the"
            " hub (owner/name)."
        )
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(name_or_path).name).strip("-._")[:80]
    return ModelSpec(name=name or "model", path=name_or_path)
