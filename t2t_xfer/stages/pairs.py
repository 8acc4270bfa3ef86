"""Answering `pair` tasks: embed both sides, search or mine, ask the yes/no question of the near.

    embed  -> for each English sentence the ids of the `top_k` nearest, with their cosines
    rank   -> the same ids, with log p(yes) - log p(no) of each
    mine   -> for each foreign sentence the English one that was mined, with its margin; or nothing

A sentence that stands in its pool several times is embedded once. As in XTREME it takes part in
mining, so that its partner goes to nobody else, but the pair is dropped: whose it is cannot be
said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from t2t_xfer.answers import PairFormat
from t2t_xfer.answers.pair import TARGET
from t2t_xfer.engines.embedding import embed
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.records import Closed, Example, Generation, Prompted, Readout
from t2t_xfer.retrieval import mine, nearest
from t2t_xfer.specs.data import MiningSpec


def embed_pairs(
    engine: TransformersEngine, answer: PairFormat, examples: Sequence[Example]
) -> list[Generation]:
    """The nearest target-language sentences of every English sentence (XTREME's direction)."""
    sentences = [answer.sentences(example) for example in examples]
    texts = [source for source, _ in sentences] + [target for _, target in sentences]
    embedded = embed(engine.loaded, texts, answer.embedding, engine.batch_tokens)
    count = len(examples)
    found = nearest(embedded.vectors[:count], embedded.vectors[count:], answer.embedding.top_k)
    return [
        Generation(
            example.id,
            Readout.embed,
            scores=tuple(round(float(cosine), 9) for cosine in cosines),
            neighbours=tuple(examples[i].id for i in indices),
            removed_tokens=embedded.removed_tokens[row] + embedded.removed_tokens[count + row],
        )
        for row, (example, indices, cosines) in enumerate(
            zip(examples, found.indices, found.cosines, strict=True)
        )
    ]


@dataclass(frozen=True)
class _Asked:
    """One question of one query."""

    query: str
    prompted: Prompted


def rank_pairs(
    engine: TransformersEngine,
    answer: PairFormat,
    examples: Sequence[Example],
    embedded: Mapping[str, Generation],
) -> list[Generation]:
    """The neighbours that `embed_pairs` found, scored by log p(yes) - log p(no)."""
    by_id = {example.id: example for example in examples}
    asked = [
        _Asked(example.id, answer.question(example, by_id[neighbour]))
        for example in examples
        for neighbour in embedded[example.id].neighbours
    ]
    readout = engine.loaded.architecture.ways[Closed].readouts[0]
    read = engine.answer([one.prompted for one in asked], readout)
    scores: dict[str, list[float]] = {}
    removed: dict[str, int] = {}
    for one, generation in zip(asked, read, strict=True):
        yes, no = generation.scores
        scores.setdefault(one.query, []).append(yes - no)
        removed[one.query] = removed.get(one.query, 0) + generation.removed_tokens
    return [
        Generation(
            example.id,
            Readout.rank,
            scores=tuple(scores[example.id]),
            neighbours=embedded[example.id].neighbours,
            removed_tokens=removed[example.id],
        )
        for example in examples
    ]


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
