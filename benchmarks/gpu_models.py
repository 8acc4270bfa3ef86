"""What `gpu.py` measures on: models with random weights in real shapes, and made-up examples.

Speed does not depend on what weights and words say, so nothing is downloaded. The tokenizer is a
small one trained here on the made-up text; embeddings and LM head have a real vocabulary's size.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import torch
import transformers

from t2t_xfer.architectures.loading import LoadedModel, wrap
from t2t_xfer.architectures.micro import train_tokenizer
from t2t_xfer.records import ArchitectureName, Closed, Prompted, Region, Slots

MAX_INPUT_TOKENS = 256
TOKENIZER_VOCABULARY = 4000
IDS = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2}
LABELS = ("entailment", "neutral", "contradiction")
TAGS = tuple(f"tag{i}" for i in range(17))
"""As many as UDPOS has."""


@dataclass(frozen=True)
class Shape:
    """A model to build."""

    architecture: ArchitectureName
    like: str
    """The model whose shape it has."""
    config: type[Any]
    model: type[Any]
    size: dict[str, Any]


SHAPES = (
    Shape(
        "encoder",
        "XLM-R large (0.56 B)",
        transformers.XLMRobertaConfig,
        transformers.XLMRobertaForMaskedLM,
        {
            "vocab_size": 250_002,
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
            "max_position_embeddings": 514,
            "type_vocab_size": 1,
        },
    ),
    Shape(
        "seq2seq",
        "mT5 large, tied head (0.97 B)",
        transformers.MT5Config,
        transformers.MT5ForConditionalGeneration,
        {
            "vocab_size": 250_112,
            "d_model": 1024,
            "d_kv": 64,
            "d_ff": 2816,
            "num_layers": 24,
            "num_decoder_layers": 24,
            "num_heads": 16,
            "decoder_start_token_id": 0,
        },
    ),
    Shape(
        "causal",
        "Qwen2.5 1.5B",
        transformers.Qwen2Config,
        transformers.Qwen2ForCausalLM,
        {
            "vocab_size": 151_936,
            "hidden_size": 1536,
            "num_hidden_layers": 28,
            "num_attention_heads": 12,
            "num_key_value_heads": 2,
            "intermediate_size": 8960,
            "max_position_embeddings": 4096,
            "tie_word_embeddings": True,
        },
    ),
)
TINY: dict[ArchitectureName, dict[str, Any]] = {
    "encoder": {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    | {"intermediate_size": 128},
    "seq2seq": {"d_model": 64, "d_kv": 32, "d_ff": 128, "num_layers": 2, "num_heads": 2}
    | {"num_decoder_layers": 2},
    "causal": {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    | {"num_key_value_heads": 2, "intermediate_size": 128},
}
"""With `--tiny`: the same code in seconds on any machine."""


def build(shape: Shape, texts: list[str], device: str, tiny: bool) -> LoadedModel:
    """A bfloat16 model with random weights, made on the device, and its tokenizer."""
    size = {**shape.size, **IDS}
    if tiny:
        size |= {**TINY[shape.architecture], "vocab_size": TOKENIZER_VOCABULARY}
    tokenizer = train_tokenizer(texts, TOKENIZER_VOCABULARY, shape.architecture)
    torch.manual_seed(0)
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            model = shape.model(shape.config(**size))
    finally:
        torch.set_default_dtype(default)
    return wrap(model, tokenizer, MAX_INPUT_TOKENS)


class Words:
    """A lexicon of made-up words, the frequent ones short, drawn as words of a text are."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.words = [self._word(i) for i in range(5000)]
        self.weights = [1 / (i + 3) for i in range(len(self.words))]

    def _word(self, rank: int) -> str:
        letters = "etaoinsrhldcumfpgwybvkxjqzéüß"
        length = min(2 + rank.bit_length() // 2 + self.rng.randrange(4), 14)
        return "".join(self.rng.choices(letters, range(len(letters), 0, -1), k=length))

    def draw(self, mean: int) -> list[str]:
        """A sentence of about `mean` words."""
        count = max(3, round(self.rng.gauss(mean, mean / 3)))
        return self.rng.choices(self.words, self.weights, k=count)


def label_examples(words: Words, count: int) -> list[Prompted]:
    """Pairs of sentences as long as those of XNLI, with one of three label words."""
    out = []
    for i in range(count):
        premise, hypothesis = " ".join(words.draw(20)), " ".join(words.draw(10))
        text = f"premise: {premise}\nhypothesis: {hypothesis}\nrelation:"
        region = Region("premise", 9, 9 + len(premise))
        target = LABELS[i % len(LABELS)]
        out.append(
            Prompted(
                str(i), "en", text, target, Closed(LABELS), (region,), shortenable=("premise",)
            )
        )
    return out


def tag_examples(words: Words, count: int) -> list[Prompted]:
    """Sentences as long as those of UDPOS, a tag for every word."""
    out = []
    for i in range(count):
        sentence = words.draw(20)
        text, regions = "Tag each word: ", []
        for j, word in enumerate(sentence):
            text += " " if j else ""
            regions.append(Region(f"words[{j}]", len(text), len(text) + len(word)))
            text += word
        tags = tuple(words.rng.choice(TAGS) for _ in sentence)
        slots = tuple(region.field for region in regions)
        out.append(
            Prompted(
                str(i),
                "en",
                f"{text}\nTags:",
                " ".join(tags),
                Slots(slots, TAGS),
                tuple(regions),
                tags,
            )
        )
    return out
