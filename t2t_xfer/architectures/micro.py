"""New small models of all three architectures: random weights, a tokenizer trained on given text.

They have the shapes of XLM-R, mT5 and Llama, so every code path is the one that a large model
takes. Same text and size give the same tokenizer to all three; only the special tokens that a row
begins and ends with follow the architecture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t2t_xfer.errors import UserError
from t2t_xfer.files import share_as_others
from t2t_xfer.records import ArchitectureName

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

NUM_SENTINELS = 100
"""As many as T5 has."""
MAX_POSITIONS = 1024
PICTURES = r"\p{Han}\p{Hiragana}\p{Katakana}\u3001-\u303f\uff00-\uffef"
PIECES = "|".join(
    (
        f"[{PICTURES}]",
        rf" ?[\p{{L}}\p{{M}}&&[^{PICTURES}]]+",
        r" ?\p{N}+",
        rf" ?[^\s\p{{L}}\p{{N}}{PICTURES}]+",
        r"\s+",
    )
)
"""What byte pairs are merged within: a word with the space before it. Where a script has no spaces
each character is a piece, or whole clauses would become tokens."""
WORD_PIECES = PIECES.replace(f"[{PICTURES}]|", f"[{PICTURES}]+|", 1)
"""The same for training texts that have such scripts word by word: merges then end at words, and
do so in running text too."""
NO_SPACE = rf" +(?=[{PICTURES}])"
"""Spaces that are no part of the text: a sentence that is shown word by word (as for tagging) has
the tokens of running text."""
SPECIAL = ("<pad>", "</s>", "<s>", "<unk>", "<mask>")

# T5 draws its embeddings with a standard deviation of 1 and ties the head to them: a new model
# starts at a loss of 48. Scaled to what the other two begin with, all three start near
# log(vocabulary). Scaling every weight instead (`initializer_factor`) starts as low but hardly
# learns.
EMBEDDING_STD = 0.05

# It draws its position biases with a standard deviation of hidden**-0.5, beside scores of content
# with one of 1: a new model hardly knows which word stands beside which, and at this size does not
# learn in 800 steps to name the letter before a word. So the biases begin at 1 too; encoders and
# decoders know positions from the start.

ROW_TEMPLATES: dict[ArchitectureName, str] = {
    "encoder": "<s> $A </s>",
    "seq2seq": "$A </s>",
    "causal": "<s> $A",
}


def train_tokenizer(
    texts: Iterable[str], vocabulary: int, architecture: ArchitectureName, pieces: str = PIECES
) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer: no text is unknown to it, whatever the script.

    Args:
        pieces: a regular expression of what merges may not cross.

    Raises:
        UserError: the vocabulary does not hold the 256 bytes and the special tokens.
    """
    from tokenizers import (
        Regex,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
        trainers,
    )
    from transformers import PreTrainedTokenizerFast

    special = [*SPECIAL, *(f"<extra_id_{i}>" for i in range(NUM_SENTINELS))]
    if vocabulary < 256 + len(special):
        raise UserError(
            f"a new model's vocabulary of {vocabulary} tokens is too small: bytes and special"
            f" tokens need {256 + len(special)}. Raise `new.vocabulary`."
        )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pieces), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.normalizer = normalizers.Replace(Regex(NO_SPACE), "")
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=ROW_TEMPLATES[architecture],
        special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("<s>", "</s>")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        bos_token="<s>",
        unk_token="<unk>",
        mask_token="<mask>",
        cls_token="<s>",
        sep_token="</s>",
        extra_special_tokens=special[len(SPECIAL) :],
        model_max_length=MAX_POSITIONS,
    )


def new_model(
    architecture: ArchitectureName,
    vocabulary: int,
    *,
    hidden: int = 128,
    layers: int = 2,
    heads: int = 4,
    inner: int | None = None,
    positions: int = MAX_POSITIONS,
    dropout: float = 0.1,
    seed: int = 0,
) -> PreTrainedModel:
    """A model with random weights, a function of the arguments alone.

    Args:
        inner: width inside the feed-forward layers. Default: what each architecture's own ratio
            makes of `hidden`.
        positions: that an encoder has learned weights for, and that a decoder may count to.
        dropout: of encoder and seq2seq; Llama has none.
    """
    import torch
    import transformers

    ids = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2}
    size: dict[str, Any] = {"vocab_size": vocabulary, **ids}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if architecture == "encoder":
            encoder = transformers.XLMRobertaConfig(
                **size,
                hidden_size=hidden,
                num_hidden_layers=layers,
                num_attention_heads=heads,
                intermediate_size=inner or 4 * hidden,
                hidden_dropout_prob=dropout,
                attention_probs_dropout_prob=dropout,
                # Its positions begin behind the pad token's id.
                max_position_embeddings=positions + 2,
                type_vocab_size=1,
            )
            return transformers.XLMRobertaForMaskedLM(encoder)
        if architecture == "seq2seq":
            seq2seq = transformers.MT5Config(
                **size,
                d_model=hidden,
                d_kv=hidden // heads,
                d_ff=inner or 2 * hidden,
                dropout_rate=dropout,
                num_layers=layers,
                num_decoder_layers=layers,
                num_heads=heads,
                decoder_start_token_id=0,
            )
            model = transformers.MT5ForConditionalGeneration(seq2seq)
            with torch.no_grad():
                model.shared.weight.mul_(EMBEDDING_STD)
                for name, weight in model.named_parameters():
                    if "relative_attention_bias" in name:
                        weight.mul_(hidden**0.5)
            return model
        causal = transformers.LlamaConfig(
            **size,
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            intermediate_size=inner or 8 * hidden // 3,
            max_position_embeddings=positions,
            tie_word_embeddings=True,
        )
        return transformers.LlamaForCausalLM(causal)


def save_new_model(
    directory: Path,
    architecture: ArchitectureName,
    texts: Sequence[str],
    *,
    vocabulary: int,
    hidden: int,
    layers: int,
    heads: int,
    seed: int,
) -> None:
    """Trains the tokenizer, draws the weights and saves both as a checkpoint."""
    tokenizer = train_tokenizer(texts, vocabulary, architecture)
    model = new_model(
        architecture, len(tokenizer), hidden=hidden, layers=layers, heads=heads, seed=seed
    )
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    share_as_others(directory)
