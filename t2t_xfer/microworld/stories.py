"""Short stories with a question, and questions with several answers (in English).

Rule: in half of the stories another agent does the same, or the same agent does something else, so
neither the verb nor the name finds the answer alone. A question that cannot be answered asks for a
meeting that the story does not tell of, with the story's own words. Of several answers every wrong
one is right elsewhere, as often as it is wrong, and shares as many words with the text.

    Anna saw a dog in the garden. David saw a cat at the market. Anna bought a saw in the house.
    Where did Anna see the dog?     in the garden
    Where did Anna see the cat?     (nowhere)

    Anna bought an apple. David found a book. Then she      ate it. / read it. / wore it.
    Anna laughed because David fell. Clara cried because Omar jumped. Why did Anna laugh?
    What is a dog?                                          a tool / an animal / a fruit / …
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product
from random import Random
from typing import NamedTuple

from t2t_xfer.microworld.grammar import Ask, speaker
from t2t_xfer.microworld.lexicon import load_lexicon
from t2t_xfer.microworld.world import (
    PLAIN,
    Event,
    Sampler,
    Skeleton,
    Surface,
    Thing,
    load_world,
    sampler,
    split_of,
)
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


ACQUIRE = ("buy", "choose", "bring", "find")
"""After which one may use the thing."""


class Choice(NamedTuple):
    """A text, a question and its answers."""

    context: str
    question: str
    answers: tuple[str, ...]
    correct: int
    concept: str = ""


def completions(seed: str, split: Split) -> Iterator[Choice]:
    """Two people get two things; what does one of them do with hers?"""
    random, source = Random(seed), sampler(split)
    world, says = source.world, speaker("en")
    verbs = load_lexicon("en").words["verbs"]
    got = [
        each
        for skeletons in source.skeletons("thing")
        for each in skeletons
        if each.verb in ACQUIRE and each.patient in world.uses
    ]
    women, men = ([each for each in got if each.agent in who] for who in (world.women, world.men))
    while True:
        both = [random.choice(women), random.choice(men)]
        if both[0].patient == both[1].patient:
            continue
        asked = random.randrange(2)
        right, other = world.uses[both[asked].patient], world.uses[both[1 - asked].patient]
        wrong = [use for use in world.uses.values() if use not in (right, other)]
        uses = random.sample([right, other, *random.sample(wrong, 2)], 4)
        random.shuffle(both)
        context = " ".join(says.sentence(_gets(random, source, each)) for each in both)
        endings = tuple(f"{verbs[use][0]['past']} it." for use in uses)
        yield Choice(context, f"Then {('she', 'he')[asked]}", endings, uses.index(right))


def _gets(random: Random, source: Sampler, skeleton: Skeleton) -> Event:
    event = source.particular(random, skeleton, 0.3)
    return event._replace(place=source.place(random) if random.random() < 0.5 else "")


def reasons(seed: str, split: Split) -> Iterator[Choice]:
    """Two things happened, each for a reason; why did one of them?

    What happened is of the split. Whatever can happen may be its reason: if reasons had a split
    too, the mixed answers would often be of another one, and that would give them away.
    """
    random, source = Random(seed), sampler(split)
    says, acts = speaker("en"), load_lexicon("en").words["acts"]
    names = source.world.names
    done = [
        each for skeletons in source.skeletons("act") for each in skeletons if each.agent in names
    ]
    while True:
        effects = random.sample(done, 2)
        people = random.sample(names, 2)
        verbs = random.sample(list(source.world.acts), 2)
        if len({*(each.agent for each in effects), *people}) < 4:
            continue
        if effects[0].verb == effects[1].verb:
            continue
        causes = [
            Event(verb, Thing(name, "name")) for verb, name in zip(verbs, people, strict=True)
        ]
        because = [
            Event(each.verb, Thing(each.agent, "name"), link="because", linked=cause)
            for each, cause in zip(effects, causes, strict=True)
        ]
        asked = random.randrange(2)
        mixed = list(product(causes, repeat=2))
        random.shuffle(mixed)
        answers = tuple(
            f"Because {says.sentence(one._replace(verb=other.verb))}" for one, other in mixed
        )
        right = mixed.index((causes[asked], causes[asked]))
        who = says.phrases.noun_phrase(because[asked].agent, "nominative")[0].word
        question = f"Why did {who} {acts[because[asked].verb][0]['base']}?"
        told = random.sample([says.sentence(event) for event in because], 2)
        yield Choice(" ".join(told), question, answers, right)


def knowledge(seed: str, split: Split) -> Iterator[Choice]:
    """What things are and what they are for: five answers, one true.

    A form of question about one thing, as an answer too, stands in one split alone.
    """
    random, world = Random(seed), load_world()
    says = speaker("en").phrases
    kinds = [kind for kind in world.uses if kind != "animal"] + ["animal", "person"]
    names = load_lexicon("en").data["kind_names"]
    verbs = load_lexicon("en").words["verbs"]
    nouns = {
        (form, kind): _share(world.leaves(kind), form, split)
        for form, kind in product(range(4), kinds)
    }

    def a(noun: str) -> str:
        name = names.get(noun)
        if isinstance(name, str):
            return f"a {name}"
        return " ".join(t.word for t in says.noun_phrase(Thing(noun, "a"), "nominative"))

    while True:
        form = random.randrange(4)
        options = random.sample(kinds[: len(kinds) - (form > 1)], 5)
        kind = random.choice(options)
        noun = random.choice(nouns[form, kind])
        if form in (0, 2):
            shown = [noun if k == kind else random.choice(nouns[form, k]) for k in options]
            answers = tuple(a(each) for each in shown)
            question = f"Which of these is {a(kind)}?"
            if form == 2:
                question = f"What does one {verbs[world.uses[kind]][0]['base']}?"
        elif form == 1:
            question, answers = f"What is {a(noun)}?", tuple(a(each) for each in options)
        else:
            question = f"What does one do with {a(noun)}?"
            answers = tuple(f"{verbs[world.uses[each]][0]['base']} it" for each in options)
        yield Choice("", question, answers, options.index(kind), noun)


def _share(nouns: tuple[str, ...], form: int, split: Split) -> tuple[str, ...]:
    """One noun of a kind for validation, one for the test, the others for training."""
    held_out = (nouns[form % len(nouns)], nouns[(form + 1) % len(nouns)])
    if split == "train":
        return tuple(noun for noun in nouns if noun not in held_out)
    return (held_out[split == "test"],)
