"""Premise and hypothesis with their relation, decided by a few rules of inference.

Rule: a label follows from the events alone. An indefinite thing implies every wider description, a
denial every narrower one; of a crowd, all implies some (there are dogs), and no contradicts both;
what is black is not white. Where people might disagree there is no label. The hypothesis is drawn
first, the label and the kind of change independently of it; then premises are tried until one has
that label. So no hypothesis tells its label, and neither does the number of words that come or go,
in any language.

    Anna found a big rose. -> Anna found a flower.      kinds, dropped words, three dogs -> a dog
    Anna did not find a flower. -> … not find a rose.   the other way round under negation
    All animals slept. -> Some dogs slept.              all, some, no (there are dogs)
    The black dog slept. -> The dog is not white.       one dog, and it is black or white
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Literal, NamedTuple, TypeAlias

from t2t_xfer.microworld.world import (
    Event,
    Kind,
    Pattern,
    Sampler,
    Surface,
    Thing,
    World,
    balanced,
    load_world,
    sampler,
    split_of,
)
from t2t_xfer.records import Split

LABELS = ("entailment", "neutral", "contradiction")
ENTAILMENT, NEUTRAL, CONTRADICTION = range(3)


def judge(premise: Event, hypothesis: Event) -> int | None:
    """The label, or None where it is open to debate."""
    world = load_world()
    if hypothesis.verb == "be":
        return _judge_quality(world, premise, hypothesis)
    if "all" in (kinds := {premise.agent.kind, hypothesis.agent.kind}) or kinds & {"some", "no"}:
        return _judge_crowd(world, premise, hypothesis)
    stated = _implies(world, premise, hypothesis)
    converse = _implies(world, hypothesis, premise)
    if stated is None or converse is None:
        return None
    if premise.negative:
        return NEUTRAL if not converse else ENTAILMENT if hypothesis.negative else CONTRADICTION
    return NEUTRAL if not stated else CONTRADICTION if hypothesis.negative else ENTAILMENT


def _implies(world: World, one: Event, two: Event) -> bool | None:
    """Whether the first, said positively, implies the second, said positively."""
    if one.verb != two.verb or one.time != two.time or two.place not in ("", one.place):
        return False
    old, new = one.patient, two.patient
    if old is None or new is None:
        return one.agent == two.agent
    if new.kind in ("name", "the") or old.kind in ("name", "the"):
        same = one.agent == two.agent and old == new
        # Whether "the dog" is "the big dog", or "a dog", is nobody's business.
        return same if same or old.concept != new.concept else None
    if one.agent != two.agent:
        return False
    if new.kind == "num":
        return old == new if old.number == new.number or old.kind != "num" else None
    return _narrower(world, old, new)


def _narrower(world: World, old: Thing, new: Thing) -> bool:
    """Whether everything that the first describes is described by the second."""
    if not world.is_a(old.concept, new.concept):
        return False
    if not new.adjective:
        return True
    if old.adjective != new.adjective or (new.very and not old.very):
        return False
    return old.concept == new.concept or new.adjective in world.absolute


CROWDS = {
    ("all", "all"): ("narrower", ENTAILMENT),
    ("all", "some"): ("either", ENTAILMENT),  # there are dogs
    ("all", "no"): ("either", CONTRADICTION),
    ("some", "some"): ("wider", ENTAILMENT),
    ("some", "no"): ("wider", CONTRADICTION),
    ("no", "all"): ("either", CONTRADICTION),
    ("no", "some"): ("narrower", CONTRADICTION),
    ("no", "no"): ("narrower", ENTAILMENT),
}
"""From *all dogs* to *some animals*: how the second crowd must relate to the first, and the label
then; all else is neutral."""


def _judge_crowd(world: World, premise: Event, hypothesis: Event) -> int | None:
    one, two = premise.agent, hypothesis.agent
    if premise.verb != hypothesis.verb or premise.time != hypothesis.time:
        return NEUTRAL
    wider = _narrower(world, one, two)  # what the premise is about is among the others
    narrower = _narrower(world, two, one)
    if not (wider or narrower) and world.is_a(two.concept, one.concept):
        return None if two.adjective else NEUTRAL
    special = one.adjective != two.adjective and narrower and not wider
    if special and two.kind != one.kind and one.kind in ("all", "no"):
        return None  # are there any big dogs?
    kinds = ["some" if thing.kind == "num" else thing.kind for thing in (one, two)]
    relation, label = CROWDS.get((kinds[0], kinds[1]), ("", NEUTRAL))
    related = {"wider": wider, "narrower": narrower, "either": wider or narrower, "": False}
    # What happened here happened; what nobody did at all, nobody did here.
    wide, place = (premise, hypothesis.place) if one.kind == "no" else (hypothesis, premise.place)
    return label if related[relation] and wide.place in ("", place) else NEUTRAL


def _judge_quality(world: World, premise: Event, hypothesis: Event) -> int | None:
    """`be`, from `be` or from an act of a thing that has an adjective."""
    thing, stated = premise.agent, premise.quality or premise.agent.adjective
    plain = thing._replace(adjective="", very=False)
    if plain != hypothesis.agent:
        return NEUTRAL
    denied = premise.verb == "be" and premise.negative
    if stated == hypothesis.quality:
        return ENTAILMENT if denied == hypothesis.negative else CONTRADICTION
    if stated in world.opposites(hypothesis.quality) and not denied:
        return ENTAILMENT if hypothesis.negative else CONTRADICTION
    return NEUTRAL


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
    return balanced(random, 3, lambda label: _Attempt(random, source, label).pair())


def deny(event: Event) -> Event:
    """The event with `not`: an indefinite loses its number and `very`."""
    patient = event.patient
    if patient is not None and patient.kind in ("a", "num"):
        patient = patient._replace(kind="a", number=1, very=False)
    return event._replace(negative=True, patient=patient)


class _Attempt:
    """An attempt at one pair; family, change, polarity and level stay until a pair is found."""

    def __init__(self, random: Random, source: Sampler, label: int) -> None:
        self.random, self.source, self.world, self.label = random, source, source.world, label
        self.family = family = random.choice(FAMILIES)
        self.change = random.choice(CHANGES[family])
        self.denied = random.random() < 0.5
        if family == "be" and label == NEUTRAL:
            self.change = "replaced"
        if label != NEUTRAL and (family == "be" or self.change in ("dropped", "added")):
            # Saying less is entailed by a statement, saying more by a denial; what is black is
            # black and is not white. Both occur equally often.
            self.denied = (label == ENTAILMENT) == (self.change in ("added", "replaced"))
        self.kind: Kind = "no" if self.denied else random.choice(("all", "some"))
        self.general = random.random() < 0.5
        if label != NEUTRAL and family == "thing":
            # A kind is implied by what falls under it, and the other way round under negation;
            # words come and go with the other level, so that polarity and level together say
            # nothing.
            contradicted = self.denied == (label == CONTRADICTION)
            self.general = contradicted if self.change == "replaced" else self.change == "added"

    def pair(self) -> Inference | None:
        """None if no premise was found for any of a few hypotheses."""
        random, source = self.random, self.source
        for _ in range(MAX_TRIES):
            hypothesis = self._at_level(self._hypothesis())
            for _ in range(MAX_TRIES):
                premise = self._with_polarity(self._premise(hypothesis))
                if judge(premise, hypothesis) != self.label or split_of(premise) != source.split:
                    continue
                surfaces = source.surface(random, premise), source.surface(random, hypothesis)
                if (premise, surfaces[0]) != (hypothesis, surfaces[1]):
                    return Inference(premise, surfaces[0], hypothesis, surfaces[1], self.label)
        return None

    def _hypothesis(self) -> Event:
        event = self.source.event(self.random, self.family)
        if event.patient is not None and self.family == "thing":
            event = event._replace(patient=event.patient._replace(kind="a", number=1, very=False))
        if self.family == "crowd":
            adjective = "" if self.random.random() < 0.8 else event.agent.adjective
            agent = event.agent._replace(kind=self.kind, number=1, adjective=adjective, very=False)
            event = event._replace(agent=agent)
        if self.change == "added":
            event = self._with_more(event)
        elif event.place and event.time:  # short sentences
            event = event._replace(time="")
        return event._replace(negative=self.denied and self.family != "crowd")

    def _at_level(self, event: Event) -> Event:
        """The event with a noun that has others below it, or with one that has none."""
        if self.family not in ("thing", "crowd"):
            return event
        world, thing = self.world, self._changed(event)
        nouns = world.nouns(world.root(thing.concept))
        fitting = [noun for noun in nouns if bool(world.below.get(noun)) == self.general]
        return self._put(event, thing._replace(concept=self.random.choice(fitting or nouns)))

    def _with_polarity(self, event: Event) -> Event:
        if self.family == "be":
            return event
        if self.family == "crowd":
            kind: Kind = self.random.choice(("all", "some", "no", "num"))
            count = self.random.choice(tuple(self.world.numerals)) if kind == "num" else 1
            return event._replace(agent=event.agent._replace(kind=kind, number=count))
        neutral = self.label == NEUTRAL
        other = self.random.random() < 0.5 if neutral else self.label == CONTRADICTION
        return deny(event) if self.denied != other else event._replace(negative=False)

    def _premise(self, event: Event) -> Event:
        """The hypothesis before the change; what that makes of the label is seen later."""
        if self.family == "be":
            return self._quality_premise(event)
        if self.change == "dropped":
            return self._with_more(event)
        if self.change == "added":
            return self._with_less(event)
        if self.change == "replaced":
            return self._with_another(event)
        if self.family == "people" and event.patient and self.random.random() < 0.5:
            return event._replace(agent=event.patient, patient=event.agent)
        return event

    def _changed(self, event: Event) -> Thing:
        """What may be changed about the event: its crowd or its patient."""
        thing = event.agent if self.family == "crowd" else event.patient
        assert thing is not None, "all other families have a patient"
        return thing

    def _put(self, event: Event, thing: Thing) -> Event:
        is_crowd = self.family == "crowd"
        return event._replace(agent=thing) if is_crowd else event._replace(patient=thing)

    def _with_more(self, event: Event) -> Event:
        random, thing = self.random, self._changed(event)
        root = self.world.root(thing.concept)
        full = self.family == "people" or (self.family == "crowd" and root == "person")
        if full or thing.adjective or (not event.place and random.random() < 0.5):
            return event._replace(place=random.choice(self.world.places), time="")
        return self._put(
            event, thing._replace(adjective=random.choice(self.world.adjectives[root]))
        )

    def _with_less(self, event: Event) -> Event:
        thing = self._changed(event)
        can_lose = thing.adjective and self.family != "people"
        if can_lose and (not event.place or self.random.random() < 0.5):
            return self._put(event, thing._replace(adjective="", very=False))
        return event._replace(place="")

    def _with_another(self, event: Event) -> Event:
        world, thing = self.world, self._changed(event)
        near = (*world.kinds_of(thing.concept), *world.below.get(thing.concept, ()))
        if not near or (self.label == NEUTRAL and self.random.random() < 0.3):
            root = world.root(thing.concept)
            near = tuple(noun for noun in world.nouns(root) if noun != thing.concept)
        return self._put(event, thing._replace(concept=self.random.choice(near)))

    def _quality_premise(self, event: Event) -> Event:
        """Another quality of the same, or the same quality of another."""
        random, world = self.random, self.world
        thing, quality = event.agent, event.quality
        root = world.root(thing.concept)
        if self.change == "replaced" and random.random() < 0.4:
            pool = world.names if thing.kind == "name" else world.nouns(root)
            other = random.choice([noun for noun in pool if noun != thing.concept])
            thing = thing._replace(concept=other)
        elif self.change == "replaced":
            near = [word for word in world.opposites(quality) if word in world.adjectives[root]]
            far = [word for word in world.adjectives[root] if word != quality]
            quality = random.choice(near if random.random() < 0.7 else far)
        if thing.kind == "the" and root in world.animate and random.random() < 0.6:
            act = random.choice(self.source.skeletons("act"))[0].verb
            if root in world.acts[act]:
                agent = thing._replace(adjective=quality)
                return Event(act, agent, None, random.choice(world.places))
        return Event("be", thing, quality=quality, negative=random.random() < 0.3)
