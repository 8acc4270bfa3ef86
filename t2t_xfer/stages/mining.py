"""Mining pairs with a model: embed both pools, mine, and say for every foreign sentence what came.

    foreign id -> the English id that was mined, with its margin; or nothing

A sentence that stands in its pool several times is embedded once. As in XTREME it takes part, so
that its partner goes to nobody else, but the pair is dropped: whose it is cannot be said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from t2t_xfer.answers import PairFormat
from t2t_xfer.answers.pair import TARGET
from t2t_xfer.engines.embedding import embed
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.records import Example, Generation, Readout
from t2t_xfer.retrieval.mine import mine
from t2t_xfer.specs.mining import MiningSpec


class MinedPairs(NamedTuple):
    """What mining gives."""

    generations: list[Generation]
    """One for each foreign sentence: its partner with the margin, or no neighbour."""
    pool_removed_tokens: int
    """Tokens that English sentences lost because they were too long."""


def mine_pairs(
    engine: TransformersEngine,
    answer: PairFormat,
    mining: MiningSpec,
    examples: Sequence[Example],
    english: Mapping[str, str],
) -> MinedPairs:
    """Mines the English pool for the foreign sentences, one partner each at most.

    Args:
        engine: the model.
        answer: how sentences are embedded.
        mining: neighbours and memory.
        examples: the foreign pool.
        english: sentences by id.
    """
    foreign = {example.id: str(example.fields[TARGET]) for example in examples}
    ours, theirs = _distinct(foreign), _distinct(english)
    texts = [answer.embedded(sentence) for sentence in (*ours, *theirs)]
    embedded = embed(engine.loaded, texts, answer.embedding, engine.batch_tokens)
    partners = mined_partners(
        foreign,
        english,
        embedded.vectors[: len(ours)],
        embedded.vectors[len(ours) :],
        mining,
        engine.loaded.device,
    )
    removed = dict(zip(ours, embedded.removed_tokens, strict=False))
    generations = [_mined(id, partners.get(id), removed[text]) for id, text in foreign.items()]
    return MinedPairs(generations, sum(embedded.removed_tokens[len(ours) :]))


def mined_partners(
    foreign: Mapping[str, str],
    english: Mapping[str, str],
    foreign_vectors: NDArray[np.float32],
    english_vectors: NDArray[np.float32],
    mining: MiningSpec,
    device: str = "cpu",
) -> dict[str, tuple[str, float]]:
    """The mined English id and its margin by foreign id.

    Args:
        foreign: sentences by id.
        english: likewise.
        foreign_vectors: of each different sentence, in the order of their first places.
        english_vectors: likewise.
        mining: neighbours and memory.
        device: where the search runs.
    """
    found = mine(
        foreign_vectors,
        english_vectors,
        mining.neighbours,
        mining.memory_mib * 2**20,
        device,
    )
    ours, theirs = _ids(foreign), _ids(english)
    return {
        our_id: (their_id, round(float(margin), 9))
        for left, right, margin in zip(*found, strict=True)
        if (our_id := ours[left]) is not None and (their_id := theirs[right]) is not None
    }


def _distinct(pool: Mapping[str, str]) -> list[str]:
    return list(dict.fromkeys(pool.values()))


def _ids(pool: Mapping[str, str]) -> list[str | None]:
    """The id of each different sentence; None if it stands in the pool several times."""
    times = Counter(pool.values())
    ids = {text: id for id, text in pool.items()}
    return [ids[text] if count == 1 else None for text, count in times.items()]


def _mined(id: str, partner: tuple[str, float] | None, removed_tokens: int) -> Generation:
    if partner is None:
        return Generation(id, Readout.embed, removed_tokens=removed_tokens)
    found, margin = partner
    return Generation(
        id, Readout.embed, scores=(margin,), neighbours=(found,), removed_tokens=removed_tokens
    )
