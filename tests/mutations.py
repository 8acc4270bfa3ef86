"""Thousands of damaged task, prompt, translator and study files, the same ones for the same seed.

Each is one of the shipped files, or of the hand-written ones below, after one to three damages of
the kinds that people, editors and strangers make: dropped, doubled and misspelt keys, values of
another type, words that YAML 1.1 read otherwise, tabs, anchors, bombs, look-alike letters, broken
Jinja.

    for case in mutated_files(seed=0, count=2000): case.kind, case.spec, case.text
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from t2t_xfer.specs import PromptSpec, Spec, StudySpec, TaskSpec
from t2t_xfer.specs.catalogue import shipped_root
from t2t_xfer.specs.model import TranslatorSpec

from .fuzzed import HAND_WRITTEN


class Source(NamedTuple):
    """A file that is right."""

    name: str
    spec: type[Spec]
    text: str


class Case(NamedTuple):
    """A file that may not be."""

    kind: str
    source: Source
    text: str


def sources() -> list[Source]:
    """Every shipped file and the hand-written ones."""
    found = []
    for folder, spec in (
        ("tasks", TaskSpec),
        ("prompts", PromptSpec),
        ("prompts/translators", TranslatorSpec),
        ("studies", StudySpec),
    ):
        for path in sorted((shipped_root() / folder).glob("*.yaml")):
            found.append(Source(path.stem, spec, path.read_text(encoding="utf-8")))
    return found + [Source("written", spec, text) for spec, text in HAND_WRITTEN]


def mutated_files(seed: int, count: int) -> Iterator[Case]:
    """So many cases, each damage and each source in turn."""
    random, files, kinds = Random(seed), sources(), list(DAMAGES)
    for number in range(count):
        source = files[number % len(files)]
        kind = kinds[random.randrange(len(kinds)) if number >= len(kinds) else number]
        text = DAMAGES[kind](random, source.text)
        for _ in range(random.choice((0, 0, 0, 1, 2))):
            other = random.choice(kinds[:6])
            text, kind = DAMAGES[other](random, text), f"{kind} + {other}"
        yield Case(kind, source, text)


KEY = re.compile(r"(?<![\w\"'{])([A-Za-z_][\w]*)(?=:(?:\s|$))", re.MULTILINE)
VALUE = re.compile(r"(?<=: )[^\s,{}\[\]#|>\"'][^,{}\[\]\n#]*|(?<=: )\"[^\"\n]*\"")
PLAIN = re.compile(r"[A-Za-z]")
CONSTANTS = (
    *("no", "yes", "on", "off", "null", "~", "", "true", "false", "True", "1e-4", "0x1F", "0o17"),
    *("12:30", "1_000", ".nan", ".inf", "-1", "0", "1", "3.0", "2024-01-02", "'1'", '"true"'),
    *("[]", "{}", "[a]", "{a: b}", "9" * 40, "9" * 500, "-0.0", "1e400", "!!int 3", "!x y", "' '"),
    *("[[[[a]]]]", "{a: {b: {c: d}}}", "*missing", "&x y", "? a", "|", ">-", "'", '"', "@a", "`"),
)
LOOKALIKES = {"a": "а", "e": "е", "o": "о", "c": "с", "p": "р", "x": "х", "i": "і", "A": "Α"}
INVISIBLE = ("\u200b", "\u00a0", "\u202e", "\u00ad", "\ufeff", "\u2028", "\u200d", "\u2009")
JINJA = (
    *("{{", "}}", "{%", "%}", "{#", "{{ x", "{% if %}", "{% for %}", "{% endfor %}", "{{ 1 + }}"),
    *("{{ x | nope }}", "{{ x is nope }}", "{% include 'a' %}", "{% import 'os' as os %}"),
    *("{{ ''.__class__.__mro__ }}", "{{ x._y }}", "{% macro m() %}{{ m() }}{% endmacro %}"),
    *("{{ 'a' * 10 ** 9 }}", "{{ 2 ** 10 ** 10 }}", "{{ x | center(10 ** 9) }}", "{{ x if }}"),
    *(
        "{{ " + "(" * 500 + ")" * 500 + " }}",
        "{{ " + "9" * 5000 + " }}",
        "{{ x" + ".a" * 200 + "}}",
    ),
    *(
        "{% for a in x %}" * 5 + "{% endfor %}" * 5,
        "{% block b %}{% endblock %}",
        "{{ x }} {{ y }}",
    ),
)


def pick(random: Random, pattern: re.Pattern[str], text: str) -> tuple[int, int]:
    """Where one of the matches stands; the start of the text if there is none."""
    found = [hit.span() for hit in pattern.finditer(text)]
    return random.choice(found) if found else (0, 0)


def replaced(text: str, span: tuple[int, int], new: str) -> str:
    return text[: span[0]] + new + text[span[1] :]


def with_line(text: str, random: Random, change: Callable[[str], list[str]]) -> str:
    lines = text.split("\n")
    number = random.randrange(len(lines))
    return "\n".join([*lines[:number], *change(lines[number]), *lines[number + 1 :]])


def drop_key(random: Random, text: str) -> str:
    """A key with what stands behind it on its line, or inside braces up to the comma."""
    start, end = pick(random, KEY, text)
    rest = re.match(r":[^,{}\n]*(?:\{[^{}\n]*\}|\[[^\[\]\n]*\])?,?", text[end:])
    return replaced(text, (start, end + (rest.end() if rest else 0)), "")


def misspell(random: Random, text: str) -> str:
    start, end = pick(random, KEY, text)
    word = text[start:end]
    if len(word) < 2:
        return text + "x: 1\n"
    at = random.randrange(len(word) - 1)
    changed = (
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word.upper(),
        word.replace("_", "-") + "s",
    )
    return replaced(text, (start, end), random.choice(changed))


def retype(random: Random, text: str) -> str:
    return replaced(text, pick(random, VALUE, text), random.choice(CONSTANTS))


def lookalike(random: Random, text: str) -> str:
    start, end = pick(random, re.compile("[" + "".join(LOOKALIKES) + "]"), text)
    return replaced(text, (start, end), LOOKALIKES.get(text[start:end], "а"))


def bomb(random: Random, text: str) -> str:
    width = random.choice((2, 9, 30))
    lines = [f"b0: &b0 [{', '.join('x' * width)}]"]
    lines += [f"b{i}: &b{i} [{', '.join([f'*b{i - 1}'] * width)}]" for i in range(1, 20)]
    return text.rstrip("\n") + "\n" + "\n".join(lines) + "\n"


def deep(random: Random, text: str) -> str:
    levels = random.choice((31, 33, 500, 20_000))
    opening, closing = random.choice((("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")))
    return replaced(text, pick(random, VALUE, text), opening * levels + closing * levels)


def long(random: Random, text: str) -> str:
    many = random.choice((5_000, 60_000))
    value = random.choice(("x" * many, "[" + "a, " * many + "]", '"' + "\\n" * many + '"'))
    return replaced(text, pick(random, VALUE, text), value)


def shared(random: Random, text: str) -> str:
    """One value under an anchor, another one its alias."""
    text = replaced(text, (span := pick(random, VALUE, text)), f"&a {text[slice(*span)]}")
    return replaced(text, pick(random, VALUE, text), "*a")


def jinja(random: Random, text: str) -> str:
    at = re.search(r"\{\{", text)
    where = at.start() if at else pick(random, VALUE, text)[0]
    return replaced(text, (where, where), random.choice(JINJA))


def noise(random: Random, text: str) -> str:
    at = random.randrange(len(text) + 1)
    return replaced(
        text, (at, min(len(text), at + random.randrange(4))), chr(random.randrange(256))
    )


DAMAGES: dict[str, Callable[[Random, str], str]] = {
    "drop a key": drop_key,
    "drop a line": lambda random, text: with_line(text, random, lambda line: []),
    "double a line": lambda random, text: with_line(text, random, lambda line: [line, line]),
    "misspell a key": misspell,
    "another type": retype,
    "noise": noise,
    "swap two values": lambda random, text: replaced(
        text, pick(random, VALUE, text), text[slice(*pick(random, VALUE, text))]
    ),
    "tab": lambda random, text: with_line(text, random, lambda line: ["\t" + line.lstrip()]),
    "indent": lambda random, text: with_line(text, random, lambda line: [" " + line]),
    "look-alike": lookalike,
    "invisible": lambda random, text: replaced(
        text, (at := random.randrange(len(text)), at), random.choice(INVISIBLE)
    ),
    "anchor and alias": shared,
    "bomb": bomb,
    "deep": deep,
    "long": long,
    "jinja": jinja,
    "cut off": lambda random, text: text[: random.randrange(len(text))],
    "merge key": lambda random, text: text + "<<: {answer: label}\n",
    "second document": lambda random, text: text + "---\n" + text,
    "tag": lambda random, text: replaced(
        text, (at := pick(random, VALUE, text)[0], at), "!!python/object/apply:os.system "
    ),
}
"""Kind -> what it does to a text. The first six may follow another one."""
