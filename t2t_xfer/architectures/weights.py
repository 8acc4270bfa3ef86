"""Every tensor of a checkpoint is accounted for: none is missing, none lands nowhere.

The rule: a model answers with the weights of its file or not at all. transformers gives random
numbers to what is missing and says so in a log; here that is a refusal, known before any work: the
checkpoint is laid over a model without memory (torch's device `meta`), so names and shapes are
compared and no weight is computed with.

    roberta.encoder.layer.3.output.dense.weight   missing                        refused
    _orig_mod.roberta.encoder.…                   torch.compile's wrapper        stripped, and said
    cls.seq_relationship.weight                   another head                   not needed
    lm_head.*, all of it missing                  a sentence encoder, ELECTRA    a fresh head

A *fresh head* is one that training may start: the embeddings' matrix where the shapes allow, the
rest drawn, always the same. What reads answers through it is refused (`embed` reads none).
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from t2t_xfer.architectures import ARCHITECTURES
from t2t_xfer.architectures.checkpoint import architecture_of, check_config, check_files
from t2t_xfer.errors import UnsupportedError, UserError
from t2t_xfer.paths import NO_CODE, expanded, weight_files
from t2t_xfer.records import ArchitectureName

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module")
"""Modules that trainers put around others: torch.compile, FSDP, activation checkpointing,
Lightning. No model has a layer of these names, so they are stripped wherever they stand."""
OUTERMOST = ("module", "model", "net", "student", "backbone")
"""Names of a whole model inside a trainer's object (DDP has `module`). Stripped at the beginning,
where what is left names the model's own weights."""
STORED_HEADS: Mapping[str, str] = {
    # mDeBERTa-v3 and DeBERTa-v3: the head that they were pretrained with, under Microsoft's names.
    "lm_predictions.lm_head.dense.": "cls.predictions.transform.dense.",
    "lm_predictions.lm_head.LayerNorm.": "cls.predictions.transform.LayerNorm.",
    "lm_predictions.lm_head.bias": "cls.predictions.bias",
}
"""Heads that are there under a name which transformers does not look for."""
HARMLESS_BUFFERS = re.compile(
    r"(^|\.)(position_ids|token_type_ids|inv_freq|masked_bias|attn\.bias|attention\.bias"
    r"|embed_positions\.weights)$"
)
"""Tables that models compute again; old files keep them, new ones do not."""
SHOWN = 5
"""Names in a message."""


class FreshHead(NamedTuple):
    """An LM head that the checkpoint does not hold and that has learned nothing."""

    names: tuple[str, ...]
    """Of its weights."""
    sha256: str
    """Of the numbers that it starts with: an adapter learns over them."""


class Account(NamedTuple):
    """How a checkpoint's tensors become a model's."""

    renamed: tuple[tuple[str, str], ...] = ()
    """Names in the file, and those of the model, where they differ by more than transformers
    knows of."""
    fresh_head: tuple[str, ...] = ()
    """The names of the LM head's weights, if the checkpoint holds none of them."""


def model_class(name: ArchitectureName) -> Any:
    """The class of transformers that loads or makes models of an architecture."""
    import transformers

    return getattr(transformers, ARCHITECTURES[name].auto_class)


def config_of(path: str, revision: str | None) -> Any:
    """A checkpoint's config, as transformers has it, once its files have been looked at.

    Raises:
        UserError: there is no such checkpoint, or it cannot be read.
        UnsupportedError: the config asks for more than any model has.
    """
    import transformers

    with told(path):
        raw, _ = transformers.PretrainedConfig.get_config_dict(path, revision=revision)
    check_config(raw, path)
    if expanded(path).is_dir():
        check_files(expanded(path))
    with told(path):
        config = transformers.AutoConfig.from_pretrained(path, revision=revision, **NO_CODE)
    if getattr(config, "model_type", "") == "deberta-v2":
        config.legacy = True  # its other head has no matrix of the vocabulary; see `STORED_HEADS`
    return config


def tokenizer_of(path: str, revision: str | None, **options: Any) -> Any:
    """A checkpoint's tokenizer, as transformers has it.

    Raises:
        UserError: it cannot be read.
    """
    import transformers

    with told(path):
        return transformers.AutoTokenizer.from_pretrained(
            path, revision=revision, **options, **NO_CODE
        )


