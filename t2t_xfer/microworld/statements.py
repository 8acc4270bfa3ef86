"""Sentences of the world: plain statements, pairs that mean the same or do not, and two sides among
which translations are to be found.

Rule: the way of saying (voice, place of the time, synonyms) is drawn alike for both labels, so
neither a bag of words nor the amount of change decides; what decides is who did it to whom and
which adjective belongs to whom. Of two sides, a third has its translation on the other; the rest
are near misses (the same event in another place) and strangers, each said in one language alone.

    Anna saw David yesterday.   Yesterday David was seen by Anna.   1
    Anna saw David yesterday.   Yesterday Anna was seen by David.   0
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random
from typing import NamedTuple

from t2t_xfer.microworld.entailment import deny
from t2t_xfer.microworld.grammar import Ask
from t2t_xfer.microworld.world import (
    PATTERNS,
    PLAIN,
    Event,
    Pattern,
    Sampler,
    Surface,
    Thing,
    balanced,
    sampler,
)
from t2t_xfer.records import Split


class Said(NamedTuple):
    """One sentence: what it says and how."""

    event: Event
    surface: Surface
    ask: Ask = ""


class Paraphrase(NamedTuple):
    """Two sentences; label 1 if they mean the same."""

    first: Said
    second: Said
    label: int


def paraphrases(seed: str, split: Split, ask: Ask = "") -> Iterator[Paraphrase]:
    """Endless pairs; every two have one of each label.

    Args:
        ask: pairs of questions instead.
    """
    random, source = Random(seed), sampler(split)
    return balanced(random, 2, lambda label: _draw(random, source, label, ask))


def questions(seed: str, split: Split) -> Iterator[Paraphrase]:
    """Endless pairs of questions."""
    return paraphrases(f"{seed} where", split, "where")


def statements(seed: str, split: Split, plain: bool = False) -> Iterator[Said]:
    """Endless sentences of every construction.

    Args:
        plain: no questions and no pronouns.
    """
    random, source = Random(seed), sampler(split)
    while True:
        yield statement(random, source, plain)


def statement(random: Random, source: Sampler, plain: bool = False) -> Said:
    """Any sentence of the world: one in four is negative."""
    event = source.event(random, random.choice(PATTERNS))
    drawn = random.random()
    if event.agent.kind in ("name", "the", "of") and drawn < 0.25:
        event = deny(event)
    elif event.agent.kind == "name" and event.verb not in ("be", "have"):
        if drawn < 0.4:
            event = _linked(random, source, event)
        elif not plain and drawn < 0.5:
            event = event._replace(agent=Thing(event.agent.concept, "pronoun"))
        elif not plain and drawn < 0.65:
            return _question(random, event)
    elif event.verb == "be" and drawn < 0.5:
        event = event._replace(negative=random.random() < 0.3)
    return Said(event, source.surface(random, event, synonyms=True))


def entities(seed: str, split: Split) -> Iterator[Said]:
    """Endless sentences about named people, organisations and cities of this split alone."""
    random, source = Random(seed), sampler(split)
    patterns: tuple[Pattern, ...] = ("entity", "entity", "people", "act", "thing")
    while True:
        event = source.event(random, random.choice(patterns))
        event = event._replace(
            agent=source.named(random, event.agent),
            patient=source.named(random, event.patient) if event.patient else None,
            place=source.named_place(random, event.place),
        )
        yield Said(event, source.surface(random, event))


def _linked(random: Random, source: Sampler, event: Event) -> Event:
    other = source.event(random, random.choice(("act", "act", "thing")))
    if other.agent.kind != "name" or other.agent.concept == event.agent.concept:
        return event
    link = random.choice(("because", "but"))
    linked = other._replace(place="", time="")
    return event._replace(link=link, linked=linked, place="", time="")


def _question(random: Random, event: Event) -> Said:
    """A question for the agent, the place, or a thing that is no person (Arabic asks for both
    with one word)."""
    asks: list[Ask] = ["who"]
    if event.patient and event.patient.kind in ("a", "num"):
        asks.append("what")
        event = event._replace(patient=event.patient._replace(kind="the", number=1, very=False))
    if event.place:
        asks.append("where")
    ask = random.choice(asks)
    return Said(event._replace(place="") if ask == "where" else event, PLAIN, ask)


def _draw(random: Random, source: Sampler, label: int, ask: Ask) -> Paraphrase | None:
    event = source.event(random, "people")
    if ask:
        event = event._replace(place="")
    swapped = _swapped(random, source, event)
    if swapped is None:
        return None
    surface = source.surface(random, event, synonyms=True)
    other = event if label else swapped
    flip = [random.random() < 0.5 for _ in range(3)]
    second = Surface(
        passive=surface.passive ^ (flip[0] and source.world.can_be_passive(other)),
        front=surface.front ^ (flip[1] and bool(other.time)),
        synonyms=surface.synonyms ^ (flip[2] and source.world.has_synonym(other)),
    )
    if ask:
        surface, second = surface._replace(front=False), second._replace(front=False)
    if surface == second:
        return None  # a paraphrase must differ somewhere; then the others must too
    return Paraphrase(Said(event, surface, ask), Said(other, second, ask), label)


def _swapped(random: Random, source: Sampler, event: Event) -> Event | None:
    """The same words with another meaning, or None where that cannot be."""
    one, two = event.agent, event.patient
    assert two is not None, "a pattern with two participants"
    if one.kind == two.kind == "the" and random.random() < 0.5:
        one, two = (
            thing._replace(adjective=other.adjective, very=other.very)
            for thing, other in ((one, two), (two, one))
        )
        allowed = [("", *source.world.adjectives[source.world.root(t.concept)]) for t in (one, two)]
        if one.adjective not in allowed[0] or two.adjective not in allowed[1]:
            return None
    elif source.world.can(event.verb, two, one):
        one, two = two, one
    else:
        return None
    changed = event._replace(agent=one, patient=two)
    return None if changed == event else changed


class Mine(NamedTuple):
    """Both sides and the true pairs, as places in the lists."""

    source: tuple[Said, ...]
    target: tuple[Said, ...]
    gold: tuple[tuple[int, int], ...]


@cache
def mine(seed: str, split: Split, num_sentences: int) -> Mine:
    """Both sides with this many sentences."""
    random, source = Random(seed), sampler(split)
    seen: set[Said] = set()

    def fresh(like: Said | None = None) -> Said:
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


def _near(random: Random, source: Sampler, like: Said) -> Said:
    event = like.event
    movable = event.verb not in ("be", "have") and source.world.can_have_place(event.patient)
    if event.linked or not movable:
        return statement(random, source, plain=True)
    return like._replace(event=event._replace(place=random.choice(source.world.places)))
