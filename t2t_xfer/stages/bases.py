"""What a chain of stages begins with: a checkpoint that exists, an adapter over it, or none.

The rule: nothing is loaded and nothing needs torch. Architecture, content and settings are read
from the files of the checkpoint itself.

An adapter is a `train` stage's `checkpoint/`, over a whole checkpoint that another stage or a path
holds. What follows either goes on with it or stands on a `model` stage that has merged the two.

    base ──────────────► xnli's adapter, continued from mnli's        chain: continue
      └► mnli's adapter ─┘
    base + mnli's adapter ► merged checkpoint ► xnli's new adapter    chain: merge
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from t2t_xfer.architectures.checkpoint import (
    ANSWER_ROOM,
    AdapterBase,
    adapter_base,
    adapter_config,
    adapter_identity,
    architecture_of,
    check_config,
    check_files,
    check_positions,
    is_adapter,
    max_positions,
    read_json_object,
)
from t2t_xfer.architectures.micro import MAX_POSITIONS, NUM_SENTINELS, SPECIAL
from t2t_xfer.errors import UnsupportedError, UserError, nearest
from t2t_xfer.microworld import checkpoints
from t2t_xfer.paths import expanded, pickle_allowed
from t2t_xfer.records import ArchitectureName, Json
from t2t_xfer.specs.model import ModelSpec, NewModel
from t2t_xfer.specs.training import DEFAULTS, TrainingSpec, published
from t2t_xfer.stages.base import How

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
LONGEST_ANSWER = 4 * ANSWER_ROOM
"""Tokens that a model must have behind a published length of inputs."""
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


def read_commit(how: How) -> dict[str, Json]:
    """What a record says of the hub's model that a stage read: the commit, once it is known."""
    if how.path is None or expanded(how.path).is_dir():
        return {}
    found = pinned_model(how.path, how.revision)
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


class AdapterState(NamedTuple):
    """What of an adapter must stay the same when training goes on with it."""

    adapter: str
    """`lora` or `qlora`."""
    rank: int
    alpha: float
    dropout: float
    targets: tuple[str, ...] | None
    """As the training asked; not compared with those of an adapter that was made elsewhere."""


def planned_adapter(training: TrainingSpec) -> AdapterState:
    """The adapter that a training will make."""
    lora = training.lora
    return AdapterState(training.adapter, lora.rank, lora.alpha, lora.dropout, lora.targets)


def existing_adapter(directory: str) -> AdapterState:
    """The adapter in a directory.

    Raises:
        UserError: there is none.
    """
    config = adapter_config(directory)
    adapter = "lora" if adapter_base(directory).quantised is None else "qlora"
    return AdapterState(adapter, config["r"], config["lora_alpha"], config["lora_dropout"], None)


def check_continues(before: AdapterState, training: TrainingSpec, who: str) -> None:
    """Refuses to go on with an adapter under other settings.

    Raises:
        UserError: names what differs, and how to mend it.
    """
    after = planned_adapter(training)
    if before.targets is None or after.targets is None:
        before, after = before._replace(targets=None), after._replace(targets=None)
    if before == after:
        return
    differing = [
        f"{name} {old} and {new}"
        for name, old, new in zip(AdapterState._fields, before, after, strict=True)
        if old != new
    ]
    if before.adapter != after.adapter:
        differing = differing[:1]
    raise UserError(
        f"{who}: training cannot go on with the adapter that is there, since its settings differ:"
        f" {', '.join(differing)}. Give both the same `adapter` and `lora`, or set"
        " `chain: merge`, which adds the first adapter to the weights and starts anew."
    )


def check_base(adapter: str, base: dict[str, Json], path: str) -> dict[str, Json]:
    """The identity of an adapter, after making sure that `base` is what it was trained on.

    Raises:
        UserError: the adapter is another model's, as far as both say what they are. Shapes are
            compared when it is loaded.
    """
    trained_on = adapter_base(adapter)
    known = trained_on.identity or _named_identity(trained_on, base, path)
    # What only one of the two says cannot be compared: a directory with a name of the hub.
    if any(known[key] != base[key] for key in known.keys() & base.keys()):
        raise UserError(
            f"the adapter {adapter} was trained on another model than {path}: on"
            f" {trained_on.path or 'one that it does not name'}"
            f"{f' at {trained_on.revision}' if trained_on.revision else ''}. Give that one as"
            f" --model. If the two are the same, name {path} as base_model_name_or_path in the"
            " adapter's adapter_config.json."
        )
    return adapter_identity(adapter)