def config_and_tokenizer(path: str, revision: str | None, **options: Any) -> tuple[Any, Any]:
    """A checkpoint's config and tokenizer, as transformers has them.

    Args:
        options: for the tokenizer.

    Raises:
        UserError: see `config_of`; or the tokenizer cannot be read, or knows more tokens than the
            model.
        UnsupportedError: see `config_of`.
    """
    config = config_of(path, revision)
    tokenizer = tokenizer_of(path, revision, **options)
    rows = getattr(config.get_text_config(), "vocab_size", None)
    if isinstance(rows, int):
        check_vocabulary(rows, tokenizer, path)
    return config, tokenizer


def check_weights(path: str, revision: str | None) -> Account:
    """Looks at everything that a checkpoint's files can be asked before any work.

    Weights of a directory are also read once, to see that all are finite.

    Raises:
        UserError: it cannot be loaded; a weight is missing, is of another shape, belongs nowhere
            or is not finite.
    """
    return _check_weights(path, revision, _stamp(path))


@lru_cache(maxsize=64)
def _check_weights(path: str, revision: str | None, stamp: tuple[Any, ...]) -> Account:
    config = config_of(path, revision)
    _, account = laid_out(path, revision, config, architecture_of(config.to_dict()))
    folder = expanded(path)
    if folder.is_dir():
        for file in sorted(folder.glob("*.safetensors")):
            _check_finite_file(file)
    return account


def _stamp(path: str) -> tuple[Any, ...]:
    """Changes where the files of a directory do."""
    folder = expanded(path)
    if not folder.is_dir():
        return ()
    stats = sorted((file.name, file.stat()) for file in folder.iterdir() if file.is_file())
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def laid_out(
    path: str, revision: str | None, config: Any, name: ArchitectureName
) -> tuple[PreTrainedModel, Account]:
    """The model without its weights, and how the checkpoint's tensors come to lie in it.

    Raises:
        UserError: see `check_weights`.
    """
    settings = {"device_map": {"": "meta"}, "ignore_mismatched_sizes": True, **weight_files()}

    def lay(mapping: Mapping[str, str]) -> tuple[Any, Mapping[str, Any]]:
        with told(path), quiet():
            found: tuple[Any, Mapping[str, Any]] = model_class(name).from_pretrained(
                path,
                revision=revision,
                config=copy.deepcopy(config),
                output_loading_info=True,
                key_mapping=key_mapping(mapping.items()),
                **settings,
            )
            return found

    model, info = lay({})
    renamed = _renamed(info["unexpected_keys"], info["missing_keys"], model.base_model_prefix)
    if renamed:
        model, info = lay(renamed)
    _check_shapes(info["mismatched_keys"], path)
    head = head_of(model)
    missing = [key for key in sorted(info["missing_keys"]) if not HARMLESS_BUFFERS.search(key)]
    beside = [key for key in missing if key not in head and not _is_pooler(key)]
    nowhere = _nowhere(model, info["unexpected_keys"])
    if beside or nowhere:
        raise _unaccounted(path, beside, nowhere, len(info["missing_keys"]))
    gone = tuple(key for key in missing if key in head)
    stored = head - set(gone) - {*_tied(model)}
    if gone and stored:
        raise UserError(
            f"the model {path!r}: of its LM head the weights {listed(gone)} are missing, while"
            f" {listed(sorted(stored))} are there. The file was cut or edited; get it again."
        )
    return model, Account(tuple(sorted(renamed.items())), gone)


def key_mapping(renamed: Iterable[tuple[str, str]]) -> dict[str, str] | None:
    """For `from_pretrained`, whose names are patterns."""
    found = {f"^{re.escape(old)}$": new for old, new in renamed}
    return found or None


def forget_renaming(model: Any, account: Account) -> None:
    """Has the model saved under its own names, not under those of the file that it came from."""
    patterns = key_mapping(account.renamed) or {}
    used = getattr(model, "_weight_conversions", None) or []
    model._weight_conversions = [
        each for each in used if each._original_source_patterns[0] not in patterns
    ]


def said(path: str, account: Account) -> str:
    """A line on names that were changed; empty if none were."""
    if not account.renamed:
        return ""
    old, new = account.renamed[0]
    return f"{path}: {len(account.renamed)} tensors are read under other names: {old} as {new}"


def check_names(path: str, account: Account) -> None:
    """Refuses a checkpoint whose names must be changed, for what loads it by itself.

    Raises:
        UnsupportedError: they must.
    """
    if account.renamed:
        old, new = account.renamed[0]
        raise UnsupportedError(
            f"the model {path!r} names its tensors otherwise than the model does ({old} for"
            f" {new}), which vLLM cannot read. Save the unwrapped model again, or use --engine"
            " transformers."
        )


