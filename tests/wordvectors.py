"""A decoder whose layer 0 is a vector space made by hand: words and translations share vectors.

Special tokens have the vector 0, so a sentence's mean points where the sum of its words points.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from t2t_xfer.architectures.micro import new_model, train_tokenizer
from t2t_xfer.specs.catalogue import Catalogue


def word(id: int, language: str) -> str:
    """`dab` and `eab` mean the same. Letters only: tokenizers part letters from digits."""
    return f"{language}{chr(97 + id // 26)}{chr(97 + id % 26)}"


def save_model(directory: Path, vectors: torch.Tensor) -> Path:
    """A checkpoint: word `i` of the languages `d` and `e` has row `i` of `vectors`."""
    words = [(word(id, language), id) for language in "de" for id in range(len(vectors))]
    tokenizer = train_tokenizer([" ".join([text] * 3) for text, _ in words], 4000, "causal")
    hidden = vectors.shape[1]
    made = new_model("causal", len(tokenizer), hidden=hidden, layers=1, heads=hidden // 32)
    with torch.no_grad():
        table = made.get_input_embeddings().weight
        table.zero_()
        for text, meaning in words:
            for form in (text, f" {text}"):
                ids = tokenizer(form, add_special_tokens=False)["input_ids"]
                assert len(ids) == 1, "the tokenizer cuts this word"
                table[ids[0]] = vectors[meaning]
    made.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def write_task(folder: Path, name: str) -> None:
    """The shipped task, but read from layer 0, in `folder/tasks`."""
    spec: dict[str, Any] = Catalogue().task(name).model_dump(mode="json", exclude_defaults=True)
    spec["embedding"] = {"layer": 0.0, "pooling": "mean"}
    (folder / "tasks").mkdir(exist_ok=True)
    (folder / "tasks" / f"{name}.yaml").write_text(json.dumps(spec))