def _named_identity(
    trained_on: AdapterBase, base: Mapping[str, Json], path: str
) -> Mapping[str, Json]:
    """What the model is that an adapter names which was made elsewhere; empty if unknown."""
    named, folder = trained_on.path, expanded(trained_on.path)
    if not named or (named.startswith(("/", ".", "~")) and not folder.is_dir()):
        return {}
    if (folder / "config.json").is_file():
        given = expanded(path)
        same = given.is_dir() and folder.samefile(given)
        return base if same else model_identity(named, None)
    hub = str(base.get("hub", ""))
    # The hub does not tell upper from lower case.
    return {"hub": hub if hub.lower() == named.lower() else named}


class Base(NamedTuple):
    """Where a chain of stages begins: a checkpoint that exists, or one to be made."""

    architecture: ArchitectureName
    dtype: str
    identity: dict[str, Json]
    """Of an existing checkpoint; empty for a new model, whose stage id says it all."""
    how: How
    """Where it is, without the source of data; empty for a new model."""
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
        return Base(model.new.architecture, model.dtype, {}, How(), model.new)
    path, revision = _resolved(model), model.revision
    if adapter is None and is_adapter(path):
        path, revision, adapter = *named_base(path), path
    how = How(path=path, revision=revision, adapter=adapter)
    architecture = model_architecture(path, revision)
    identity = model_identity(path, revision)
    if adapter is not None:
        identity = {**identity, "adapter": check_base(adapter, identity, path)}
    return Base(architecture, model.dtype, identity, how, None, adapter)


def named_base(adapter: str) -> tuple[str, str | None]:
    """Path and revision of the base that an adapter names.

    Raises:
        UserError: it names none.
    """
    base = adapter_base(adapter)
    if not base.path:
        raise UserError(
            f"the adapter {adapter} does not say which model it belongs to. Give that model as"
            " --model and the adapter as --adapter."
        )
    return base.path, base.revision


def check_length(base: Base, max_input_tokens: int, answer_room: int = ANSWER_ROOM) -> None:
    """Refuses inputs that do not fit the model, with an answer of `answer_room` tokens behind.

    Raises:
        UnsupportedError: they do not.
    """
    if base.new is not None:
        check_new_input_length(base.architecture, max_input_tokens, answer_room)
        return
    path, revision = str(base.how.path), base.how.revision
    check_positions(config_of(path, revision), path, max_input_tokens, answer_room)


class Resolved(NamedTuple):
    """Settings with every number in its place."""

    training: TrainingSpec
    sources: dict[str, str]
    """Of each setting: `stated`, or who published it."""


def resolve(base: Base, tasks: Sequence[str], stated: TrainingSpec) -> Resolved:
    """The settings of a training: those that are stated, and published ones for the rest."""
    found = published(base.architecture, stated.adapter, tasks, stated.optimizer)
    said = stated.model_fields_set
    if stated.steps is not None:
        found.pop("epochs", None)
    length = found.get("max_input_tokens")
    if length is not None and not _fits(base, int(length.value)):
        del found["max_input_tokens"]
    taken = {key: setting for key, setting in found.items() if key not in said}
    values = {key: each.value for key, each in taken.items()}
    training = TrainingSpec.model_validate({**stated.model_dump(exclude_unset=True), **values})
    sources = {key: each.source for key, each in taken.items()}
    keys = DEFAULTS.keys() | found.keys() | {"steps"}
    if training.steps is not None:
        keys -= {"epochs"}
    for key in sorted(keys - taken.keys()):
        if key in said and getattr(training, key) is not None:
            sources[key] = "stated"
        elif key in DEFAULTS:
            sources[key] = DEFAULTS[key]
    return Resolved(training, dict(sorted(sources.items())))


def _fits(base: Base, max_input_tokens: int) -> bool:
    try:
        check_length(base, max_input_tokens, LONGEST_ANSWER)
    except UnsupportedError:
        return False
    return True


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
                f" `python -m scripts.micro_models --architecture {folder.name} --output DIR` and"
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
