"""Sentence pairs that mean the same, or have the same words and do not.

Rule: the way of saying (voice, place of the time, synonyms, order of coordinated things) is
drawn alike for both labels, so neither a bag of words nor the amount of change decides; what
decides is who did it to whom, and which adjective or number belongs to which noun.

    Anna saw David yesterday.   Yesterday David was seen by Anna.   1
    Anna saw David yesterday.   Yesterday Anna was seen by David.   0
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from t2t_xfer.microworld.world import (
    Event,
    Surface,
    World,
    can_be_passive,
    has_synonym,
    sample_event,
    sample_surface,
)
from t2t_xfer.records import Split


@dataclass(frozen=True)
class Paraphrase:
    """One pair of sentences."""

    first: Event
    first_surface: Surface
    second: Event
    second_surface: Surface
    label: int
    """1 if both mean the same."""


def sample_paraphrases(
    world: World, random: Random, split: Split, num_pairs: int
) -> tuple[Paraphrase, ...]:
    """Distinct pairs, labels balanced, in random order."""
    pairs: dict[Paraphrase, None] = {}
    while len(pairs) < num_pairs:
        pair = _draw(world, random, split, label=len(pairs) % 2)
        if pair is not None:
            pairs[pair] = None
    result = list(pairs)
    random.shuffle(result)
    return tuple(result)


def _draw(world: World, random: Random, split: Split, label: int) -> Paraphrase | None:
    event = sample_event(world, random, random.choice(("names", "duel", "pair")), split)
    swapped = _swapped(world, random, event)
    if swapped is None:
        return None
    surface = sample_surface(world, random, event, synonyms=True)
    other = event if label else swapped
    second, new_surface = _reworded(world, random, other, surface)
    if (second, new_surface) == (other, surface):
        return None
    return Paraphrase(event, surface, second, new_surface, label)


def _reworded(
    world: World, random: Random, event: Event, surface: Surface
) -> tuple[Event, Surface]:
    """Each possible change of wording with probability one half."""
    if len(event.patients) == 2 and random.random() < 0.5:
        event = replace(event, patients=event.patients[::-1])
    flip = [random.random() < 0.5 for _ in range(3)]
    return event, Surface(
        passive=surface.passive ^ (flip[0] and can_be_passive(world, event)),
        time_first=surface.time_first ^ (flip[1] and event.time is not None),
        synonyms=surface.synonyms ^ (flip[2] and has_synonym(world, event)),
    )


def _swapped(world: World, random: Random, event: Event) -> Event | None:
    """The same words with another meaning, or None where that cannot be."""
    coordinated = len(event.patients) == 2
    one, two = event.patients if coordinated else (event.agent, event.patients[0])
    if "name" not in (one.kind, two.kind) and random.random() < 0.5:
        new = (
            replace(one, adjective=two.adjective, very=two.very),
            replace(two, adjective=one.adjective, very=one.very),
        )
    elif coordinated:
        new = replace(one, count=two.count), replace(two, count=one.count)
    else:
        new = two, one
    if new == (one, two) or not all(world.allows(thing) for thing in new):
        return None
    if coordinated:
        return replace(event, patients=new)
    return replace(event, agent=new[0], patients=new[1:])
