"""An architecture over a model's tokenizer alone: enough to see its rows, and nothing is trained.

architecture_of_model("micro:seq2seq").training_rows(prompted, options)
"""

from __future__ import annotations

from t2t_xfer.architectures.adapter_files import adapter_base, is_adapter
from t2t_xfer.architectures.base import Architecture
from t2t_xfer.architectures.causal import Causal
from t2t_xfer.architectures.detect import decoder_start
from t2t_xfer.architectures.encoder import Encoder
from t2t_xfer.architectures.seq2seq import Seq2Seq
from t2t_xfer.microworld import checkpoints
from t2t_xfer.stages.check_model import load_tokens
from t2t_xfer.stages.models import config_of

MAX_INPUT_TOKENS = 256
"""As in training, unless a study says otherwise (`TrainingSpec.max_input_tokens`)."""


def architecture_of_model(model: str) -> Architecture:
    """Rows as this model sees them. No weights are loaded.

    Args:
        model: a directory, a model of the hub, a micro model, or an adapter's directory.

    Raises:
        UserError: there is no such checkpoint, or its tokenizer cannot be read.
        UnsupportedError: it is of no known architecture, or not made yet.
    """
    path = str(checkpoints.checkpoint(model)) if checkpoints.is_micro(model) else model
    if is_adapter(path):
        path = adapter_base(path).path
    tokens = load_tokens(path)
    if tokens.architecture == "encoder":
        return Encoder(tokens.codec, MAX_INPUT_TOKENS)
    if tokens.architecture == "causal":
        return Causal(tokens.codec, MAX_INPUT_TOKENS)
    return Seq2Seq(tokens.codec, MAX_INPUT_TOKENS, decoder_start(config_of(path, None)))