def head_of(model: Any) -> set[str]:
    """The names of the weights of a model's LM head."""
    names = set(model.state_dict())
    base = model.base_model
    if base is not model:
        inside = f"{model.base_model_prefix}."
        return {name for name in names if not name.startswith(inside)}
    output = model.get_output_embeddings()
    found = [name for name, module in model.named_modules() if module is output and name]
    shared = {id(each) for each in model.get_input_embeddings().parameters()}
    inner = dict(model.named_parameters(remove_duplicate=False))
    return {
        name
        for name in names
        if any(name.startswith(f"{each}.") for each in found) and id(inner.get(name)) not in shared
    }


def start_head(model: Any, fresh: Sequence[str]) -> FreshHead | None:
    """Gives a fresh head the embeddings' matrix, where it has one of its own of that shape."""
    if not fresh:
        return None
    output, inputs = model.get_output_embeddings(), model.get_input_embeddings()
    named = {name for name, module in model.named_modules() if module is output}
    own = any(f"{name}.weight" in fresh for name in named)
    if own and output.weight is not inputs.weight and output.weight.shape == inputs.weight.shape:
        with torch.no_grad():
            output.weight.copy_(inputs.weight)
    tensors = model.state_dict()
    digest = hashlib.sha256()
    for name in sorted(fresh):
        digest.update(name.encode())
        digest.update(tensors[name].detach().float().cpu().numpy().tobytes())
    return FreshHead(tuple(fresh), digest.hexdigest())


def check_head(path: str, fresh: Sequence[str]) -> None:
    """Refuses to read answers through a head that has learned nothing.

    Args:
        fresh: the names of its weights; nothing if the head is the checkpoint's own.

    Raises:
        UserError: the checkpoint holds no LM head.
    """
    if fresh:
        raise UserError(
            f"the model {path!r} holds no LM head ({listed(fresh)}: not in its file), so its"
            " answers would be those of random numbers. Train it first (`t2t-xfer train`, or a"
            " study's target task), which starts a fresh head. Reading pairs by `embed` needs none:"
            " `readout: {encoder: embed}` in the task's YAML."
        )


def check_finite(model: Any, path: str) -> None:
    """Makes sure that a loaded model's weights are numbers.

    Raises:
        UserError: names the first tensor that holds a NaN or an infinity.
    """
    for name, tensor in model.named_parameters():
        if not finite(tensor.detach()):
            raise _not_finite(path, name)


