"""Short stories with a question: who did it, what to, where.

Rule: two or three sentences. In half of the stories another agent does the same, or the same agent
does something else, so neither the verb nor the name finds the answer alone. A question that cannot
be answered asks for a meeting that the story does not tell of, with the story's own words.

    Anna saw a dog in the garden. David saw a cat at the market. Anna bought a saw in the house.
    Where did Anna see the dog?     in the garden
    Where did Anna see the cat?     (nowhere)
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random
from typing import NamedTuple

from t2t_xfer.microworld.grammar import Ask, speaker
from t2t_xfer.microworld.sampling import Sampler, Skeleton, sampler, split_of
from t2t_xfer.microworld.world import PLAIN, Event, Surface, load_world
from t2t_xfer.records import Split

SLOTS: dict[Ask, tuple[str, ...]] = {
    "who": ("subject", "owned"),
    "what": ("object",),
    "where": ("place",),
}
"""The constituents that can answer a question."""


UNRELATED = 0.5
"""Share of the stories whose sentences have neither a name nor a verb in common."""
MODIFIED = 0.1
"""Share of the things with an adjective."""


class Story(NamedTuple):
    """A story and a question about it."""

    events: tuple[Event, ...]
    surfaces: tuple[Surface, ...]
    question: Event
    ask: Ask
    answer: int
    """Index of the event that answers; -1 if none does."""


def stories(seed: str, split: Split, unanswerable: float = 0.0) -> Iterator[Story]:
    """Endless stories; the given share of the questions has no answer."""
    random, source = Random(seed), sampler(split)
    while True:
        story = _draw(random, source, random.random() < unanswerable)
        if story is not None:
            yield story


def tell(language: str, story: Story) -> tuple[str, str, str, int]:
    """Context, question, answer and where it starts (-1: there is none)."""
    says = speaker(language)
    context, answer, start = "", "", -1
    for i, (event, surface) in enumerate(zip(story.events, story.surfaces, strict=True)):
        sentence = says.say(event, surface)
        context += " " if context and says.spaces else ""
        if i == story.answer:
            answer, offset = says.place_of(sentence, SLOTS[story.ask])
            start = len(context) + offset
        context += says.text(sentence)
    return context, says.sentence(story.question, PLAIN, story.ask), answer, start


@cache
def _by_name(split: Split) -> dict[str, list[Skeleton]]:
    """What each name may do to a thing."""
    found: dict[str, list[Skeleton]] = {}
    for skeletons in sampler(split).skeletons("thing"):
        for skeleton in skeletons:
            if skeleton.agent in load_world().names:
                found.setdefault(skeleton.agent, []).append(skeleton)
    return found


def _draw(random: Random, source: Sampler, unanswerable: bool) -> Story | None:
    skeletons = _skeletons(random, source.split)
    if skeletons is None:
        return None
    places = random.sample(source.world.places, len(skeletons))
    events = [_event(random, source, *pair) for pair in zip(skeletons, places, strict=True)]
    if len({event.patient.concept for event in events if event.patient}) < len(events):
        return None
    random.shuffle(events)
    answer = random.randrange(len(events))
    ask: Ask = random.choice(("who", "what", "where"))
    asked = events[answer]
    if unanswerable:
        asked_or_none = _not_told(random, source, events, answer, ask)
        if asked_or_none is None:
            return None
        asked, answer = asked_or_none, -1
    assert asked.patient is not None, "stories have patients"
    the = asked.patient._replace(kind="the", number=1, very=False, adjective="")
    question = asked._replace(patient=the)
    if ask == "where":
        question = question._replace(place="")
    return Story(tuple(events), (PLAIN,) * len(events), question, ask, answer)


def _skeletons(random: Random, split: Split) -> list[Skeleton] | None:
    """Two or three; in half of the stories they share neither name nor verb, which is simpler."""
    names = _by_name(split)
    first = random.choice(names[random.choice(list(names))])
    length = random.choice((2, 3))
    related = random.random() >= UNRELATED
    if related:
        others = [random.choice(_same_verb(split, first.verb)), random.choice(names[first.agent])]
        if others[0].agent == first.agent or others[1].verb == first.verb:
            return None
        random.shuffle(others)
    else:
        others = [random.choice(names[random.choice(list(names))]) for _ in range(2)]
    found = [first, *others[: length - 1]]
    distinct = min(len({each.agent for each in found}), len({each.verb for each in found}))
    return found if related or distinct == length else None


@cache
def _same_verb(split: Split, verb: str) -> list[Skeleton]:
    return [
        each for skeletons in _by_name(split).values() for each in skeletons if each.verb == verb
    ]


def _event(random: Random, source: Sampler, skeleton: Skeleton, place: str) -> Event:
    event = source.particular(random, skeleton, MODIFIED)
    assert event.patient is not None, "stories have patients"
    return event._replace(patient=event.patient._replace(very=False), place=place)


def _not_told(
    random: Random, source: Sampler, events: list[Event], asked: int, ask: Ask
) -> Event | None:
    """The event with one of its known parts taken from another sentence."""
    event, other = events[asked], random.choice([e for i, e in enumerate(events) if i != asked])
    mixed = event._replace(**random.choice(_MIXES[ask])(other))
    known = {"who": ("patient",), "what": ("agent",), "where": ("agent", "patient")}[ask]
    assert mixed.patient is not None, "stories have patients"
    if mixed.verb != event.verb or mixed == event:
        return None
    if not source.world.can(mixed.verb, mixed.agent, mixed.patient):
        return None
    for told in events:
        same = told.verb == mixed.verb and (ask == "where" or told.place == mixed.place)
        if same and all(getattr(told, part) == getattr(mixed, part) for part in known):
            return None
    return mixed if split_of(mixed) == source.split or ask != "where" else None


_MIXES = {
    "who": (lambda e: {"patient": e.patient}, lambda e: {"place": e.place}),
    "what": (lambda e: {"agent": e.agent}, lambda e: {"place": e.place}),
    "where": (lambda e: {"agent": e.agent}, lambda e: {"patient": e.patient}),
}
"""What a question asks with and another sentence can lend."""
