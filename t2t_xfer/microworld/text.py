"""Raw text of the world: distinct sentences of one language, a sentence a line.

Rule: only events of the training split, drawn from a seed of its own in each language, so the
texts are not parallel. Documents for pretraining, in one language or several, are in `corpus`.

    text("de")  ->  ["Anna hat gestern einen Hund gesehen.", …]
"""

from __future__ import annotations

from random import Random

from t2t_xfer.microworld.grammar import speaker
from t2t_xfer.microworld.lexicon import LANGUAGES
from t2t_xfer.microworld.pairs import statement
from t2t_xfer.microworld.sampling import sampler

NUM_LINES = 6000
"""Lines of `text`."""


def text(language: str) -> list[str] | None:
    """Distinct sentences for a tokenizer; None for a language that the world does not speak."""
    if language not in LANGUAGES:
        return None
    random, says = Random(f"microworld text {language}"), speaker(language)
    lines: dict[str, None] = {}
    while len(lines) < NUM_LINES:
        lines[says.sentence(*statement(random, sampler("train")))] = None
    return list(lines)
