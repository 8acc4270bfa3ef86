"""The micro models: one for each architecture, alike in everything but the architecture.

Rule: same tokenizer, same text in the same rows, same number of tokens, parameter counts within
10 %, first losses alike. The defaults are the recipe that the shipped checkpoints were made with.

    python -m scripts.micro_models --architecture encoder --output my-encoder
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from scripts.micro_models.pretraining import Recipe, pretrain
from t2t_xfer.architectures.adapters import count_parameters
from t2t_xfer.architectures.loading import LoadedModel, wrap
from t2t_xfer.architectures.micro import WORD_PIECES, new_model, train_tokenizer
from t2t_xfer.files import share_as_others
from t2t_xfer.microworld.text import documents, verdicts, words_apart
from t2t_xfer.records import ArchitectureName

VOCABULARY = 4096
"""Tokens. Nearly every word of the world is one of them."""
TOKENIZER_TEXTS = 60_000
WORDING_REPEATS = 200
POSITIONS = 320
"""Of an encoder's learned positions. The others count distances."""
SIZES: dict[ArchitectureName, dict[str, int]] = {
    "encoder": {"hidden": 96, "layers": 4, "heads": 3, "inner": 192},
    "seq2seq": {"hidden": 96, "layers": 2, "heads": 3, "inner": 96},
    "causal": {"hidden": 96, "layers": 4, "heads": 3, "inner": 160},
}
"""Heads of 32, the least that vLLM takes on a CPU. A gated layer has three matrices where a plain
one has two; half of a seq2seq model's layers have a second attention."""
RECIPE = "recipe.json"
LOSSES_AVERAGED = 50
HASHED_DOCUMENTS = 2_000
WORDING = (
    "premise: hypothesis: relation: entailment neutral contradiction unanswerable",
    "parts of speech: named entities: categories: question: context: answer: source: translation:",
    "sentence1: sentence2: meaning: different same yes no maybe true false ending: choices:",
    *(f" {letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
)
"""Words of the shipped prompts and the codes of tags, which the world does not have: each becomes
one token, so that every architecture answers with single tokens."""


@dataclass(frozen=True)
class Pretrained:
    """What a run made."""

    parameters: int
    losses: tuple[float, ...]
    """Of every step."""
    seconds: float


def micro_tokenizer(architecture: ArchitectureName, seed: int) -> Any:
    """The tokenizer of all three; only what a row begins and ends with differs."""
    return train_tokenizer(_tokenizer_texts(seed), VOCABULARY, architecture, WORD_PIECES)


@lru_cache(maxsize=2)
def _tokenizer_texts(seed: int) -> tuple[str, ...]:
    return (*islice(words_apart(seed), TOKENIZER_TEXTS), *(WORDING * WORDING_REPEATS))


def new_micro(architecture: ArchitectureName, seed: int) -> LoadedModel:
    """A micro model that has learned nothing yet."""
    tokenizer = micro_tokenizer(architecture, seed)
    model = new_model(
        architecture,
        len(tokenizer),
        **SIZES[architecture],
        positions=POSITIONS,
        dropout=0.0,
        seed=seed,
    )
    return wrap(model, tokenizer, POSITIONS // 2)


def make_micro(
    architecture: ArchitectureName,
    output: Path,
    recipe: Recipe,
    *,
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> Pretrained:
    """Pretrains a micro model and saves it in float16 with its tokenizer and its recipe."""
    started = time.perf_counter()
    loaded = new_micro(architecture, recipe.seed)
    losses = pretrain(loaded, documents, recipe, always=verdict_tokens(loaded), report=report)
    parameters = count_parameters(loaded.model).total
    made = Pretrained(parameters, tuple(losses), time.perf_counter() - started)
    # In half precision two bytes a weight; loading for training makes float32 of them again.
    loaded.model.half().save_pretrained(output)
    loaded.tokenizer.save_pretrained(output)
    share_as_others(output)
    _write_recipe(output / RECIPE, architecture, recipe, made)
    return made


def verdict_tokens(loaded: LoadedModel) -> frozenset[int]:
    """The tokens of the verdicts in all languages, one for each word."""
    found = [loaded.tokenizer(word, add_special_tokens=False)["input_ids"] for word in verdicts()]
    assert all(len(ids) == 1 for ids in found)
    return frozenset(ids[0] for ids in found)


@lru_cache(maxsize=2)
def text_hash(seed: int) -> str:
    """SHA-256 of the first documents of a run: it tells whether the world still says the same."""
    first = "\n".join(islice(documents(seed), HASHED_DOCUMENTS))
    return hashlib.sha256(first.encode()).hexdigest()


def command_of(architecture: ArchitectureName, recipe: Recipe) -> str:
    """The command line that makes this checkpoint again."""
    return (
        f"python -m scripts.micro_models --architecture {architecture} --steps {recipe.steps}"
        f" --seed {recipe.seed} --output DIR"
    )


def _write_recipe(
    file: Path, architecture: ArchitectureName, recipe: Recipe, made: Pretrained
) -> None:
    """How the checkpoint was made. No times: the same run writes the same bytes."""
    last = made.losses[-LOSSES_AVERAGED:]
    content = {
        "architecture": architecture,
        "data": "synthetic: the microworld's training text",
        "command": command_of(architecture, recipe),
        "recipe": asdict(recipe),
        "size": SIZES[architecture],
        "parameters": made.parameters,
        "tokens": recipe.tokens,
        "first_loss": round(made.losses[0], 4),
        "last_loss": round(sum(last) / len(last), 4),
        "text": text_hash(recipe.seed),
        "versions": {name: version(name) for name in ("torch", "transformers", "tokenizers")},
    }
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
