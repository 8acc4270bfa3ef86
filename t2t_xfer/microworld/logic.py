"""What follows from what: the rules of inference that give a pair of sentences its label.

Rule: a label follows from the events alone. An indefinite thing implies every wider description,
a denial every narrower one; of a crowd, all implies some (there are dogs), and no contradicts
both; what is black is not white. Where people might disagree there is no label.

    judge(Event("see", ANNA, A_DOG), Event("see", ANNA, AN_ANIMAL))  ->  0
"""

from __future__ import annotations

from t2t_xfer.microworld.world import Event, Thing, World, load_world

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
