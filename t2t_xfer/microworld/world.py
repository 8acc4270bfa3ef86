"""What can happen: concepts, events, and how a sentence may present an event.

Rule: nothing here belongs to a language. An `Event` says who did what to what, where and when;
a `Surface` says how a sentence puts it; `split_of` gives every event its split, so that no
sentence of one split can occur in another, in any task or language.

    Event(Thing("anna", "name"), "see", (Thing("dog", "indefinite"),), time="yesterday")
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Literal, TypeAlias

from ruamel.yaml import YAML

from t2t_xfer.records import Split

Kind: TypeAlias = Literal["name", "definite", "indefinite"]
Pattern: TypeAlias = Literal["names", "duel", "definite", "indefinite", "pair"]
"""The participants: two names; two that could swap roles; a definite or an indefinite patient;
two coordinated indefinite patients of one kind."""

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Thing:
    """A participant."""

    concept: str
    kind: Kind
    adjective: str | None = None
    very: bool = False
    count: int = 1
    """More than one only for indefinite things (`three dogs`)."""


@dataclass(frozen=True)
class Event:
    """One thing that happened or (`negative`) did not."""

    agent: Thing
    verb: str
    patients: tuple[Thing, ...]
    place: str | None = None
    time: str | None = None
    negative: bool = False


@dataclass(frozen=True)
class Surface:
    """A way to say an event: it changes the sentence, never what is true."""

    passive: bool = False
    time_first: bool = False
    synonyms: bool = False


@dataclass(frozen=True)
class Verb:
    """What a verb allows; `by` and `of` hold the topmost kinds of agent and patient."""

    by: tuple[str, ...]
    of: tuple[str, ...]
    passive: bool


@dataclass(frozen=True)
class World:
    """The concepts of `world.yaml`."""

    names: tuple[str, ...]
    above: Mapping[str, tuple[str, ...]]
    """Noun to the kinds above it, nearest first: `eagle` to `(bird, animal)`."""
    below: Mapping[str, tuple[str, ...]]
    """Noun to all nouns below it."""
    unnamed: frozenset[str]
    adjectives: Mapping[str, tuple[str, ...]]
    """By topmost kind."""
    contrasts: tuple[tuple[str, ...], ...]
    absolute: frozenset[str]
    verbs: Mapping[str, Verb]
    synonyms: frozenset[str]
    times: tuple[str, ...]
    places: tuple[str, ...]
    numerals: Mapping[int, str]

    def root(self, noun: str) -> str:
        """The topmost kind; a name is a person."""
        return "person" if noun in self.names else (noun, *self.above[noun])[-1]

    def nouns(self, kind: str) -> tuple[str, ...]:
        """All nouns of a kind, the kind itself included where it has a name."""
        return self.below[kind] if kind in self.unnamed else (kind, *self.below[kind])

    def relatives(self, noun: str) -> tuple[str, ...]:
        """The named kinds above it and all nouns below it, itself included."""
        above = (kind for kind in self.above[noun] if kind not in self.unnamed)
        return (noun, *above, *self.below[noun])

    def contrast(self, one: str, other: str) -> bool:
        """Whether nothing can be both."""
        return one != other and any(one in line and other in line for line in self.contrasts)

    def can(self, verb: str, agent: Thing, patient: Thing) -> bool:
        """Whether the agent can do this to the patient."""
        rule = self.verbs[verb]
        return self.root(agent.concept) in rule.by and self.root(patient.concept) in rule.of

    def allows(self, thing: Thing) -> bool:
        """Whether the thing may have its adjective."""
        return thing.adjective is None or (
            thing.kind != "name" and thing.adjective in self.adjectives[self.root(thing.concept)]
        )


@cache
def load_world() -> World:
    """Reads `world.yaml`."""
    data = YAML(typ="safe", pure=True).load(HERE / "world.yaml")
    above = _above(data["kinds"])
    return World(
        names=tuple(data["names"]),
        above=above,
        below={kind: tuple(noun for noun in above if kind in above[noun]) for kind in above},
        unnamed=frozenset(data["unnamed"]),
        adjectives={kind: tuple(words) for kind, words in data["adjectives"].items()},
        contrasts=tuple(tuple(line) for line in data["contrasts"]),
        absolute=frozenset(data["absolute"]),
        verbs={
            name: Verb(tuple(verb["by"]), tuple(verb["of"]), verb["passive"])
            for name, verb in data["verbs"].items()
        },
        synonyms=frozenset(data["synonyms"]),
        times=tuple(data["times"]),
        places=tuple(data["places"]),
        numerals=dict(data["numerals"]),
    )


def _above(kinds: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    above: dict[str, tuple[str, ...]] = {}
    for kind, nouns in kinds.items():  # a kind stands after the one it belongs to
        above.setdefault(kind, ())
        above |= dict.fromkeys(nouns, (kind, *above[kind]))
    return above


def split_of(world: World, event: Event) -> Split:
    """70 % train, 15 % validation, 15 % test, by verb and participants.

    A noun counts as its topmost kind and roles do not count, so no hypernym, swapped role,
    modifier, place, time or negation moves an event to another split.
    """
    things = (event.agent, *event.patients)
    people = [
        thing.concept if thing.kind == "name" else world.root(thing.concept) for thing in things
    ]
    share = zlib.crc32("|".join([event.verb, *sorted(people)]).encode()) % 100
    return "train" if share < 70 else "validation" if share < 85 else "test"


def sample_event(world: World, random: Random, pattern: Pattern, split: Split) -> Event:
    """A random positive event of the split."""
    while True:
        event = _draw(world, random, pattern)
        if event is not None and split_of(world, event) == split:
            return event


def sample_surface(world: World, random: Random, event: Event, synonyms: bool = False) -> Surface:
    """A random way to say the event."""
    return Surface(
        passive=can_be_passive(world, event) and random.random() < 0.4,
        time_first=event.time is not None and random.random() < 0.4,
        synonyms=synonyms and has_synonym(world, event) and random.random() < 0.3,
    )


def can_be_passive(world: World, event: Event) -> bool:
    """An indefinite subject of a passive would be odd in Chinese and Turkish."""
    return world.verbs[event.verb].passive and event.patients[0].kind != "indefinite"


def has_synonym(world: World, event: Event) -> bool:
    """Whether some word of the event has a synonym in every language."""
    words = {event.verb, event.agent.adjective, *(thing.adjective for thing in event.patients)}
    return bool(words & world.synonyms)


def sample_thing(world: World, random: Random, noun: str, kind: Kind) -> Thing:
    """The noun with a random adjective, or without one."""
    adjective = random.choice((None, *world.adjectives[world.root(noun)]))
    gradable = adjective is not None and adjective not in world.absolute
    return Thing(noun, kind, adjective, very=gradable and random.random() < 0.15)


def _draw(world: World, random: Random, pattern: Pattern) -> Event | None:
    verb = random.choice(tuple(world.verbs))
    rule = world.verbs[verb]
    by, of = rule.by, rule.of
    if pattern in ("names", "duel"):
        by = of = tuple(kind for kind in by if kind in of)
    if not by or (pattern == "names" and "person" not in by):
        return None
    agent = _participant(world, random, pattern, by)
    patients = _patients(world, random, pattern, of)
    concepts = [agent.concept, *(thing.concept for thing in patients)]
    if len(set(concepts)) < len(concepts):
        return None
    place = random.choice(world.places) if random.random() < 0.5 else None
    time = random.choice(world.times) if random.random() < 0.65 else None
    return Event(agent, verb, patients, place, time)


def _participant(world: World, random: Random, pattern: Pattern, kinds: Sequence[str]) -> Thing:
    root = random.choice(kinds)
    if pattern == "names" or (root == "person" and random.random() < 0.5):
        return Thing(random.choice(world.names), "name")
    return sample_thing(world, random, random.choice(world.nouns(root)), "definite")


def _patients(
    world: World, random: Random, pattern: Pattern, kinds: Sequence[str]
) -> tuple[Thing, ...]:
    if pattern in ("names", "duel"):
        return (_participant(world, random, pattern, kinds),)
    nouns = world.nouns(random.choice(kinds))
    if pattern == "definite":
        return (sample_thing(world, random, random.choice(nouns), "definite"),)
    if pattern == "pair":  # no kinds here: "a bird and an eagle" would be odd
        named = [noun for noun in nouns if not world.below[noun]]
        return tuple(_counted(world, random, noun) for noun in random.sample(named, 2))
    return (_counted(world, random, random.choice(nouns)),)


def _counted(world: World, random: Random, noun: str) -> Thing:
    count = random.choice(tuple(world.numerals)) if random.random() < 0.4 else 1
    return replace(sample_thing(world, random, noun, "indefinite"), count=count)
