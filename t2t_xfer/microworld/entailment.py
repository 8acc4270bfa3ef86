"""Premise and hypothesis with their relation, decided by a few rules of inference.

Rule: the hypothesis is drawn first, the label and the kind of change independently of it; then
premises are tried until one has that label. So no hypothesis tells its label, and neither does the
number of words that come or go, in any language. The rules:

    Anna found a big rose. -> Anna found a flower.      kinds, dropped words, three dogs -> a dog
    Anna did not find a flower. -> … not find a rose.   the other way round under negation
    All animals slept. -> Some dogs slept.              all, some, no (there are dogs)
    The black dog slept. -> The dog is not white.       one dog, and it is black or white
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Literal, NamedTuple, TypeAlias

from t2t_xfer.microworld.logic import CONTRADICTION, ENTAILMENT, NEUTRAL, judge
from t2t_xfer.microworld.sampling import Pattern, Sampler, sampler, split_of
from t2t_xfer.microworld.world import Event, Kind, Surface, Thing
from t2t_xfer.records import Split

FAMILIES: tuple[Pattern, ...] = ("thing",) * 3 + ("people",) * 3 + ("crowd",) * 2 + ("be",) * 2
MAX_TRIES = 8
"""Premises tried for a hypothesis, and hypotheses before everything is drawn anew."""

Change: TypeAlias = Literal["none", "dropped", "added", "replaced"]
CHANGES: dict[Pattern, tuple[Change, ...]] = {
    "thing": ("dropped", "added", *("replaced",) * 2),
    "people": (*("none",) * 6, "dropped", "added"),
    "crowd": ("dropped", "added", *("replaced",) * 4),
    "be": ("none", "replaced"),
}
"""What the hypothesis does with the words of the premise. Mostly one for another, which
looks the same under every label (a kind, a part of it, an opposite)."""


class Inference(NamedTuple):
    """One pair of sentences."""

    premise: Event
    premise_surface: Surface
    hypothesis: Event
    hypothesis_surface: Surface
    label: int
    """0 entailment, 1 neutral, 2 contradiction."""


def inferences(seed: str, split: Split) -> Iterator[Inference]:
    """Endless pairs; every three have one of each label, in random order."""
    random, source = Random(seed), sampler(split)
    while True:
        for label in random.sample(range(3), 3):
            pair = None
            while pair is None:
                pair = _draw(random, source, label)
            yield pair


def _draw(random: Random, source: Sampler, label: int) -> Inference | None:
    """One pair; family, change, polarity and level stay as drawn until a pair is found."""
    family = random.choice(FAMILIES)
    change = random.choice(CHANGES[family])
    denied = random.random() < 0.5
    if family == "be" and label == NEUTRAL:
        change = "replaced"
    if label != NEUTRAL and (family == "be" or change in ("dropped", "added")):
        # Saying less is entailed by a statement, saying more by a denial; what is black is black
        # and is not white. Both occur equally often.
        denied = (label == ENTAILMENT) == (change in ("added", "replaced"))
    kind: Kind = "no" if denied else random.choice(("all", "some"))
    general = random.random() < 0.5
    if label != NEUTRAL and family == "thing":
        # A kind is implied by what falls under it, and the other way round under negation; words
        # come and go with the other level, so that polarity and level together say nothing.
        general = denied == (label == CONTRADICTION) if change == "replaced" else change == "added"
    for _ in range(MAX_TRIES):
        hypothesis = _hypothesis(random, source, family, change, denied)
        hypothesis = _at_level(random, source, family, hypothesis, general)
        if family == "crowd":
            hypothesis = hypothesis._replace(agent=hypothesis.agent._replace(kind=kind))
        for _ in range(MAX_TRIES):
            premise = _premise(random, source, family, change, hypothesis, label)
            premise = _with_polarity(random, source, family, premise, denied, label)
            if judge(premise, hypothesis) != label or split_of(premise) != source.split:
                continue
            surfaces = source.surface(random, premise), source.surface(random, hypothesis)
            if (premise, surfaces[0]) != (hypothesis, surfaces[1]):
                return Inference(premise, surfaces[0], hypothesis, surfaces[1], label)
    return None


def _at_level(
    random: Random, source: Sampler, family: Pattern, event: Event, general: bool
) -> Event:
    """The event with a noun that has others below it, or with one that has none."""
    if family not in ("thing", "crowd"):
        return event
    world, thing = source.world, _changed_thing(family, event)
    nouns = world.nouns(world.root(thing.concept))
    fitting = [noun for noun in nouns if bool(world.below.get(noun)) == general]
    return _put(family, event, thing._replace(concept=random.choice(fitting or nouns)))


def _hypothesis(
    random: Random, source: Sampler, family: Pattern, change: Change, denied: bool
) -> Event:
    event = source.event(random, family)
    if event.patient is not None and family == "thing":
        event = event._replace(patient=event.patient._replace(kind="a", number=1, very=False))
    if family == "crowd":
        adjective = "" if random.random() < 0.8 else event.agent.adjective
        event = event._replace(
            agent=event.agent._replace(kind="all", number=1, adjective=adjective, very=False)
        )
    if change == "added":
        event = _with_more(random, source, family, event)
    elif event.place and event.time:  # short sentences
        event = event._replace(time="")
    return event._replace(negative=denied and family != "crowd")


def _with_polarity(
    random: Random, source: Sampler, family: Pattern, event: Event, denied: bool, label: int
) -> Event:
    if family == "be":
        return event
    if family == "crowd":
        kind: Kind = random.choice(("all", "some", "no", "num"))
        count = random.choice(tuple(source.world.numerals)) if kind == "num" else 1
        return event._replace(agent=event.agent._replace(kind=kind, number=count))
    other = random.random() < 0.5 if label == NEUTRAL else label == CONTRADICTION
    return deny(event) if denied != other else event._replace(negative=False)


def deny(event: Event) -> Event:
    """The event with `not`: an indefinite loses its number and `very`."""
    patient = event.patient
    if patient is not None and patient.kind in ("a", "num"):
        patient = patient._replace(kind="a", number=1, very=False)
    return event._replace(negative=True, patient=patient)


def _premise(
    random: Random, source: Sampler, family: Pattern, change: Change, event: Event, label: int
) -> Event:
    """The hypothesis before the change; what that makes of the label is seen later."""
    if family == "be":
        return _quality_premise(random, source, change, event)
    if change == "dropped":
        event = _with_more(random, source, family, event)
    elif change == "added":
        event = _with_less(random, family, event)
    elif change == "replaced":
        event = _with_another(random, source, family, event, label)
    elif family == "people" and event.patient and random.random() < 0.5:
        return event._replace(agent=event.patient, patient=event.agent)
    return event


def _changed_thing(family: Pattern, event: Event) -> Thing:
    """What may be changed about the event: its crowd or its patient."""
    thing = event.agent if family == "crowd" else event.patient
    assert thing is not None, "all other families have a patient"
    return thing


def _put(family: Pattern, event: Event, thing: Thing) -> Event:
    return event._replace(agent=thing) if family == "crowd" else event._replace(patient=thing)


def _with_more(random: Random, source: Sampler, family: Pattern, event: Event) -> Event:
    thing = _changed_thing(family, event)
    root = source.world.root(thing.concept)
    described = family == "people" or thing.adjective or (family == "crowd" and root == "person")
    if described or (not event.place and random.random() < 0.5):
        return event._replace(place=random.choice(source.world.places), time="")
    adjective = random.choice(source.world.adjectives[root])
    return _put(family, event, thing._replace(adjective=adjective))


def _with_less(random: Random, family: Pattern, event: Event) -> Event:
    thing = _changed_thing(family, event)
    if thing.adjective and family != "people" and (not event.place or random.random() < 0.5):
        return _put(family, event, thing._replace(adjective="", very=False))
    return event._replace(place="")


def _with_another(
    random: Random, source: Sampler, family: Pattern, event: Event, label: int
) -> Event:
    world, thing = source.world, _changed_thing(family, event)
    near = (*world.kinds_of(thing.concept), *world.below.get(thing.concept, ()))
    if not near or (label == NEUTRAL and random.random() < 0.3):
        root = world.root(thing.concept)
        near = tuple(noun for noun in world.nouns(root) if noun != thing.concept)
    return _put(family, event, thing._replace(concept=random.choice(near)))


def _quality_premise(random: Random, source: Sampler, change: Change, event: Event) -> Event:
    """Another quality of the same, or the same quality of another."""
    world, thing, quality = source.world, event.agent, event.quality
    root = "person" if thing.kind == "name" else world.root(thing.concept)
    if change == "none":
        pass
    elif random.random() < 0.4:
        pool = world.names if thing.kind == "name" else world.nouns(root)
        other = random.choice([noun for noun in pool if noun != thing.concept])
        thing = thing._replace(concept=other)
    else:
        near = [word for word in world.opposites(quality) if word in world.adjectives[root]]
        far = [word for word in world.adjectives[root] if word != quality]
        quality = random.choice(near if random.random() < 0.7 else far)
    if thing.kind == "the" and root in world.animate and random.random() < 0.6:
        act = random.choice(source.skeletons("act"))[0].verb
        if root in world.acts[act]:
            agent = thing._replace(adjective=quality)
            return Event(act, agent, None, random.choice(world.places))
    return Event("be", thing, quality=quality, negative=random.random() < 0.3)
