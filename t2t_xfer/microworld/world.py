"""What can happen: concepts, events, and how a sentence may present an event.

Rule: nothing here belongs to a language. An `Event` says who did what to what, where and when;
a `Surface` says how a sentence puts it. Tuples without methods: a hundred thousand are made in
seconds.

    Event("see", Thing("anna", "name"), Thing("dog", "a", "big"), time="yesterday")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from ruamel.yaml import YAML

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
