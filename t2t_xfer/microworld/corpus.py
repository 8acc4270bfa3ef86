"""Text for pretraining: documents whose sentences agree with each other, in one or two languages.

Rule: only events of training splits; every sentence after the first is true if the first one is
(entailed by it or at least not excluded), as in any honest text. Documents are told in one
language, or sentence by sentence in two (translations), or code-switched: words are replaced by
those that stand for the same concept, or for the same function, in another language.

    Anna hat eine rose gefunden. Anna found a Blume.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from random import Random

from t2t_xfer.microworld.entailment import _draw as draw_inference, POLARITIES
from t2t_xfer.microworld.grammar import Tokens, sentence
from t2t_xfer.microworld.grammar import text as running_text
from t2t_xfer.microworld.lexicon import LANGUAGES, SECTIONS, Lexicon, load_lexicon
from t2t_xfer.microworld.paraphrase import _draw as draw_paraphrase
from t2t_xfer.microworld.world import Event, Surface, World, load_world, sample_event, sample_surface

SWITCHED = 0.35


@cache
def _meanings(language: str) -> Mapping[str, tuple[str, ...]]:
    """Form -> what it can stand for."""
    lexicon = load_lexicon(language)
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for meaning, forms in _forms(lexicon).items():
        for form in forms:
            found[form][meaning] = None
    return {form: tuple(meanings) for form, meanings in found.items()}


@cache
def _forms_of(language: str) -> Mapping[str, tuple[str, ...]]:
    return _forms(load_lexicon(language))


def _forms(lexicon: Lexicon) -> dict[str, tuple[str, ...]]:
    out: dict[str, dict[str, None]] = defaultdict(dict)
    for section in SECTIONS:
        for concept, alternatives in lexicon.words[section].items():
            for forms in alternatives:
                for name, form in forms.items():
                    if name not in ("gender", "classifier", "object", "link"):
                        out[f"{section}:{concept}"][form] = None
                        if section == "adjectives":
                            for ending in ("e", "er", "es", "en"):
                                if lexicon.language == "de":
                                    out[f"{section}:{concept}"][form + ending] = None
    for section in ("times", "places"):
        for concept, tokens in lexicon.phrases[section].items():
            for word, tag in tokens:
                if tag in ("NOUN", "ADV", "PROPN"):
                    out[f"{section}:{concept}:{tag}"][word] = None
    def leaves(table):
        if isinstance(table, str):
            yield from (w.rpartition("/")[0] for w in table.split())
        else:
            for t in table.values():
                yield from leaves(t)
    for name, table in lexicon.grammar["words"].items():
        if name == "stop":
            continue
        for w in leaves(table):
            out[f"function:{name}"][w] = None
    return {m: tuple(f) for m, f in out.items()}


def switched(tokens: Tokens, language: str, languages: Sequence[str], share: float, random: Random):
    """Words replaced; returns list of (word, foreign?)."""
    meanings = _meanings(language)
    out = []
    for i, (word, tag) in enumerate(tokens):
        known = meanings.get(word) or (meanings.get(word[0].lower() + word[1:]) if i == 0 else None)
        new = word
        foreign = False
        if known and random.random() < share:
            other = random.choice([l for l in languages if l != language])
            forms = [f for m in known for f in _forms_of(other).get(m, ())]
            if forms:
                new = random.choice(forms)
                foreign = True
        out.append((new, foreign))
    return out


def say(event, surface, language, languages, share, random):
    lexicon = load_lexicon(language)
    tokens = sentence(lexicon, event, surface)
    if share == 0:
        return running_text(lexicon, tokens)
    words = switched(tokens, language, languages, share, random)
    if lexicon.spaces:
        return running_text(lexicon, tuple((w, "X") for w, _ in words))
    out = ""
    for w, foreign in words:
        latin = w[0].isascii() and w.isalpha()
        if foreign and out and not out.endswith(" "):
            out += " "
        out += w
        if foreign:
            out += " "
    return out.replace(" 。", "。").strip()


def documents(seed: int, languages: Sequence[str] = LANGUAGES, mix=("mono", "pair", "switch"),
              share=SWITCHED, related=True) -> Iterator[str]:
    """An endless stream."""
    world = load_world()
    random = Random(f"microworld corpus {seed}")
    while True:
        statements = draw_statements(world, random, related)
        mode = random.choice(mix)
        language = random.choice(languages)
        if mode == "pair":
            other = random.choice([l for l in languages if l != language])
            if len(statements) == 1 or random.random() < 0.5:
                statements = [statements[0], statements[0]]
            parts = [say(*s, l, languages, 0 if random.random() < 0.5 else share, random)
                     for s, l in zip(statements, (language, other, language, other))]
        else:
            p = 0.0 if mode == "mono" else share
            parts = [say(*s, language, languages, p, random) for s in statements]
        yield " ".join(parts)


def draw_statements(world: World, random: Random, related: bool):
    kind = random.random()
    if not related:
        from t2t_xfer.microworld.hub import _statement
        return [_statement(world, random, "train")]
    if kind < 0.3:
        pair = None
        while pair is None:
            pair = draw_paraphrase(world, random, "train", 1)
        return [(pair.first, pair.first_surface), (pair.second, pair.second_surface)]
    label = 0 if random.random() < 0.85 else 1
    pair = None
    while pair is None:
        pair = draw_inference(world, random, "train", random.choice(POLARITIES[label]), label)
    return [(pair.premise, pair.premise_surface), (pair.hypothesis, pair.hypothesis_surface)]
