"""Premise and hypothesis with their relation, from what the events allow.

Rule: at one stated time one agent does one thing at most once and to one patient. A positive
sentence says that a fitting event happened, a negative one that none did. A hypothesis that says
less than its premise is `weaker`, one that says more is `stronger`, and `exclusive` if both name
the same time but not the same number, place or adjective. Labels follow from that and from the
two polarities, so under negation saying more is entailed:

    Anna found a rose.          Anna found a flower.            weaker, + +    entailment
    Anna did not find a rose.   Anna did not find a red rose.   stronger, - -  entailment
    Anna found a rose.          Anna did not find a red rose.   stronger, + -  neutral
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Literal, TypeAlias

from t2t_xfer.microworld.world import (
    Event,
    Pattern,
    Surface,
    Thing,
    World,
    sample_event,
    sample_surface,
)
from t2t_xfer.records import Split

Relation: TypeAlias = Literal["equal", "weaker", "stronger", "exclusive", "other"]

LABELS = ("entailment", "neutral", "contradiction")

IMPLIED: dict[tuple[bool, bool], dict[str, int]] = {
    (False, False): {"equal": 0, "weaker": 0, "exclusive": 2},
    (False, True): {"equal": 2, "weaker": 2, "exclusive": 0},
    (True, False): {"equal": 2, "stronger": 2},
    (True, True): {"equal": 0, "stronger": 0},
}
"""(premise negative, hypothesis negative) -> relation -> label; all else is neutral."""

POLARITIES: tuple[tuple[tuple[bool, bool], ...], ...] = (
    ((False, False),) * 5 + ((False, True),) * 3 + ((True, True),) * 2,
    ((False, False),) * 4 + ((False, True),) * 4 + ((True, False), (True, True)),
    ((False, False),) * 3 + ((False, True),) * 5 + ((True, False),) * 2,
)
"""For each label, polarities in tenths: half of the hypotheses are negative whatever the label."""

CHANGES = ("noun",) * 5 + ("adjective",) * 4 + ("roles",) * 2 + ("count", "place", "time")
"""Odds of a change. Nouns and roles first: words in common must not tell the label."""

OTHER_REJECTED = 0.85
"""Share of the pairs dropped in which not exactly one property is replaced. One replacement looks
the same under every label (a kind, a part of it, an opposite); more or fewer words do not."""

PATTERNS: tuple[Pattern, ...] = ("indefinite",) * 7 + ("names", "definite", "duel", "duel")


@dataclass(frozen=True)
class Inference:
    """One pair of sentences."""

    premise: Event
    premise_surface: Surface
    hypothesis: Event
    hypothesis_surface: Surface
    label: int
    """0 entailment, 1 neutral, 2 contradiction."""


def sample_inferences(
    world: World, random: Random, split: Split, num_pairs: int
) -> tuple[Inference, ...]:
    """Distinct pairs, labels balanced, in random order."""
    pairs: dict[Inference, None] = {}
    while len(pairs) < num_pairs:
        label = len(pairs) % len(LABELS)
        negatives = random.choice(POLARITIES[label])
        pair = None
        while pair is None or pair in pairs:
            pair = _draw(world, random, split, negatives, label)
        pairs[pair] = None
    result = list(pairs)
    random.shuffle(result)
    return tuple(result)


def relation(world: World, premise: Event, hypothesis: Event) -> Relation | None:
    """How the hypothesis relates to the premise, polarity aside. None: open to debate."""
    if premise.agent != hypothesis.agent:
        return "other"
    old, new = premise.patients[0], hypothesis.patients[0]
    if old.kind != "indefinite" and old != new:
        return None
    properties = (
        _compare(premise.place, hypothesis.place),
        _compare_adjectives(world, old, new),
        _compare_nouns(world, old, new),
        _compare_counts(premise, hypothesis),
    )
    if None in properties:
        return None
    time = _compare(premise.time, hypothesis.time)
    if time == {"exclusive"}:
        return "other"
    steps = time.union(*(step for step in properties if step is not None))
    if "exclusive" in steps:
        return "exclusive" if premise.time and not time else None
    if {"weaker", "stronger"} <= steps:
        return "other"
    return "weaker" if "weaker" in steps else "stronger" if "stronger" in steps else "equal"


Steps: TypeAlias = frozenset[Literal["weaker", "stronger", "exclusive"]]
EQUAL: Steps = frozenset()
WEAKER: Steps = frozenset(("weaker",))
STRONGER: Steps = frozenset(("stronger",))
EXCLUSIVE: Steps = frozenset(("exclusive",))


def _compare(old: str | None, new: str | None) -> Steps:
    if old == new:
        return EQUAL
    return WEAKER if new is None else STRONGER if old is None else EXCLUSIVE


def _compare_adjectives(world: World, old: Thing, new: Thing) -> Steps | None:
    if old.adjective is None or new.adjective is None:
        return _compare(old.adjective, new.adjective)
    if old.concept != new.concept and not {old.adjective, new.adjective} <= world.absolute:
        return None  # a small horse is not a small animal
    if old.adjective == new.adjective:
        return EQUAL if old.very == new.very else WEAKER if old.very else STRONGER
    return EXCLUSIVE if world.contrast(old.adjective, new.adjective) else WEAKER | STRONGER


def _compare_nouns(world: World, old: Thing, new: Thing) -> Steps | None:
    if old.concept == new.concept:
        return EQUAL
    if new.concept in world.above[old.concept]:
        return WEAKER
    return STRONGER if old.concept in world.above[new.concept] else None


def _compare_counts(premise: Event, hypothesis: Event) -> Steps | None:
    """Under negation an indefinite has no number: `no rose` is neither one nor three."""
    old, new = premise.patients[0], hypothesis.patients[0]
    if old.kind != "indefinite" or (premise.negative and hypothesis.negative):
        return EQUAL
    if premise.negative != hypothesis.negative:
        return WEAKER if hypothesis.negative else STRONGER
    if old.count == new.count:
        return EQUAL
    return None if 1 in (old.count, new.count) else EXCLUSIVE  # three may include "a"


def _draw(
    world: World, random: Random, split: Split, negatives: tuple[bool, bool], label: int
) -> Inference | None:
    """One attempt at a pair with these polarities and this label."""
    event = sample_event(world, random, random.choice(PATTERNS), split)
    changed = event
    for _ in range(random.choice((0, 1, 1, 1, 2, 2, 2))):
        changed = _changed(world, random, changed)
    premise = _with_polarity(event, negatives[0])
    hypothesis = _with_polarity(changed, negatives[1])
    found = relation(world, premise, hypothesis)
    if found is None or IMPLIED[negatives].get(found, 1) != label:
        return None
    if _num_replaced(premise, hypothesis) != 1 and random.random() < OTHER_REJECTED:
        return None
    surfaces = sample_surface(world, random, premise), sample_surface(world, random, hypothesis)
    if (premise, surfaces[0]) == (hypothesis, surfaces[1]):
        return None
    return Inference(premise, surfaces[0], hypothesis, surfaces[1], label)


def _num_replaced(premise: Event, hypothesis: Event) -> int:
    """Properties that both sentences give, differently."""
    old, new = premise.patients[0], hypothesis.patients[0]
    if premise.agent != hypothesis.agent:
        return 0  # exchanged roles: the same words
    given = (
        (old.concept, new.concept),
        (old.adjective, new.adjective),
        (premise.place, hypothesis.place),
        (premise.time, hypothesis.time),
        (old.count, new.count),
    )
    return sum(one is not None and two is not None and one != two for one, two in given)


def _with_polarity(event: Event, negative: bool) -> Event:
    """Under negation an indefinite loses its number and `very`."""
    (thing,) = event.patients
    if negative and thing.kind == "indefinite":
        thing = replace(thing, count=1, very=False)
    return replace(event, patients=(thing,), negative=negative)


def _changed(world: World, random: Random, event: Event) -> Event:
    """One random change of a property, or the event itself where the change is impossible."""
    (thing,) = event.patients
    change = random.choice(CHANGES)
    if change == "place":
        return replace(event, place=random.choice((None, *world.places)))
    if change == "time":
        return replace(event, time=random.choice((None, *world.times)))
    if (
        change == "roles"
        and thing.kind != "indefinite"
        and world.can(event.verb, thing, event.agent)
    ):
        return replace(event, agent=thing, patients=(event.agent,))
    if thing.kind == "indefinite":
        return replace(event, patients=(_changed_thing(world, random, thing, change),))
    return event


def _changed_thing(world: World, random: Random, thing: Thing, change: str) -> Thing:
    root = world.root(thing.concept)
    if change == "noun":
        return replace(thing, concept=random.choice(world.relatives(thing.concept)))
    if change == "adjective":
        return replace(thing, adjective=random.choice((None, *world.adjectives[root])), very=False)
    if change == "count":
        return replace(thing, count=random.choice(tuple(world.numerals)))
    return thing
