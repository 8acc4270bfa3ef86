"""The world's data sets under the hub's ids, configurations, splits and columns.

Rule: what a row says is drawn once, from a seed that names data set and split but no language, and
then told in the language asked for; so row 17 is the same event in every language, and the first
rows are the same however many are asked for. Rows of a split are distinct. A teller takes a
language and an item and gives fields by name; which of them a column shows is written in
`datasets.yaml`.

    rows("google/xtreme", "udpos.German", "test", 3)[0]["tokens"]  ->  ("Anna", "hat", …)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import cache, partial
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from t2t_xfer.languages import fill
from t2t_xfer.languages import language as language_of
from t2t_xfer.microworld.entailment import Inference, inferences
from t2t_xfer.microworld.grammar import ENTITIES, TAGS, penn, speaker, supertags, words
from t2t_xfer.microworld.lexicon import LANGUAGES
from t2t_xfer.microworld.statements import (
    Paraphrase,
    Said,
    entities,
    mine,
    paraphrases,
    questions,
    statements,
)
from t2t_xfer.microworld.stories import (
    Choice,
    Story,
    completions,
    knowledge,
    reasons,
    stories,
    tell,
)
from t2t_xfer.microworld.world import HERE, load_yaml
from t2t_xfer.records import Row, Split, Value

Fields: TypeAlias = dict[str, Value]


def say(language: str, statement: Said) -> str:
    """The statement as running text."""
    return speaker(language).sentence(*statement)


def inference(language: str, pair: Inference) -> Fields:
    """Premise, hypothesis and label."""
    says = speaker(language)
    return {
        "premise": says.sentence(pair.premise, pair.premise_surface),
        "hypothesis": says.sentence(pair.hypothesis, pair.hypothesis_surface),
        "label": pair.label,
    }


def paraphrase(language: str, pair: Paraphrase) -> Fields:
    """Two sentences or questions, and whether they mean the same."""
    first, second, label = pair
    return {"first": say(language, first), "second": say(language, second), "label": label}


def story(language: str, item: Story) -> Fields:
    """Context, question and SQuAD's answers: one, or none."""
    context, question, text, start = tell(language, item)
    found = start >= 0
    answers: Value = {"answer_start": (start,) * found, "text": (text,) * found}
    return {"context": context, "question": question, "answers": answers}


def tagged(language: str, statement: Said) -> Fields:
    """Words with parts of speech and entities, as google/xtreme numbers them."""
    tokens = words(speaker(language).say(*statement))
    return {
        "tokens": tuple([token.word for token in tokens]),
        "pos_tags": tuple([TAGS.index(token.tag) for token in tokens]),
        "ner_tags": tuple([ENTITIES.index(token.entity) for token in tokens]),
        "languages": (language,) * len(tokens),
    }


def derivation(language: str, statement: Said) -> Fields:
    """Words with the Penn Treebank's tags and CCG categories; English statements only."""
    sentence = speaker(language).say(*statement)
    tokens = words(sentence)
    return {
        "tokens": tuple([token.word for token in tokens]),
        "penn": tuple([penn(token) for token in tokens]),
        "supertags": supertags(sentence),
    }


def translation(language: str, statement: Said) -> Fields:
    """The sentence, and in English."""
    return {"sentence": say(language, statement), "english": say("en", statement)}


def choice(language: str, item: Choice) -> Fields:
    """A question with its answers, together and one by one, and the right one."""
    assert language == "en", "choices are drawn in English"
    letters = "ABCDE"[: len(item.answers)]
    return {
        **item._asdict(),
        **{f"answer{i}": answer for i, answer in enumerate(item.answers)},
        "letters": tuple(letters),
        "letter": letters[item.correct],
    }


def row(columns: Any, fields: Fields, language: str, number: int) -> Any:
    """The columns filled in; see `datasets.yaml`.

    Args:
        columns: column to text, or to columns within it.
        number: of the row, from 0.
    """
    one = language_of(language)
    known = {
        **fields,
        "number": number,
        "ordinal": number + 1,
        "language_name": one.name.lower(),
        "iso3": one.iso3,
    }

    def filled(column: Any) -> Value:
        if isinstance(column, dict):
            return {name: filled(inner) for name, inner in column.items()}
        return known[column[1:]] if column[:1] == "$" else column.format_map(known)

    return filled(columns)


VERSION = 2
"""Part of the fingerprint. The sources are too, so it changes only to force a new one."""

NUM_ROWS: dict[Split, int] = {"train": 8000, "validation": 400, "test": 400}
"""Rows that a split has unless another number is asked for."""

NUM_MINED = 900
"""Sentences on either side of a mining task."""

MAX_REPEATS = 2000
"""Draws in a row that may give nothing new before a split is held to be exhausted."""

Draw: TypeAlias = Callable[[str, Split], Iterator[Hashable]]
"""Seed and split to endless items."""
Teller: TypeAlias = Callable[[str, Any], Fields]
"""Language and item to the fields of a row."""

