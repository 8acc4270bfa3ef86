"""A second opinion on the microworld's answers, from the English text alone.

It shares no code with the generator: it reads English sentences with a few patterns and the word
lists of the data files, and decides by drawing small worlds at random (entailment) or by looking
into the story (questions).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from ruamel.yaml import YAML

import t2t_xfer

DATA = Path(t2t_xfer.__file__).parent / "microworld"
NUM_WORLDS = 80
SHARES = (0.0, 0.3, 0.8, 1.0, 1.0)
COUNTS = ("three", "four", "five", "six")


@cache
def data(name: str) -> Any:
    return YAML(typ="safe", pure=True).load(DATA / name)


def english(section: str) -> Any:
    return data("lexicon/en.yaml")[section]


@dataclass(frozen=True)
class Phrase:
    determiner: str
    noun: str
    adjectives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clause:
    agent: Phrase
    verb: str
    patient: Phrase | None = None
    place: str = ""
    time: str = ""
    negative: bool = False
    quality: str = ""
    reason: str = field(default="", compare=False)


@cache
def verbs() -> dict[str, tuple[str, str]]:
    """Form to (concept, which form); synonyms have one concept."""
    found: dict[str, tuple[str, str]] = {}
    for section, names in (("verbs", ("base", "past", "part")), ("acts", ("base", "past"))):
        for concept, entry in english(section).items():
            for forms in str(entry).split("|"):
                for name, form in zip(names, forms.split(), strict=True):
                    found.setdefault(f"{name}:{form}", (concept, name))
    return found


def verb(name: str, form: str) -> str | None:
    return verbs().get(f"{name}:{form}", (None, ""))[0]


@cache
def singular(word: str) -> str:
    for forms in english("nouns").values():
        if word in forms.split():
            return str(forms.split()[0])
    raise AssertionError(f"no noun: {word}")


def phrase(text: str) -> Phrase:
    words = text.split()
    if re.match(r"[A-Z]", words[0]) and "'s" not in text and words[0] not in DETERMINERS:
        return Phrase("name", text)
    if words[0].lower() == "the" and any(head in text for head in HEADS):
        return Phrase("name", text)
    if "'s" in words[0]:
        return Phrase("of " + words[0].removesuffix("'s"), singular(words[-1]))
    determiner = words[0].lower().replace("an", "a") if words[0].lower() == "an" else words[0]
    synonyms = {"wealthy": "rich"}
    adjectives = tuple(synonyms.get(word, word) for word in words[1:-1])
    return Phrase(determiner.lower(), singular(words[-1]), adjectives)


DETERMINERS = ("The", "A", "An", "All", "Some", "No", "Three", "Four", "Five", "Six")
HEADS = ("University", "Bank", "Museum", "Hospital")


def parse(line: str) -> Clause:
    """The clause of one English sentence."""
    line = line.strip().rstrip(".?")
    place = time = ""
    for found in english("times").values():
        text = re.sub(r"/\w+", "", found)
        if match := re.search(rf"(^|\s){text}(\s|$)", line, re.I):
            time = text
            line = (line[: match.start()] + " " + line[match.end() :]).strip()
    line = line[0].upper() + line[1:]
    spots = [re.sub(r"/\w+", "", found) for found in english("places").values()]
    entity = rf"(?:in [A-Z]|at the (?:{'|'.join(HEADS)}|[A-Z])).*"
    if match := re.search(rf"\s({'|'.join(spots)}|{entity})$", line):
        place, line = match[1], line[: match.start()]
    if match := re.fullmatch(r"(.+?) is (not )?(\w+)", line):
        quality = {"wealthy": "rich"}.get(match[3], match[3])
        return Clause(phrase(match[1]), "be", negative=bool(match[2]), quality=quality)
    if match := re.fullmatch(r"(.+?) (does not have|has) (.+)", line):
        negative = match[2] != "has"
        return Clause(phrase(match[1]), "have", phrase(match[3]), negative=negative)
    if match := re.fullmatch(r"(.+) was (not )?(\w+) by (.+)", line):
        agent, negative = phrase(match[4]), bool(match[2])
        form = verb("part", match[3])
        assert form, line
        return Clause(agent, form, phrase(match[1]), place, time, negative)
    negative = " did not " in line
    words = line.replace(" did not ", " did_not ").split()
    for i, word in enumerate(words[1:], start=1):
        wanted = "base" if negative else "past"
        form = verb(wanted, word)
        if negative and words[i - 1] != "did_not":
            continue
        if form and (i == len(words) - 1 or starts_phrase(words[i + 1])):
            agent = " ".join(words[:i]).removesuffix(" did_not")
            rest = " ".join(words[i + 1 :])
            return Clause(
                phrase(agent), form, phrase(rest) if rest else None, place, time, negative
            )
    raise AssertionError(f"cannot read: {line}")


def starts_phrase(word: str) -> bool:
    return word in ("a", "an", "the", *COUNTS) or word[0].isupper()


# Entailment: small worlds


@cache
def kinds() -> dict[str, list[str]]:
    return dict(data("world.yaml")["kinds"])


@cache
def leaves(noun: str) -> tuple[str, ...]:
    below = kinds().get(noun, [])
    return tuple(leaf for each in below for leaf in leaves(each)) or (noun,)


def is_a(leaf: str, noun: str) -> bool:
    return leaf in leaves(noun)


def line_of(adjective: str) -> tuple[str, ...]:
    return tuple(next(line for line in data("world.yaml")["contrasts"] if adjective in line))


@dataclass(frozen=True)
class Being:
    """Something in a small world: a leaf noun and, for every contrast, a value or none."""

    name: str
    leaf: str
    adjectives: frozenset[str]


@dataclass(frozen=True)
class World:
    beings: tuple[Being, ...]
    facts: frozenset[tuple[str, str, str, str, str]]
    """agent, verb, patient, place, time"""


def constant(phrase: Phrase) -> bool:
    return phrase.determiner in ("name", "the") or phrase.determiner.startswith("of ")


def constant_name(phrase: Phrase) -> str:
    return f"{phrase.determiner} {phrase.noun}"


def describes(phrase: Phrase, being: Being) -> bool:
    if constant(phrase):
        return being.name == constant_name(phrase)
    return is_a(being.leaf, phrase.noun) and all(
        scaled(adjective, phrase.noun) in being.adjectives for adjective in words_of(phrase)
    )


def words_of(phrase: Phrase) -> list[str]:
    return [word for word in phrase.adjectives if word != "very"] + (
        ["very " + phrase.adjectives[-1]] if "very" in phrase.adjectives else []
    )


def scaled(adjective: str, noun: str) -> str:
    """A small horse is not a small animal; what is black is black."""
    if adjective.split()[-1] in ("black", "white", "red"):
        return adjective
    return f"{adjective} for a {noun}"


def phrases(clause: Clause) -> list[Phrase]:
    return [each for each in (clause.agent, clause.patient) if each is not None]


def random_being(random: Random, name: str, leaf: str, said: list[tuple[str, str]]) -> Being:
    adjectives: set[str] = set()
    for adjective, noun in said:
        line = line_of(adjective.split()[-1])
        chosen = random.choice([*line, ""])
        if chosen:
            adjectives.add(scaled(chosen, noun))
            if random.random() < 0.5:
                adjectives.add(scaled(f"very {chosen}", noun))
    return Being(name, leaf, frozenset(adjectives))


def random_world(random: Random, clauses: list[Clause]) -> World:
    mentioned = [each for clause in clauses for each in phrases(clause)]
    said = {(word, each.noun) for each in mentioned for word in each.adjectives if word != "very"}
    for clause in clauses:
        if clause.quality:
            said.add((clause.quality, clause.agent.noun))
    # One value a contrast and noun, or a being could be black and white.
    unique = {(line_of(word)[0], noun if scaled(word, noun) != word else ""): (word, noun)
              for word, noun in sorted(said)}  # fmt: skip
    values = list(unique.values())
    beings = [
        random_being(random, constant_name(each), leaf_of(random, each), values)
        for each in {constant_name(e): e for e in mentioned if constant(e)}.values()
    ]
    for i, each in enumerate(mentioned):
        if not constant(each):
            pool = leaves(each.noun)
            for j in range(3):
                beings.append(random_being(random, f"{i}{j}", random.choice(pool), values))
    places = sorted({clause.place for clause in clauses} | {"elsewhere"} - {""})
    times = sorted({clause.time for clause in clauses} | {"another time"} - {""})
    agents = [b.name for b in beings]
    # Shares of their own for beings, places and times, so that extreme worlds occur.
    share = {
        each: random.choice(SHARES) for each in (*(b.name for b in beings), "", *places, *times)
    }
    facts = set()
    for clause in clauses:
        patients = [b.name for b in beings] if clause.patient else [""]
        for agent, patient in product(agents, patients):
            for place, time in product(places, times):
                if random.random() < share[agent] * share[patient] * share[place] * share[time]:
                    facts.add((agent, clause.verb, patient, place, time))
    return World(tuple(beings), frozenset(facts))


def leaf_of(random: Random, phrase: Phrase) -> str:
    return "" if phrase.determiner == "name" else random.choice(leaves(phrase.noun))


def presupposed(world: World, clauses: list[Clause]) -> bool:
    """What a sentence speaks of is there: the old student is old, there are dogs."""
    for clause in clauses:
        for each in phrases(clause):
            if constant(each) and each.adjectives:
                being = next(b for b in world.beings if b.name == constant_name(each))
                if not all(scaled(w, each.noun) in being.adjectives for w in words_of(each)):
                    return False
            crowd = each is clause.agent and not constant(each)
            if crowd and sum(describes(each, b) for b in world.beings) < 2:
                return False
    return True


def holds(world: World, clause: Clause) -> bool:
    if clause.verb == "be":
        being = next(b for b in world.beings if b.name == constant_name(clause.agent))
        return (scaled(clause.quality, clause.agent.noun) in being.adjectives) != clause.negative
    agents = [b for b in world.beings if describes(clause.agent, b)]
    did = [b for b in agents if does(world, clause, b)]
    determiner = clause.agent.determiner
    if determiner == "all":
        return did == agents
    if determiner in ("some", "no"):
        return bool(did) != (determiner == "no")
    if determiner in COUNTS:
        return len(did) >= 2
    return bool(did) != clause.negative


def does(world: World, clause: Clause, agent: Being) -> bool:
    def happened(patient: str) -> bool:
        return any(
            fact[:3] == (agent.name, clause.verb, patient)
            and clause.place in ("", fact[3])
            and clause.time in ("", fact[4])
            for fact in world.facts
        )

    if clause.patient is None:
        return happened("")
    found = sum(describes(clause.patient, b) and happened(b.name) for b in world.beings)
    return found >= (2 if clause.patient.determiner in COUNTS else 1)


def judge(premise: str, hypothesis: str, seed: int, max_draws: int = 4000) -> int | None:
    """0, 1 or 2 as the hypothesis always, sometimes or never holds where the premise does.

    None if too few worlds with a true premise were found to say.
    """
    clauses = [parse(premise), parse(hypothesis)]
    random, seen, fitting = Random(seed), set[bool](), 0
    for _ in range(max_draws):
        world = random_world(random, clauses)
        if not presupposed(world, clauses) or not holds(world, clauses[0]):
            continue
        fitting += 1
        seen.add(holds(world, clauses[1]))
        if len(seen) == 2:
            return 1
        if fitting >= NUM_WORLDS:
            break
    if fitting < 10:
        return None
    return 0 if seen == {True} else 2


# Questions about a story


def answer(context: str, question: str) -> str | None:
    """The answer of a who, what or where question; None if the story has none."""
    told = [(parse(each + "."), each) for each in context.rstrip(".").split(". ")]
    if question.startswith("Who"):
        asked = parse(question.replace("Who", "Nobody", 1))
    else:
        match = re.fullmatch(r"(What|Where) did (.+)\?", question)
        assert match, question
        words = match[2].split()
        at = next(i for i in range(1, len(words)) if verb("base", words[i]))
        rest = words[at + 1 :]
        subject = " ".join(words[:at])
        base = f"{subject} did not {words[at]} {'a dog ' if match[1] == 'What' else ''}"
        asked = parse((base + " ".join(rest)).strip() + ".")
    for clause, text in told:
        if clause.verb != asked.verb:
            continue
        assert clause.patient is not None
        assert asked.patient is not None
        same_patient = clause.patient.noun == asked.patient.noun
        if question.startswith("Who") and same_patient and clause.place == asked.place:
            return clause.agent.noun if clause.agent.determiner == "name" else text
        if clause.agent != asked.agent:
            continue
        if question.startswith("What") and clause.place == asked.place:
            before = text.removesuffix(" " + clause.place)
            match = re.search(r" ((?:a|an|three|four|five|six) [^.]+)$", before)
            assert match, text
            return match[1]
        if question.startswith("Where") and same_patient:
            return clause.place
    return None


# Supertags


def derives(categories: list[str]) -> bool:
    """Whether CCG's rules put the categories together to a declarative sentence."""
    n = len(categories)
    chart: dict[tuple[int, int], set[str]] = {}
    for i, category in enumerate(categories):
        chart[i, i + 1] = raised({category})
    for width in range(2, n + 1):
        for i in range(n - width + 1):
            cell: set[str] = set()
            for j in range(i + 1, i + width):
                for left in chart[i, j]:
                    for right in chart[j, i + width]:
                        cell |= combined(left, right)
            chart[i, i + width] = raised(cell)
    return "S[dcl]" in chart[0, n]


