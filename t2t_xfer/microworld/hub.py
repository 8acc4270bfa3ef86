"""The world's data sets under the hub's ids, configurations, splits and columns.

Rule: what a row says is drawn once, from a seed that names data set and split but no language,
and then told in the language asked for; so row 17 is the same event in every language.

    rows("google/xtreme", "udpos.German", "test")[0]["tokens"]  ->  ("Anna", "hat", "gestern", …)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from random import Random
from typing import TypeAlias

from t2t_xfer.microworld.entailment import Inference, sample_inferences
from t2t_xfer.microworld.grammar import Tokens, sentence
from t2t_xfer.microworld.grammar import text as running_text
from t2t_xfer.microworld.lexicon import LANGUAGES, Lexicon, load_lexicon
from t2t_xfer.microworld.paraphrase import Paraphrase, sample_paraphrases
from t2t_xfer.microworld.world import (
    HERE,
    Event,
    Pattern,
    Surface,
    World,
    load_world,
    sample_event,
    sample_surface,
)
from t2t_xfer.records import Row, Split

VERSION = 1
"""Part of the fingerprint. The sources are too, so it changes only to force a new one."""

NUM_ROWS: dict[Split, int] = {"train": 2000, "validation": 200, "test": 200}
NUM_TEXT_LINES = 3000

# fmt: off
TAGS = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN",
    "PUNCT", "SCONJ", "SYM", "VERB", "X",
)
# fmt: on
"""The order of `pos_tags` in google/xtreme."""

PATTERNS: tuple[Pattern, ...] = ("names", "duel", "definite", "indefinite", "pair")

Teller: TypeAlias = Callable[[str, Split], list[Row]]
"""Language and split to rows."""


def rows(hub_id: str, config: str, split: str) -> list[Row] | None:
    """All rows of a split in the hub's columns; None where the world has no such split."""
    found = _catalogue().get((hub_id, config))
    if found is None or split not in found[1]:
        return None
    language, splits, teller = found
    return teller(language, splits[split])


def configs(hub_id: str) -> list[str]:
    """The configurations of a data set, none for an unknown one."""
    return [config for known, config in _catalogue() if known == hub_id]


def text(language: str) -> list[str] | None:
    """Sentences for a tokenizer and for pretraining, of training events only.

    Drawn from a seed of their own in each language, so they are not parallel.
    """
    if language not in LANGUAGES:
        return None
    random = Random(f"microworld text {language}")
    lexicon = load_lexicon(language)
    lines: dict[str, None] = {}
    while len(lines) < NUM_TEXT_LINES:
        lines[_say(lexicon, *statement(load_world(), random, "train"))] = None
    return list(lines)


def fingerprint() -> str:
    """SHA-256 over the sources, the data files and the version."""
    digest = hashlib.sha256(f"microworld {VERSION}\n".encode())
    for path in sorted(path for path in HERE.rglob("*") if path.suffix in (".py", ".yaml")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(HERE).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


@cache
def _catalogue() -> dict[tuple[str, str], tuple[str, dict[str, Split], Teller]]:
    """(id, configuration) to language, the hub's split names and the rows."""
    every: dict[str, Split] = {"train": "train", "validation": "validation", "test": "test"}
    held_out: dict[str, Split] = {"validation": "validation", "test": "test"}
    matched: dict[str, Split] = {"train": "train", "validation_matched": "validation"}
    names = {"en": "English", "de": "German", "tr": "Turkish", "zh": "Chinese"}
    pawsx = [language for language in LANGUAGES if language != "tr"]  # as on the hub
    return {
        ("nyu-mll/glue", "mnli"): ("en", matched, _mnli),
        **{("facebook/xnli", code): (code, held_out, _xnli) for code in LANGUAGES},
        **{("google-research-datasets/paws-x", code): (code, every, _paws_x) for code in pawsx},
        **{("google/xtreme", f"udpos.{names[code]}"): (code, every, _udpos) for code in LANGUAGES},
    }


def _mnli(language: str, split: Split) -> list[Row]:
    pairs = _inferences("mnli", split)
    return [_inference_row(language, pair) | {"idx": i} for i, pair in enumerate(pairs)]


def _xnli(language: str, split: Split) -> list[Row]:
    return [_inference_row(language, pair) for pair in _inferences("xnli", split)]


def _inference_row(language: str, pair: Inference) -> dict[str, str | int]:
    lexicon = load_lexicon(language)
    return {
        "premise": _say(lexicon, pair.premise, pair.premise_surface),
        "hypothesis": _say(lexicon, pair.hypothesis, pair.hypothesis_surface),
        "label": pair.label,
    }


def _paws_x(language: str, split: Split) -> list[Row]:
    lexicon = load_lexicon(language)
    return [
        {
            "id": i,
            "sentence1": _say(lexicon, pair.first, pair.first_surface),
            "sentence2": _say(lexicon, pair.second, pair.second_surface),
            "label": pair.label,
        }
        for i, pair in enumerate(_paraphrases(split), start=1)
    ]


def _udpos(language: str, split: Split) -> list[Row]:
    lexicon = load_lexicon(language)
    return [_tagged_row(sentence(lexicon, *statement)) for statement in _statements(split)]


def _tagged_row(tokens: Tokens) -> Row:
    return {
        "tokens": tuple(word for word, _ in tokens),
        "pos_tags": tuple(TAGS.index(tag) for _, tag in tokens),
    }


@cache
def _inferences(name: str, split: Split) -> tuple[Inference, ...]:
    seed = f"microworld {name} {split}"
    return sample_inferences(load_world(), Random(seed), split, NUM_ROWS[split])


@cache
def _paraphrases(split: Split) -> tuple[Paraphrase, ...]:
    random = Random(f"microworld paws-x {split}")
    return sample_paraphrases(load_world(), random, split, NUM_ROWS[split])


@cache
def _statements(split: Split) -> tuple[tuple[Event, Surface], ...]:
    random = Random(f"microworld udpos {split}")
    statements: dict[tuple[Event, Surface], None] = {}
    while len(statements) < NUM_ROWS[split]:
        statements[statement(load_world(), random, split)] = None
    return tuple(statements)


def statement(world: World, random: Random, split: Split) -> tuple[Event, Surface]:
    """Any sentence of the world: one in four is negative where that is simple to say."""
    event = sample_event(world, random, random.choice(PATTERNS), split)
    thing = event.patients[0]
    if len(event.patients) == 1 and thing.count == 1 and random.random() < 0.3:
        thing = replace(thing, very=thing.very and thing.kind == "definite")
        event = replace(event, patients=(thing,), negative=True)
    return event, sample_surface(world, random, event, synonyms=True)


def _say(lexicon: Lexicon, event: Event, surface: Surface) -> str:
    return running_text(lexicon, sentence(lexicon, event, surface))
