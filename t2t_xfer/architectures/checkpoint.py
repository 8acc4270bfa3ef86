"""What the files of a checkpoint or an adapter say, without torch and without a weight read.

Plans ask it before anything is loaded: which architecture a config is of; whether the files are
whole (a safetensors file says at its beginning which bytes hold which tensor, so one that was cut
shows at once); and which base an adapter belongs to. Configs come from strangers: what they ask
for is bounded before any library acts on it.

    architecture_of({"model_type": "xlm-roberta", "architectures": ["XLMRobertaForMaskedLM"]})
    check_tensor_file(Path("model/model.safetensors"))     # UserError: ... ends early ...
    adapter_base("runs/a")      # AdapterBase(path="FacebookAI/xlm-roberta-large", …)

An adapter's directory is PEFT's own format (`adapter_config.json`, `adapter_model.safetensors`).
Beside them stands one small file of ours with what PEFT does not keep: whether the base was
quantised while the adapter was trained, and which base it was, by content.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from t2t_xfer.errors import MissingExtraError, UnsupportedError, UserError
from t2t_xfer.files import whole
from t2t_xfer.paths import expanded
from t2t_xfer.records import ArchitectureName, Json

_NEIGHBOURS = (
    "takes padding in as if it were text, so an answer would depend on the rows that are read"
    " beside it"
)
REFUSED: Mapping[str, str] = {
    **dict.fromkeys(("convbert", "fnet", "mobilebert"), _NEIGHBOURS),
    "esm": "reads proteins",
    "xlnet": "sees later tokens, too, unless it is told in which order to predict them",
    "prophetnet": "predicts several tokens at once",
}
"""Families whose numbers could not be trusted, and why."""
BEHIND_PAD = frozenset(
    {
        "camembert",
        "data2vec-text",
        "roberta",
        "roberta-prelayernorm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
    }
)
"""Encoders that count positions from behind the pad token's id."""
BIDIRECTIONAL = {
    "bert",
    "bert-generation",
    "big_bird",
    "electra",
    "ernie",
    "megatron-bert",
    "rembert",
    "roc_bert",
    "roformer",
}
"""Encoders that are decoders if their config says so."""


SAVED_AS: dict[str, ArchitectureName] = {
    # The masked language models of XLM and FlauBERT have names of their own.
    "ForMaskedLM|(XLM|Flaubert)WithLMHeadModel": "encoder",
    "ForCausalLM|LMHeadModel": "causal",
}
"""The architecture by a pattern in the name of the class that a checkpoint was saved with."""


def architecture_of(config: Mapping[str, Any]) -> ArchitectureName:
    """The architecture of a model's `config.json`.

    The class that the checkpoint was saved with decides: XLM-R's config, for example, fits an
    encoder and a decoder.

    Raises:
        UnsupportedError: neither a masked, nor a causal, nor a sequence-to-sequence language model;
            or a family whose answers would not be the model's own (`REFUSED`).
    """
    model_type = str(config.get("model_type"))
    if model_type in REFUSED:
        raise UnsupportedError(
            f"models of the type {model_type!r} are refused: such a model {REFUSED[model_type]}."
            " docs/models.md lists those that can answer."
        )
    found = _architecture_of(config)
    if found == "causal" and model_type in BEHIND_PAD:
        raise UnsupportedError(
            f"the model of the type {model_type!r} was saved as a decoder, but where it writes it"
            " counts positions otherwise than where it learns. Save it with its masked-LM head: as"
            " an encoder it can answer."
        )
    if found == "causal" and model_type in BIDIRECTIONAL and not config.get("is_decoder"):
        raise UnsupportedError(
            f"the model of the type {model_type!r} was saved as a decoder, but its config does not"
            " say `is_decoder: true`: each token would see the ones that it is to predict. Save it"
            " so, or with its masked-LM head."
        )
    return found