def check_vocabulary(rows: int, tokenizer: PreTrainedTokenizerFast, path: str) -> None:
    """Makes sure that every token which a text can have is a row of the embeddings.

    Special tokens without a row are let pass where the tokenizer has no use for them: Gemma 3's
    text models lack that of `<image_soft_token>`.

    Args:
        rows: of the embeddings.

    Raises:
        UserError: there are more tokens than rows.
    """
    over = {token: i for token, i in tokenizer.get_vocab().items() if i >= rows}
    if not over:
        return
    used = {*map(str, tokenizer.special_tokens_map.values())}
    added = tokenizer.added_tokens_decoder
    idle = {t for t, i in over.items() if i in added and added[i].special and t not in used}
    wrong = sorted(over.keys() - idle, key=lambda token: over[token])
    if wrong:
        raise UserError(
            f"the model {path!r}: its tokenizer knows {len(wrong)} tokens that its {rows} rows of"
            f" embeddings do not have, such as {wrong[0]!r} with the id {over[wrong[0]]}. The two"
            " are not of one model, or tokens were added and the embeddings not made larger"
            " (`resize_token_embeddings`)."
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' report and bars: what they say is looked at here."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def told(path: str) -> Iterator[None]:
    """Whatever the libraries raise over a checkpoint's files becomes one paragraph.

    They raise anything: an AssertionError without a word for a quantised model, a bare Exception
    for a tokenizer.json of a later release, a RuntimeError for sizes.
    """
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as e:
        if "memory" in str(e).lower() and isinstance(e, RuntimeError):
            raise
        raise not_loaded(path, e) from e


def not_loaded(path: str, error: Exception) -> UserError:
    """The paragraph for a checkpoint that a library cannot load."""
    words = " ".join(str(error).split())[:500]
    reason = words or f"{type(error).__name__}, without a word of why"
    if "untagged enum" in words:
        reason = (
            f"its tokenizer.json was made by a later release of tokenizers ({words}). Update"
            " tokenizers and transformers"
        )
    elif isinstance(error, AssertionError | ImportError):
        reason += ". If its config.json has a quantization_config, take the unquantised model"
    stop = "" if reason.endswith((".", "!", "?")) else "."
    return UserError(
        f"the model {path!r} cannot be loaded: {reason}{stop} Give a directory with config.json,"
        " model.safetensors and a tokenizer, or the id of a model on the hub."
    )


def _renamed(unexpected: Iterable[str], missing: Iterable[str], prefix: str) -> dict[str, str]:
    """Names in the file that are the model's behind a wrapper, with those."""
    wanted = {*missing}
    wanted |= {key.removeprefix(f"{prefix}.") for key in wanted}
    plain = {key: _without_wrappers(key) for key in unexpected}
    for _ in range(2):  # DDP around a trainer's object
        for outer in OUTERMOST:
            inner = {k: v.removeprefix(f"{outer}.") for k, v in plain.items()}
            if _landing(inner.values(), wanted) > _landing(plain.values(), wanted):
                plain = inner
                break
    found = {}
    for key, name in plain.items():
        for old, new in STORED_HEADS.items():
            if name.startswith(old) and any(each.startswith(new) for each in wanted):
                name = new + name.removeprefix(old)  # noqa: PLW2901
        if name != key and (name in wanted or f"{prefix}.{name}" in wanted):
            found[key] = name
    return found


def _without_wrappers(key: str) -> str:
    return ".".join(part for part in key.split(".") if part not in WRAPPERS)


def _landing(names: Iterable[str], wanted: set[str]) -> int:
    return sum(name in wanted for name in names)


def _nowhere(model: Any, unexpected: Iterable[str]) -> list[str]:
    """Tensors of the file that should be the body's and are not; other heads may go unread."""
    base, prefix = model.base_model, model.base_model_prefix
    whole = base is model
    own = {name for name, _ in base.named_children()}
    found = []
    for key in sorted(unexpected):
        inner = key.removeprefix(f"{prefix}.")
        first = inner.split(".")[0]
        of_body = whole or inner != key or first in own
        wrapped = any(part in WRAPPERS for part in key.split("."))
        if (of_body or wrapped) and not _is_pooler(inner) and not HARMLESS_BUFFERS.search(key):
            found.append(key)
    return found


def _is_pooler(key: str) -> bool:
    """A layer over the first token's state, which no LM head reads."""
    return "pooler" in key.split(".")


def _tied(model: Any) -> set[str]:
    """Names of weights that are others' too; they are missing in any file."""
    return set(getattr(model, "all_tied_weights_keys", None) or {})


def _check_shapes(mismatched: Iterable[Any], path: str) -> None:
    for name, found, wanted in sorted(mismatched, key=str):
        raise UserError(
            f"the model {path!r}: {name} has the shape {tuple(found)} in its file, and"
            f" {tuple(wanted)} by its config.json. The two are not of one model; get both again."
        )


def _unaccounted(
    path: str, missing: Sequence[str], nowhere: Sequence[str], num_missing: int
) -> UserError:
    said = []
    if missing:
        said.append(f"{len(missing)} weights are missing ({listed(missing)})")
    if nowhere:
        said.append(f"{len(nowhere)} tensors of its file belong nowhere ({listed(nowhere)})")
    return UserError(
        f"the model {path!r} is not whole: {', and '.join(said)}. A model that is loaded so would"
        " answer with random numbers in their place. Save it again from the program that made it"
        " (`save_pretrained` of the unwrapped model), or correct its config.json."
    )


def listed(names: Sequence[str], most: int = SHOWN) -> str:
    """The first names of tensors for a message, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _check_finite_file(file: Path) -> None:
    from safetensors import safe_open

    with told(str(file)), safe_open(file, framework="pt") as tensors:
        for name in tensors.keys():  # noqa: SIM118
            if not finite(tensors.get_tensor(name)):
                raise _not_finite(str(file), name)


def finite(tensor: torch.Tensor) -> bool:
    """Whether all numbers of a tensor are; those of 8 bits and fewer are not looked at."""
    if not tensor.is_floating_point() or tensor.numel() == 0 or tensor.is_meta:
        return True
    if tensor.element_size() == 1:  # 8 bits hold what their scales say
        return True
    # One pass without a second tensor of the size of the first.
    low, high = torch.aminmax(tensor)
    return bool(torch.isfinite(low) and torch.isfinite(high))


def _not_finite(path: str, name: str) -> UserError:
    return UserError(
        f"the model {path!r}: the tensor {name} holds numbers that are not finite (NaN or"
        " infinity), so nothing that it answers means anything. Its training failed, or it was"
        " converted to a dtype that is too small; take an earlier checkpoint."
    )
