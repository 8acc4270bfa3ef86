"""Questions with several answers, in English: completion, reasons in a story, what things are.

Rule: every wrong answer is right elsewhere, as often as it is wrong, and shares as many words with
the text as the right one. So neither the answers alone nor their words tell.

    Anna bought an apple. David found a book. Then she      ate it. / read it. / wore it.
    Anna laughed because David fell. Clara cried because Omar jumped. Why did Anna laugh?
    What is a dog?                                          a tool / an animal / a fruit / …
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from random import Random
from typing import NamedTuple

from t2t_xfer.microworld.grammar import speaker
from t2t_xfer.microworld.lexicon import load_lexicon
from t2t_xfer.microworld.sampling import Sampler, Skeleton, sampler
from t2t_xfer.microworld.world import Event, Thing, load_world
from t2t_xfer.records import Split

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
