"""What can happen: concepts, events, how a sentence may present an event, and random events.

Rule: nothing here belongs to a language. An `Event` says who did what to what, where and when; a
`Surface` says how a sentence puts it. Tuples without methods: a hundred thousand are made in
seconds. `split_of` gives every event its split by verb and participants; a noun counts as its
topmost kind and roles do not count, so no hypernym, swapped role, modifier, place, time or negation
moves an event to another split. What a split may draw from is listed once, so that nothing is
rejected.

    Event("see", Thing("anna", "name"), Thing("dog", "a", "big"), time="yesterday")
    Sampler("train").event(random, "thing")
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

from ruamel.yaml import YAML

from t2t_xfer.records import Split

Kind: TypeAlias = Literal[
    "name", "pronoun", "city", "organisation", "the", "a", "num", "all", "some", "no", "of"
]
"""What stands before the noun: nothing, an article, a numeral, a quantifier, an owner."""

HERE = Path(__file__).parent


class Thing(NamedTuple):
    """A participant."""

    concept: str
    kind: Kind
    adjective: str = ""
    very: bool = False
    number: int = 1
    """More than one only for `num` (three dogs)."""
    other: str = ""
    """The surname of a `name`, the city of an `organisation`, the owner of an `of` (Anna's dog)."""


class Event(NamedTuple):
    """One thing that happened or (`negative`) did not, or that is so."""

    verb: str
    """A verb, an act, `be` or `have`."""
    agent: Thing
    patient: Thing | None = None
    place: str = ""
    """A place, `city:berlin` or `bank:berlin`."""
    time: str = ""
    negative: bool = False
    quality: str = ""
    """The adjective of `be`."""
    link: str = ""
    """`because` or `but`: how `linked` follows."""
    linked: Event | None = None


class Surface(NamedTuple):
    """A way to say an event: it changes the sentence, never what is true."""

    passive: bool = False
    front: bool = False
    """The time stands first."""
    synonyms: bool = False


PLAIN = Surface()


class Verb(NamedTuple):
    """What a verb allows; `by` and `of` hold the topmost kinds of agent and patient."""

    by: tuple[str, ...]
    of: tuple[str, ...]
    passive: bool


@dataclass(frozen=True)
class World:
    """The concepts of `world.yaml`."""

    women: tuple[str, ...]
    men: tuple[str, ...]
    surnames: tuple[str, ...]
    cities: tuple[str, ...]
    organisations: tuple[str, ...]
    above: Mapping[str, tuple[str, ...]]
    """Noun to the kinds above it, nearest first: `eagle` to `(bird, animal)`."""
    below: Mapping[str, tuple[str, ...]]
    """Noun to all nouns below it."""
    unnamed: tuple[str, ...]
    animate: tuple[str, ...]
    adjectives: Mapping[str, tuple[str, ...]]
    """By topmost kind."""
    contrasts: tuple[tuple[str, ...], ...]
    absolute: tuple[str, ...]
    """Adjectives that mean the same of every kind and have no degree."""
    verbs: Mapping[str, Verb]
    uses: Mapping[str, str]
    acts: Mapping[str, tuple[str, ...]]
    synonyms: tuple[str, ...]
    times: tuple[str, ...]
    places: tuple[str, ...]
    numerals: Mapping[int, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Of women and men."""
        return self.women + self.men

    def root(self, noun: str) -> str:
        """The topmost kind; a name is a person, a city a city."""
        if noun in self.above:
            return (noun, *self.above[noun])[-1]
        for kind, members in (("city", self.cities), ("organisation", self.organisations)):
            if noun in members:
                return kind
        return "person"

    def nouns(self, kind: str) -> tuple[str, ...]:
        """All nouns of a kind, the kind itself included where it has a name."""
        return self.below[kind] if kind in self.unnamed else (kind, *self.below[kind])

    def leaves(self, kind: str) -> tuple[str, ...]:
        """The nouns of a kind that have nothing below them."""
        return tuple(noun for noun in self.below[kind] if not self.below[noun])

    def kinds_of(self, noun: str) -> tuple[str, ...]:
        """The named kinds above it."""
        return tuple(kind for kind in self.above[noun] if kind not in self.unnamed)

    def opposites(self, adjective: str) -> tuple[str, ...]:
        """The adjectives that nothing can be at the same time."""
        line = next(line for line in self.contrasts if adjective in line)
        return tuple(other for other in line if other != adjective)

    def is_a(self, noun: str, kind: str) -> bool:
        """Whether everything that is the first is the second."""
        return noun == kind or kind in self.above[noun]

    def can(self, verb: str, agent: Thing, patient: Thing) -> bool:
        """Whether the agent can do this to the patient."""
        rule = self.verbs[verb]
        return self.root(agent.concept) in rule.by and self.root(patient.concept) in rule.of

    def can_have_place(self, patient: Thing | None) -> bool:
        """Nobody visits a city in the garden, or a museum at the bank."""
        return patient is None or patient.kind not in ("city", "organisation")

    def can_be_passive(self, event: Event) -> bool:
        """An indefinite subject of a passive would be odd in Chinese and Turkish, and a pronoun
        has no form for `by her`."""
        return (
            event.patient is not None
            and event.agent.kind != "pronoun"
            and event.verb in self.verbs
            and self.verbs[event.verb].passive
            and event.patient.kind in ("name", "the", "organisation")
        )

    def has_synonym(self, event: Event) -> bool:
        """Whether some word of the event has a synonym in every language that has the task."""
        things = [thing for thing in (event.agent, event.patient) if thing is not None]
        words = [event.verb, *(thing.adjective for thing in things)]
        return any(word in self.synonyms for word in words)


def load_yaml(name: str) -> Any:
    """A data file of this folder."""
    return YAML(typ="safe", pure=True).load(HERE / name)


@cache
def load_world() -> World:
    """Reads `world.yaml`."""
    data = _frozen(load_yaml("world.yaml"))
    above = _above(data.pop("kinds"))
    data["below"] = {kind: tuple(noun for noun in above if kind in above[noun]) for kind in above}
    data["verbs"] = {name: Verb(**verb) for name, verb in data["verbs"].items()}
    return World(above=above, **data)


def _frozen(data: Any) -> Any:
    """With tuples for lists."""
    if isinstance(data, dict):
        return {key: _frozen(value) for key, value in data.items()}
    return tuple(_frozen(each) for each in data) if isinstance(data, list) else data


def _above(kinds: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    above: dict[str, tuple[str, ...]] = {}
    for kind, nouns in kinds.items():  # a kind stands after the one it belongs to
        above.setdefault(kind, ())
        above |= dict.fromkeys(nouns, (kind, *above[kind]))
    return above


Item = TypeVar("Item")

Pattern: TypeAlias = Literal["thing", "people", "act", "crowd", "be", "have", "entity"]
"""The participants: someone and a thing; two that could swap roles; one; many; one with a quality;
an owner; people, cities and organisations."""

PATTERNS: tuple[Pattern, ...] = ("thing", "people", "act", "crowd", "be", "have", "entity")


class Skeleton(NamedTuple):
    """A verb with its participants, each a name or a topmost kind."""

    verb: str
    agent: str
    patient: str


def split_of_key(verb: str, participants: Sequence[str]) -> Split:
    """70 % train, 15 % validation, 15 % test."""
    share = zlib.crc32("|".join([verb, *sorted(participants)]).encode()) % 100
    return "train" if share < 70 else "validation" if share < 85 else "test"


def split_of(event: Event) -> Split:
    """The split of an event; what is linked to it has a split of its own."""
    world = load_world()
    verb = event.verb
    if verb == "be":
        verb = f"be {min((event.quality, *world.opposites(event.quality)))}"
    things = [thing for thing in (event.agent, event.patient) if thing is not None]
    keys = [key for thing in things for key in participants(thing)]
    return split_of_key(verb, keys)


def participants(thing: Thing) -> tuple[str, ...]:
    """What counts of a participant."""
    if thing.kind in ("name", "pronoun"):
        return (thing.concept,)
    root = load_world().root(thing.concept)
    return (root, thing.other) if thing.kind == "of" else (root,)


class Sampler:
    """Draws what may happen in one split."""

    def __init__(self, split: Split) -> None:
        self.split = split
        self.world = load_world()
        self._verbs: dict[Pattern, list[list[Skeleton]]] = {
            pattern: self._listed(pattern) for pattern in PATTERNS
        }

    def skeletons(self, pattern: Pattern) -> list[list[Skeleton]]:
        """What may happen, by verb."""
        return self._verbs[pattern]

    def event(self, random: Random, pattern: Pattern) -> Event:
        """A random positive event."""
        return self.fill(random, random.choice(random.choice(self._verbs[pattern])), pattern)

    def fill(self, random: Random, skeleton: Skeleton, pattern: Pattern) -> Event:
        """A random event with this verb and these participants."""
        verb, agent_key, patient_key = skeleton
        if pattern == "be":
            return self._quality(random, verb, agent_key, patient_key)
        if pattern == "crowd":
            kind: Kind = random.choice(("all", "some", "no", "num"))
            agent = self.thing(random, agent_key, kind, 0.25 if agent_key != "person" else 0.0)
        else:
            agent = self.participant(random, agent_key, "the")
        patient = None
        if patient_key:
            indefinite = pattern in ("thing", "have") and random.random() < 0.7
            indefinite = indefinite or pattern == "have"
            patient = self.participant(random, patient_key, "a" if indefinite else "the")
            while patient == agent:  # the dog saw the dog?
                patient = self.participant(random, patient_key, "the")
            if patient.kind == "a" and patient_key != "person" and random.random() < 0.2:
                count = random.choice(tuple(self.world.numerals))
                patient = patient._replace(kind="num", number=count, very=False)
        if pattern == "have":
            return Event(verb, agent, patient)
        place = self.place(random, pattern) if self.world.can_have_place(patient) else ""
        return Event(verb, agent, patient, place, self.time(random))

    def place(self, random: Random, pattern: Pattern = "thing") -> str:
        """A place, a city, or none."""
        world, drawn = self.world, random.random()
        if pattern == "entity" and drawn < 0.3:
            return f"{random.choice(world.organisations)}:{random.choice(world.cities)}"
        if drawn < (0.6 if pattern == "entity" else 0.08):
            return f"city:{random.choice(world.cities)}"
        return random.choice(world.places) if drawn < 0.5 else ""

    def time(self, random: Random) -> str:
        """A time, or none."""
        return random.choice(self.world.times) if random.random() < 0.35 else ""

    def participant(self, random: Random, key: str, kind: Kind) -> Thing:
        """A name, or something of a kind."""
        world = self.world
        if key == "city":
            return Thing(random.choice(world.cities), "city")
        if key == "organisation":
            city = random.choice(world.cities)
            return Thing(random.choice(world.organisations), "organisation", other=city)
        if key not in world.below:
            return Thing(key, "name")
        return self.thing(random, key, kind)

    def thing(self, random: Random, root: str, kind: Kind, modified: float = 0.3) -> Thing:
        """A noun of a kind, with an adjective in the given share of cases."""
        noun = random.choice(self.world.nouns(root))
        count = random.choice(tuple(self.world.numerals)) if kind == "num" else 1
        if random.random() >= modified:
            return Thing(noun, kind, number=count)
        adjective = random.choice(self.world.adjectives[root])
        very = random.random() < 0.1 and kind != "num" and adjective not in self.world.absolute
        return Thing(noun, kind, adjective, very, count)

    def particular(self, random: Random, skeleton: Skeleton, modified: float) -> Event:
        """Somebody does something to one thing of the lowest kinds: a dog, not an animal.

        Args:
            modified: share of the things with an adjective.
        """
        thing = self.thing(random, skeleton.patient, "a", modified)
        thing = thing._replace(concept=random.choice(self.world.leaves(skeleton.patient)))
        return Event(skeleton.verb, self.participant(random, skeleton.agent, "the"), thing)

    def named(self, random: Random, thing: Thing) -> Thing:
        """The same with a full name or an organisation that no other split has."""
        world = self.world
        if thing.kind == "city":
            return thing._replace(concept=random.choice(self._own(world.cities)))
        if thing.kind not in ("name", "organisation"):
            return thing
        heads, others = (
            (world.names, world.surnames)
            if thing.kind == "name"
            else (world.organisations, world.cities)
        )
        own = self._own(others, heads.index(thing.concept))
        return thing._replace(other=random.choice(own))

    def named_place(self, random: Random, place: str) -> str:
        """The same of names that no other split has."""
        head, _, city = place.partition(":")
        if not city:
            return place
        shift = 0 if head == "city" else self.world.organisations.index(head)
        return f"{head}:{random.choice(self._own(self.world.cities, shift))}"

    def _own(self, names: tuple[str, ...], shift: int = 0) -> tuple[str, ...]:
        """Two thirds of the names for training, a sixth each for the others; others for each
        number to shift by."""
        shares = {"train": (0, 1, 2, 3), "validation": (4,), "test": (5,)}[self.split]
        return tuple(name for i, name in enumerate(names) if (i + shift) % 6 in shares)

    def surface(self, random: Random, event: Event, synonyms: bool = False) -> Surface:
        """A random way to say the event."""
        world = self.world
        return Surface(
            passive=random.random() < 0.35 and not event.linked and world.can_be_passive(event),
            front=bool(event.time) and random.random() < 0.3,
            synonyms=synonyms and random.random() < 0.3 and world.has_synonym(event),
        )

    def _quality(self, random: Random, line: str, agent_key: str, owned: str) -> Event:
        world = self.world
        is_name = agent_key in world.names
        root = owned or ("person" if is_name else agent_key)
        words = [line, *world.opposites(line)]
        allowed = [word for word in words if word in world.adjectives[root]]
        if is_name and not owned:
            agent = Thing(agent_key, "name")
        else:
            noun = random.choice(world.nouns(root))
            agent = Thing(noun, "of", other=agent_key) if owned else Thing(noun, "the")
        return Event("be", agent, quality=random.choice(allowed))

    def _listed(self, pattern: Pattern) -> list[list[Skeleton]]:
        by_verb: dict[str, list[Skeleton]] = {}
        for skeleton, weight in _all_skeletons(pattern):
            verb = f"be {skeleton.verb}" if pattern == "be" else skeleton.verb
            keys = [key for key in skeleton[1:] if key]
            if split_of_key(verb, keys) == self.split:
                by_verb.setdefault(skeleton.verb, []).extend([skeleton] * weight)
        return list(by_verb.values())


def balanced(random: Random, num_labels: int, draw: Callable[[int], Item | None]) -> Iterator[Item]:
    """Endless items, each run of `num_labels` with one of each label; a draw may fail."""
    while True:
        for label in random.sample(range(num_labels), num_labels):
            item = None
            while item is None:
                item = draw(label)
            yield item


@cache
def sampler(split: Split) -> Sampler:
    """The sampler of a split, shared by all who ask."""
    return Sampler(split)


Keys: TypeAlias = Sequence[tuple[str, int]]
"""Participants with their weights."""
NOBODY: Keys = (("", 1),)


@cache
def _all_skeletons(pattern: Pattern) -> list[tuple[Skeleton, int]]:
    """Every skeleton with its weight."""
    return [
        (Skeleton(verb, agent, patient), one * two)
        for verb, agents, patients in _frames(pattern)
        for (agent, one), (patient, two) in product(agents, patients)
        if agent != patient or (agent == "animal" and pattern == "thing")
    ]


def _frames(pattern: Pattern) -> Iterator[tuple[str, Keys, Keys]]:
    """Verbs with all agents and all patients; kinds count as much as half of the names."""
    world = load_world()
    names = [(name, 1) for name in world.names]
    owned = [root for root in world.adjectives if root != "person"]

    def keys(roots: Sequence[str]) -> Keys:
        found = [(root, 5) for root in roots if root != "person"]
        return [*found, *names, ("person", 5)] if "person" in roots else found

    if pattern == "act":
        yield from ((act, keys(roots), NOBODY) for act, roots in world.acts.items())
    elif pattern == "crowd":
        yield from ((act, [(root, 1) for root in by], NOBODY) for act, by in world.acts.items())
    elif pattern == "have":
        yield "have", names, [(root, 1) for root in owned]
    elif pattern == "be":
        fitting = [
            (min(line), root)
            for line in world.contrasts
            for root, words in world.adjectives.items()
            if set(words) & set(line)
        ]
        yield from ((line, keys([root]), NOBODY) for line, root in fitting)
        yield from ((line, names, [(root, 1)]) for line, root in fitting if root in owned)
    else:
        for verb, (by, of, _) in world.verbs.items():
            if (pattern == "entity") != bool({"city", "organisation"} & {*by, *of}):
                continue
            both = tuple(root for root in by if root in of)
            things = tuple(root for root in of if root != "person")
            agents, patients = {"people": (both, both), "thing": (by, things)}.get(
                pattern, (by, of)
            )
            yield verb, keys(agents), keys(patients)
