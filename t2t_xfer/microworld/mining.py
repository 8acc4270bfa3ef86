"""Sentences of two languages among which translations are to be found.

Rule: a third of each side has its translation on the other; the rest are near misses of those (the
same event in another place, at another time) and strangers, each said in one language alone.

    mine("microworld bucc de", "test", 900)
"""

from __future__ import annotations

from functools import cache
from random import Random
from typing import NamedTuple

from t2t_xfer.microworld.pairs import Statement, statement
from t2t_xfer.microworld.sampling import Sampler, sampler
from t2t_xfer.records import Split


class Mine(NamedTuple):
    """Both sides and the true pairs, as places in the lists."""

    source: tuple[Statement, ...]
    target: tuple[Statement, ...]
    gold: tuple[tuple[int, int], ...]


@cache
def mine(seed: str, split: Split, num_sentences: int) -> Mine:
    """Both sides with this many sentences."""
    random, source = Random(seed), sampler(split)
    seen: set[Statement] = set()

    def fresh(like: Statement | None = None) -> Statement:
        while True:
            drawn = statement(random, source, plain=True)
            if like is not None and random.random() < 0.7:
                drawn = _near(random, source, like)
            key = drawn._replace(surface=drawn.surface._replace(synonyms=False))
            if key not in seen:
                seen.add(key)
                return key

    shared = [fresh() for _ in range(num_sentences // 3)]
    sides = []
    for _ in range(2):
        alone = [fresh(random.choice(shared)) for _ in range(num_sentences - len(shared))]
        side = [*shared, *alone]
        random.shuffle(side)
        sides.append(tuple(side))
    places = [{each: i for i, each in enumerate(side)} for side in sides]
    gold = sorted((places[0][each], places[1][each]) for each in shared)
    return Mine(sides[0], sides[1], tuple(gold))


def _near(random: Random, source: Sampler, like: Statement) -> Statement:
    event = like.event
    movable = event.verb not in ("be", "have") and source.world.can_have_place(event.patient)
    if event.linked or not movable:
        return statement(random, source, plain=True)
    return like._replace(event=event._replace(place=random.choice(source.world.places)))