def raised(cell: set[str]) -> set[str]:
    return cell | ({"NP"} if "N" in cell else set())


@cache
def split(category: str) -> tuple[str, str, str] | None:
    """Result, slash and argument."""
    depth = 0
    for i in range(len(category) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(category[i], 0)
        if depth == 0 and category[i] in "/\\":
            return bare(category[:i]), category[i], bare(category[i + 1 :])
    return None


def bare(category: str) -> str:
    return category[1:-1] if category.startswith("(") else category


def unify(wanted: str, found: str) -> dict[str, str] | None:
    """S without a feature takes any; what it took."""
    if wanted == found:
        return {}
    features = re.findall(r"S(\[\w+\])?", found)
    if re.sub(r"\[\w+\]", "", found) == wanted and len(set(features)) == 1:
        return {"S": f"S{features[0]}"}
    return None


@cache
def combined(left: str, right: str) -> frozenset[str]:
    found: set[str] = set()
    if right == ".":
        found.add(left)
    if (one := split(left)) and one[1] == "/" and (taken := unify(one[2], right)) is not None:
        found.add(substitute(one[0], taken))
    if (two := split(right)) and two[1] == "\\" and (taken := unify(two[2], left)) is not None:
        found.add(substitute(two[0], taken))
    if one and two and one[1] == "/" and two[1] == "\\":  # did not: backward crossed composition
        taken = unify(two[2], one[0])
        if taken is not None:
            found.add(f"({substitute(two[0], taken)})/({one[2]})")
    if left == "conj":
        found.add(f"({right})\\({right})" if "\\" in right else f"{right}\\{right}")
    return frozenset(found)


def substitute(category: str, taken: dict[str, str]) -> str:
    if not taken:
        return category
    return re.sub(r"S(?!\[)", taken["S"], category)