def _architecture_of(config: Mapping[str, Any]) -> ArchitectureName:
    if config.get("is_encoder_decoder"):
        return "seq2seq"
    saved_as = " ".join(config.get("architectures") or ())
    for pattern, name in SAVED_AS.items():
        if re.search(pattern, saved_as):
            return name
    # Saved without a head, or made in memory.
    from transformers.models.auto import modeling_auto as auto

    model_type = config.get("model_type")
    if model_type in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES and not config.get("is_decoder"):
        return "encoder"
    if model_type in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        return "causal"
    raise UnsupportedError(
        f"the model type {model_type!r} is no masked, causal or sequence-to-sequence language"
        " model, so it has no LM head to answer through."
    )


UNPADDED = frozenset({"recurrent_gemma", "rwkv"})
"""Decoders whose states run through padding before a text: they write in rows of one length."""


def decoder_start(config: Mapping[str, Any]) -> int:
    """The token that the decoder of an encoder-decoder begins with.

    T5Gemma's config names it as its decoder's `bos_token_id`.

    Raises:
        UnsupportedError: the config names none.
    """
    decoder = config.get("decoder")
    nested = decoder.get("bos_token_id") if isinstance(decoder, Mapping) else None
    for token in (config.get("decoder_start_token_id"), nested, config.get("bos_token_id")):
        if token is not None:
            return int(token)
    raise UnsupportedError(
        f"the config of the model type {config.get('model_type')!r} does not say which token its"
        " decoder begins with. Write `decoder_start_token_id` into its config.json."
    )


def max_positions(config: Mapping[str, Any]) -> int | None:
    """How many positions the model has; None where distances are all that counts (T5)."""
    if config.get("relative_attention_num_buckets"):
        return None
    positions = config.get("max_position_embeddings") or config.get("n_positions")
    if positions is None:
        return None
    behind = config["model_type"] in BEHIND_PAD
    return int(positions) - (int(config["pad_token_id"]) + 1 if behind else 0)


ANSWER_ROOM = 32
"""Positions that a decoder keeps for the answer behind the input."""


def check_positions(
    config: Mapping[str, Any], who: str, max_input_tokens: int, answer_room: int = ANSWER_ROOM
) -> None:
    """Refuses inputs that are longer than the model.

    Args:
        answer_room: positions that a decoder needs behind them.

    Raises:
        UnsupportedError: an input of `max_input_tokens` does not fit.
    """
    limit = max_positions(config)
    if limit is None:
        return
    room = answer_room if architecture_of(config) == "causal" else 0
    if max_input_tokens + room > limit:
        raise UnsupportedError(
            f"max_input_tokens is {max_input_tokens}, but {who} has {limit} positions. Set"
            f" max_input_tokens to at most {limit - room}."
        )


LFS = b"version https://git-lfs"
"""What stands in place of a large file where Git LFS was not asked to fetch it."""
LARGEST_HEADER = 100_000_000
"""Bytes; safetensors' own limit."""
MOST_LAYERS = 1_000
"""Of a model. The deepest there are have some 130; each takes time and memory to set up even
before there are weights."""
MOST_PARTS = 100_000
"""Experts, heads, labels and the like, each of which makes an object."""
_LAYERS = re.compile(r"layer|block|depth|stage")
_PARTS = re.compile(r"expert|head|label|level|kernel|group|bucket")
_COUNT = re.compile(r"^(n|num)_|_(num|count)$|^depth|layers$|depth$")
DEEPEST = 50
"""Levels of lists and objects in a config."""


