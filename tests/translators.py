"""Micro models that have learnt to translate some short texts by heart, and the rows they know.

They are trained here in seconds on what `t2t-xfer translate` asks them: the
texts of a small mirror's rows, with brackets around answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import M2M100Config, M2M100ForConditionalGeneration

from t2t_xfer.architectures.loading import wrap
from t2t_xfer.architectures.micro import new_model, train_tokenizer
from t2t_xfer.languages import language
from t2t_xfer.prompts import Template
from t2t_xfer.records import Closed, Prompted
from t2t_xfer.specs.model import TranslatorSpec

from .studydata import write_rows

MNLI: list[dict[str, Any]] = [
    {"premise": "The dog sleeps.", "hypothesis": "The cat sleeps.", "label": 2, "idx": 0},
    {"premise": "The dog sleeps.", "hypothesis": "No gold label.", "label": -1, "idx": 1},
    {"premise": "Ada sees the cat.", "hypothesis": "Ada sees.", "label": 0, "idx": 2},
]
SQUAD: list[dict[str, Any]] = [
    {
        "id": "a",
        "title": "Ada",
        "context": "Ada sees the cat. The dog sleeps.",
        "question": "Who sleeps?",
        "answers": {"text": ["The dog"], "answer_start": [18]},
    },
    {
        "id": "b",
        "title": "Ada",
        "context": "The cat sleeps.",
        "question": "Who sleeps?",
        "answers": {"text": ["The cat"], "answer_start": [0]},
    },
]
GOLD: dict[str, dict[str, str]] = {
    "de": {
        "The dog sleeps.": "Der Hund schläft.",
        "The cat sleeps.": "Die Katze schläft.",
        "Ada sees the cat.": "Ada sieht die Katze.",
        "Ada sees.": "Ada sieht.",
        "Who sleeps?": "Wer schläft?",
        "[The dog] sleeps.": "[Der Hund] schläft.",
        # This model forgets the marks here, so the answer is translated alone.
        "[The cat] sleeps.": "Die Katze schläft.",
        "The cat": "die Katze",
    },
    "ar": {
        "The dog sleeps.": "الكلب نائم.",
        "The cat sleeps.": "القطة نائمة.",
        "Ada sees the cat.": "آدا ترى القطة.",
        "Ada sees.": "آدا ترى.",
        "Who sleeps?": "من نائم؟",
        "[The dog] sleeps.": "[الكلب] نائم.",
        # Forgotten too, and the answer alone is another word than in the sentence.
        "[The cat] sleeps.": "القطة نائمة.",
        "The cat": "هرة",
    },
}
TOKENS = {"de": "<extra_id_0>", "ar": "<extra_id_1>"}
FORCED = "translator: forced\nsentences: true\nforced_bos: {de: <extra_id_0>, ar: <extra_id_1>}\n"
"""An encoder-decoder that is told the language by its first token alone, like NLLB."""
MORE = "\nEnglish: and so on"
"""What the decoder writes behind a translation, like a model without instructions."""
MAX_STEPS, KNOWN = 600, 0.01
"""A model is taught until the mean loss of a token is so low: every token is the most likely."""


def mirror(folder: Path) -> Path:
    """The rows in the hub's layout."""
    write_rows(folder / "nyu-mll" / "glue" / "mnli" / "train.jsonl", MNLI)
    write_rows(folder / "rajpurkar" / "squad" / "plain_text" / "train.jsonl", SQUAD)
    return folder


def forced_pairs() -> list[tuple[str, str]]:
    """English texts, and both translations behind the token of the language."""
    return [
        (english, f"{TOKENS[code]}{text}")
        for code, texts in GOLD.items()
        for english, text in texts.items()
    ]


def continued_pairs(translator: TranslatorSpec, texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """German for a decoder that goes on writing after the translation."""
    template, name = Template(translator.input), language("de").name
    return [
        (template.render({"text": english, "language": name}).text, f"{text}{MORE}")
        for english, text in texts.items()
    ]


def teach_decoder(pairs: Sequence[tuple[str, str]], folder: Path) -> Path:
    """A new Llama that writes the second text after the first, saved in a folder."""
    tokenizer = train_tokenizer([text for pair in pairs for text in pair], 700, "causal")
    model: Any = new_model("causal", len(tokenizer), hidden=64, layers=1, heads=2)
    architecture = wrap(model, tokenizer, 64).architecture
    rows = [
        row
        for one, two in pairs
        for row in architecture.training_rows(Prompted("", "en", one, two, Closed(())))
    ]
    places = [(i, place) for i, row in enumerate(rows) for place in row.places]
    labels = torch.tensor([label for row in rows for label in row.labels])
    inputs = architecture.inputs(rows)

    def loss() -> torch.Tensor:
        logits = model(**inputs).logits[*zip(*places, strict=True)]
        return torch.nn.functional.cross_entropy(logits, labels)

    return _taught(model, loss, tokenizer, folder)


def teach_encoder_decoder(pairs: Sequence[tuple[str, str]], folder: Path) -> Path:
    """The same of NLLB's own kind, whose decoder counts positions: it could answer no task."""
    tokenizer = train_tokenizer([text for pair in pairs for text in pair], 700, "seq2seq")
    config = M2M100Config(
        vocab_size=len(tokenizer),
        d_model=64,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=128,
        decoder_ffn_dim=128,
        max_position_embeddings=64,
        encoder_layerdrop=0.0,
        decoder_layerdrop=0.0,
        dropout=0.0,
        attention_dropout=0.0,
        init_std=0.1,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=tokenizer.bos_token_id,
        decoder_start_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(0)
    model: Any = M2M100ForConditionalGeneration(config)
    sources = tokenizer([one for one, _ in pairs], padding=True, return_tensors="pt")
    targets = tokenizer([two for _, two in pairs], padding=True, return_tensors="pt")
    labels = targets["input_ids"].masked_fill(targets["attention_mask"] == 0, -100)
    labels[:, 0] = -100  # the language's token, which nobody could guess: it will be forced
    inputs = {name: sources[name] for name in ("input_ids", "attention_mask")}
    start = torch.full((len(pairs), 1), tokenizer.eos_token_id)
    inputs["decoder_input_ids"] = torch.cat([start, targets["input_ids"][:, :-1]], 1)
    return _taught(model, lambda: model(**inputs, labels=labels).loss, tokenizer, folder)


def _taught(model: Any, loss_of: Callable[[], torch.Tensor], tokenizer: Any, folder: Path) -> Path:
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    for _ in range(MAX_STEPS):
        loss = loss_of()
        if loss < KNOWN:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 2 * KNOWN, "the model has not learnt its texts"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
