"""A second opinion on the microworld's labels, from the English text alone.

The checker shares no code with the generator: it parses both sentences, draws random worlds in
which the premise holds, and sees whether the hypothesis always, sometimes or never holds there.
In a world an agent does a thing at most once at a time, as the data promises.
"""

from __future__ import annotations

import re
from functools import cache
from random import Random
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from t2t_xfer.microworld import rows
from t2t_xfer.microworld.world import HERE

NUM_WORLDS = 400


class Clause(NamedTuple):
    agent: str
    verb: str
    patient: str  # a fixed participant, or "" for an indefinite one
    noun: str
    adjective: str
    very: bool
    count: int
    place: str
    time: str
    negative: bool


class Fact(NamedTuple):
    patient: str
    noun: str
    adjectives: dict[str, str]  # first adjective of a contrast -> the one that is true
    very: bool
    count: int
    place: str


@cache
def data(name: str) -> Any:
    return YAML(typ="safe", pure=True).load(HERE / name)


def phrases(section: str) -> list[str]:
    return [re.sub(r"/\w+", "", phrase) for phrase in data("lexica/en.yaml")[section].values()]


@cache
def verb_forms() -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    entries = [forms.split() for forms in data("lexica/en.yaml")["verbs"].values()]
    return (
        {forms[0]: forms[0] for forms in entries},
        {forms[1]: forms[0] for forms in entries},
        {forms[2]: forms[0] for forms in entries},
    )


def parse(line: str) -> Clause:
    line = line.removesuffix(".")
    line = line[0].lower() + line[1:] if line.split()[0] in ("The", "On", "Last", "This") else line
    line = line.replace("Yesterday", "yesterday")
    found = {}
    for section in ("times", "places"):
        found[section] = next(
            (p for p in phrases(section) if re.search(rf"\b{p}\b", line, re.I)), ""
        )
        line = re.sub(
            rf"\s*\b{found[section]}\b\s*" if found[section] else "$^", " ", line, flags=re.I
        )
    line = " ".join(line.split())
    base, past, participle = verb_forms()
    passive = re.fullmatch(rf"(.+) was (not )?({'|'.join(participle)}) by (.+)", line)
    denied = re.fullmatch(rf"(.+) did not ({'|'.join(base)}) (.+)", line)
    if passive:
        patient, negation, form, agent = passive.groups()
        verb, negative = participle[form], bool(negation)
    elif denied:
        agent, verb, patient = denied.groups()
        negative = True
    else:
        stated = re.fullmatch(rf"(.+?) ({'|'.join(past)}) (.+)", line)
        assert stated, line
        agent, form, patient = stated.groups()
        verb, negative = past[form], False
    where = found["places"], found["times"], negative
    first, *words = patient.split()
    if first == "the" or not words:
        return Clause(agent, verb, patient, "", "", False, 0, *where)
    count = ["a", "two", "three", "four", "five"].index(first.replace("an", "a")) + 1
    adjective = words[-2] if len(words) > 1 else ""
    return Clause(agent, verb, "", singular(words[-1]), adjective, "very" in words, count, *where)


def singular(word: str) -> str:
    nouns = data("lexica/en.yaml")["nouns"].values()
    return str(next(forms.split()[0] for forms in nouns if word in forms.split()))


def is_a(noun: str, kind: str) -> bool:
    return noun == kind or kind in above(noun)


def above(noun: str) -> set[str]:
    direct = {kind for kind, nouns in data("world.yaml")["kinds"].items() if noun in nouns}
    return direct.union(*(above(kind) for kind in direct))


def leaves(kind: str) -> list[str]:
    below = data("world.yaml")["kinds"].get(kind, [])
    return [leaf for noun in below for leaf in leaves(noun)] or [kind]


def dimension(clause: Clause) -> list[str]:
    """The adjectives that cannot be true together with the clause's."""
    if clause.adjective == "old":  # of people and of things: two concepts, one English word
        return ["young" if is_a(clause.noun, "person") else "new", "old"]
    return next(line for line in data("world.yaml")["contrasts"] if clause.adjective in line)