def read_json_object(file: Path, what: str) -> dict[str, Any]:
    """A JSON file that holds an object.

    Args:
        what: what it should be, as `a model's config`.

    Raises:
        UserError: it cannot be read, or is something else; names the file.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except RecursionError:
        raise UserError(f"{file} is no {what}: it is nested too deeply.") from None
    except OSError as e:
        raise UserError(f"{file} cannot be read: {e.strerror or e}.") from e
    except ValueError as e:
        raise UserError(f"{file} cannot be read as JSON: {e}. It should be {what}.") from e
    if not isinstance(found, dict):
        raise UserError(f"{file} is not {what}: it holds no JSON object.")
    return found


def check_tensor_file(file: Path) -> None:
    """Makes sure that a safetensors file is whole.

    Raises:
        UserError: it cannot be read, is a pointer of Git LFS, was cut, or is something else.
    """
    header, start, size = _header(file)
    ends = [
        entry["data_offsets"][1]
        for name, entry in header.items()
        if name != "__metadata__" and isinstance(entry, dict) and "data_offsets" in entry
    ]
    end = start + max(ends, default=0)
    if end > size:
        raise UserError(
            f"{file} ends early: it has {size} bytes of {end}. Its download or copy was cut; get"
            " the file again."
        )


def _header(file: Path) -> tuple[dict[str, Any], int, int]:
    """The header, where the data begin, and the size of the file."""
    try:
        with file.open("rb") as opened:
            beginning = opened.read(len(LFS))
            _check_pointer(file, beginning)
            length = int.from_bytes(beginning[:8], "little")
            size = file.stat().st_size
            if len(beginning) < 8 or length > min(size, LARGEST_HEADER):
                raise UserError(_broken(file))
            opened.seek(8)
            header = json.loads(opened.read(length))
    except OSError as e:
        raise UserError(
            f"{file} cannot be read: {e.strerror or e}. Look at its rights and at its disk."
        ) from e
    except (ValueError, RecursionError) as e:
        raise UserError(_broken(file)) from e
    if not isinstance(header, dict):
        raise UserError(_broken(file))
    return header, 8 + length, size


def _broken(file: Path) -> str:
    return (
        f"{file} is no whole safetensors file: its first bytes are not those of one. Its download"
        " or copy was cut, or it is something else; get the file again."
    )


def _check_pointer(file: Path, beginning: bytes) -> None:
    if beginning.startswith(LFS):
        raise UserError(
            f"{file} is a pointer of Git LFS and not the file itself. Fetch it: `git lfs pull` in"
            " the clone, or `hf download`."
        )


def check_files(folder: Path) -> None:
    """Looks at the files of a checkpoint's directory: whole weights, no pointers of Git LFS.

    Raises:
        UserError: names the file.
    """
    for file in sorted(folder.glob("*.safetensors")):
        check_tensor_file(file)
    for pattern in ("*.json", "*.model", "*.txt", "*.bin"):
        for file in sorted(folder.glob(pattern)):
            try:
                with file.open("rb") as opened:
                    _check_pointer(file, opened.read(len(LFS)))
            except OSError as e:
                raise UserError(f"{file} cannot be read: {e.strerror or e}.") from e
    for file in folder.glob("*.safetensors.index.json"):
        named = read_json_object(file, "an index of weights").get("weight_map")
        shards = {str(each) for each in named.values()} if isinstance(named, dict) else set()
        absent = sorted(shard for shard in shards if not (folder / shard).is_file())
        if absent:
            raise UserError(
                f"{folder} lacks {', '.join(absent[:5])}, which {file.name} names"
                f" ({len(absent)} of {len(shards)} files). Get the missing files."
            )


def check_config(config: Mapping[str, Any], who: str) -> None:
    """Bounds what a config may ask for, before any library acts on it.

    Raises:
        UnsupportedError: more layers, experts and the like than any model has.
        UserError: nested too deeply.
    """
    for key, value in _numbers(config, who, 0):
        if not _COUNT.search(key):
            continue
        most = MOST_LAYERS if _LAYERS.search(key) else MOST_PARTS if _PARTS.search(key) else None
        if most is not None and value > most:
            raise UnsupportedError(
                f"{who}: its config asks for {key}: {value}, and {most} are the most that is"
                " accepted. Correct the config."
            )


def _numbers(value: Any, who: str, depth: int) -> Iterator[tuple[str, int]]:
    if depth > DEEPEST:
        raise UserError(f"{who}: its config is nested too deeply.")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, int | float) and not isinstance(inner, bool):
                yield str(key), int(inner) if abs(inner) < float("inf") else 0
            elif isinstance(inner, Mapping | list):
                yield from _numbers(inner, who, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, Mapping | list):
                yield from _numbers(inner, who, depth + 1)


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
