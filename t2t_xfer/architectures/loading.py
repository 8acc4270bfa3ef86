"""Loading a checkpoint as one of the three architectures, found from its own config.

Weights are read from safetensors only and no code of the checkpoint is run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from t2t_xfer.architectures.base import Architecture
from t2t_xfer.architectures.causal import Causal
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.detect import architecture_of, check_positions, max_positions
from t2t_xfer.architectures.encoder import Encoder
from t2t_xfer.architectures.seq2seq import Seq2Seq
from t2t_xfer.errors import UnsupportedError, UserError
from t2t_xfer.records import ArchitectureName

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


@dataclass(frozen=True)
class LoadedModel:
    """A model with its tokenizer and the architecture that speaks for both."""

    architecture: Architecture
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast


def wrap(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, max_input_tokens: int
) -> LoadedModel:
    """The architecture over a model that is already in memory.

    Raises:
        UnsupportedError: an input of `max_input_tokens` does not fit the model, or an
            encoder-decoder with absolute decoder positions.
    """
    config: dict[str, Any] = model.config.to_dict()
    name = architecture_of(config)
    check_positions(config, model.name_or_path or name, max_input_tokens)
    codec = Codec(tokenizer)
    architecture: Architecture
    if name == "encoder":
        architecture = Encoder(codec, max_input_tokens)
    elif name == "causal":
        architecture = Causal(codec, max_input_tokens)
    else:
        if max_positions(config) is not None:
            raise UnsupportedError(
                f"{config['model_type']!r} counts decoder positions from the start of the row. Only"
                " encoder-decoders with relative positions (T5, mT5, umT5) are supported."
            )
        architecture = Seq2Seq(codec, max_input_tokens, int(config["decoder_start_token_id"]))
    return LoadedModel(architecture, model, tokenizer)


def load(
    path: str,
    *,
    revision: str | None = None,
    dtype: str = "float32",
    max_input_tokens: int = 256,
) -> LoadedModel:
    """Loads a checkpoint from a directory or the hub.

    Raises:
        UserError: there is no such checkpoint, or it cannot be read.
        UnsupportedError: see `wrap`.
    """
    import torch
    import transformers

    classes: dict[ArchitectureName, Any] = {
        "encoder": transformers.AutoModelForMaskedLM,
        "seq2seq": transformers.AutoModelForSeq2SeqLM,
        "causal": transformers.AutoModelForCausalLM,
    }
    try:
        config = transformers.AutoConfig.from_pretrained(path, revision=revision)
        name = architecture_of(config.to_dict())
        tokenizer: Any = transformers.AutoTokenizer.from_pretrained(path, revision=revision)
        model = classes[name].from_pretrained(
            path, revision=revision, dtype=getattr(torch, dtype), use_safetensors=True
        )
    except (OSError, ValueError) as e:
        raise UserError(
            f"the model {path!r} cannot be loaded: {' '.join(str(e).split())} Give a directory with"
            " config.json, model.safetensors and a tokenizer, or the id of a model on the hub."
        ) from e
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return wrap(model.to(device), tokenizer, max_input_tokens)