def random_fact(random: Random, clauses: list[Clause], like: Clause | None = None) -> Fact:
    """A random event; with `like`, one that makes that clause true."""
    kind = like.noun if like else random.choice([clause.noun for clause in clauses])
    adjectives = {}
    for clause in clauses:
        if clause.adjective:
            values = dimension(clause)
            adjectives[values[0]] = random.choice(values)
    if like and like.adjective:
        adjectives[dimension(like)[0]] = like.adjective
    counts = [clause.count for clause in clauses if not clause.negative] or [1, 2]
    return Fact(
        patient=like.patient if like else random.choice([clause.patient for clause in clauses]),
        noun=random.choice(leaves(kind)) if kind else "",
        adjectives=adjectives,
        very=bool(like and like.very) or random.random() < 0.5,
        count=like.count if like else random.choice(counts),
        place=(like and like.place) or random.choice([*{c.place for c in clauses}, "nowhere"]),
    )


def fits(fact: Fact, clause: Clause) -> bool:
    if clause.place not in ("", fact.place) or clause.patient != fact.patient:
        return False
    if clause.patient:
        return True
    return (
        is_a(fact.noun, clause.noun)
        and (not clause.adjective or fact.adjectives[dimension(clause)[0]] == clause.adjective)
        and (fact.very or not clause.very)
        and (clause.negative or fact.count == clause.count)
    )


World = dict[tuple[str, str, str], Fact]


def random_world(random: Random, premise: Clause, clauses: list[Clause]) -> World:
    times = phrases("times")
    world = {
        (clause.agent, clause.verb, time): random_fact(random, clauses)
        for clause in clauses
        for time in times
        if random.random() < 0.3
    }
    if premise.negative:
        return {
            key: fact
            for key, fact in world.items()
            if not holds({key: fact}, premise._replace(negative=False, count=fact.count))
        }
    time = premise.time or random.choice(times)
    world[premise.agent, premise.verb, time] = random_fact(random, clauses, like=premise)
    return world


def holds(world: World, clause: Clause) -> bool:
    happened = any(
        key[:2] == (clause.agent, clause.verb)
        and clause.time in ("", key[2])
        and fits(fact, clause)
        for key, fact in world.items()
    )
    return happened != clause.negative


def judge(premise: str, hypothesis: str, seed: int) -> int:
    old, new = parse(premise), parse(hypothesis)
    random = Random(seed)
    seen: set[bool] = set()
    for _ in range(NUM_WORLDS):
        world = random_world(random, old, [old, new])
        assert holds(world, old)
        seen.add(holds(world, new))
        if len(seen) == 2:
            return 1
    return 0 if seen == {True} else 2


def test_the_checker_on_pairs_judged_by_hand() -> None:
    pairs = [
        ("Anna found a rose.", "Anna found a flower.", 0),
        ("Anna found a flower.", "Anna found a rose.", 1),
        ("Anna did not find a rose.", "Anna did not find a red rose.", 0),
        ("Anna did not find a red rose.", "Anna did not find a rose.", 1),
        ("Anna saw David on Monday.", "On Monday David was seen by Anna.", 0),
        ("Anna saw David on Monday.", "On Monday David saw Anna.", 1),
        ("Anna saw two dogs yesterday.", "Anna saw three dogs yesterday.", 2),
        ("Anna saw two dogs yesterday.", "Anna saw three dogs last week.", 1),
        ("Anna saw two dogs yesterday.", "Anna did not see an animal.", 2),
        ("Anna saw a red car yesterday.", "Yesterday Anna did not see a white car.", 0),
    ]
    assert [judge(one, two, 0) for one, two, _ in pairs] == [label for *_, label in pairs]


def test_the_checker_agrees_with_the_labels() -> None:
    found = list(rows("facebook/xnli", "en", "test") or [])
    found += (rows("nyu-mll/glue", "mnli", "train") or [])[:400]
    wrong = [
        (row["premise"], row["hypothesis"], row["label"])
        for seed, row in enumerate(found)
        if judge(str(row["premise"]), str(row["hypothesis"]), seed) != row["label"]
    ]
    assert wrong == []