DRAWS: dict[str, tuple[Draw, Teller]] = {
    "inferences": (inferences, inference),
    "paraphrases": (paraphrases, paraphrase),
    "questions": (questions, paraphrase),
    "answerable": (stories, story),
    "unanswerable": (partial(stories, unanswerable=0.4), story),
    "statements": (statements, tagged),
    "entities": (entities, tagged),
    "translations": (partial(statements, plain=True), translation),
    "derivations": (partial(statements, plain=True), derivation),
    "completions": (completions, choice),
    "reasons": (reasons, choice),
    "knowledge": (knowledge, choice),
}


class Listed(NamedTuple):
    """Where one split's rows come from."""

    languages: tuple[str, ...]
    """One, or several in turn."""
    split: Split
    seed: str
    draw: str
    columns: Mapping[str, Any]


def rows(hub_id: str, config: str, split: str, num_rows: int | None = None) -> list[Row] | None:
    """The rows of a split in the hub's columns; None where the world has no such split.

    Args:
        num_rows: how many; `NUM_ROWS` if not given. There may be fewer if that many distinct ones
            do not exist.
    """
    found = places(hub_id, config).get(split)
    if found is None:
        return mined(hub_id, config, split, num_rows or NUM_MINED)
    wanted = num_rows or NUM_ROWS[found.split]
    teller = DRAWS[found.draw][1]
    items = _items(found.draw, found.seed, found.split, -(-wanted // len(found.languages)))
    return [
        row(found.columns, teller(language, item), language, number)
        for number, item in enumerate(items)
        for language in found.languages
    ]


def hub_ids() -> list[str]:
    """Every data set that the world makes."""
    return [*_catalogue(), "bucc2018"]


def configs(hub_id: str) -> list[str]:
    """The configurations of a data set, none for an unknown one."""
    return MINES if hub_id == "bucc2018" else list(_catalogue().get(hub_id, ()))


def places(hub_id: str, config: str) -> dict[str, Listed]:
    """The splits of a configuration."""
    return _catalogue().get(hub_id, {}).get(config, {})


def splits(hub_id: str, config: str) -> list[str]:
    """The names of all splits of a configuration."""
    if hub_id == "bucc2018" and config in MINES:
        return [f"{sample}{part}" for sample in ("", "sample_") for part in PARTS]
    return list(places(hub_id, config))


@cache
def fingerprint() -> str:
    """SHA-256 over the sources, the data files and the version."""
    digest = hashlib.sha256(f"microworld {VERSION}\n".encode())
    for path in sorted(path for path in HERE.rglob("*") if path.suffix in (".py", ".yaml")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(HERE).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


MINES = [f"{language}-en" for language in LANGUAGES if language in ("de", "fr", "ru", "zh")]
PARTS = ("gold", "source_pool", "target_pool")


def mined(hub_id: str, config: str, split: str, num_sentences: int) -> list[Row] | None:
    """The splits of `bucc2018`: the pairs and the two sides. `sample_` ones are for tuning."""
    language = config.removesuffix("-en")
    part = split.removeprefix("sample_")
    if hub_id != "bucc2018" or config not in MINES or part not in PARTS:
        return None
    of: Split = "validation" if split != part else "test"
    found = mine(f"microworld bucc {language}", of, num_sentences)
    if part == "gold":
        return [
            {"source_id": f"{language}-{one + 1:09}", "target_id": f"en-{two + 1:09}"}
            for one, two in found.gold
        ]
    spoken, side = (language, found.source) if part == "source_pool" else ("en", found.target)
    return [
        {"id": f"{spoken}-{i + 1:09}", "sentence": say(spoken, statement)}
        for i, statement in enumerate(side)
    ]


def _items(draw: str, seed: str, split: Split, wanted: int) -> list[Any]:
    """The first distinct items of an endless drawing, which goes on where it stopped."""
    source, made = _drawing(draw, seed, split)
    repeats = 0
    while len(made) < wanted and repeats < MAX_REPEATS:
        before = len(made)
        made[next(source)] = None
        repeats = repeats + 1 if len(made) == before else 0
    return list(islice(made, wanted))


@cache
def _drawing(draw: str, seed: str, split: Split) -> tuple[Iterator[Hashable], dict[Hashable, None]]:
    return DRAWS[draw][0](f"microworld {seed} {split}", split), {}


@cache
def _catalogue() -> dict[str, dict[str, dict[str, Listed]]]:
    """Data set -> configuration -> split -> place."""
    found: dict[str, dict[str, dict[str, Listed]]] = {}
    for entry in load_yaml("datasets.yaml")["datasets"]:
        known = entry.get("languages", "en").split()
        spoken = tuple(code for code in LANGUAGES if code in known)
        for languages in [spoken] if "in_turn" in entry else [(code,) for code in spoken]:
            config = fill(entry["config"], languages[0])
            places = found.setdefault(entry["id"], {}).setdefault(config, {})
            for name, split in entry["splits"].items():
                seed = _seed(entry, name)
                places[name] = Listed(languages, split, seed, entry["draw"], entry["columns"])
    return found


def _seed(entry: Mapping[str, Any], split: str) -> str:
    """Splits that have rounds (train_r1, train_r2) are each drawn for themselves."""
    seed: str = entry.get("seed", entry["id"])
    return f"{seed} {split}" if len(entry["splits"]) > 3 else seed
