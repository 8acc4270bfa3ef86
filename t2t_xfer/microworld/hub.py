"""The world's data sets under the hub's ids, configurations, splits and columns.

Rule: what a row says is drawn once, from a seed that names data set and split but no language, and
then told in the language asked for; so row 17 is the same event in every language, and the first
rows are the same however many are asked for. Rows of a split are distinct.

    rows("google/xtreme", "udpos.German", "test", 3)[0]["tokens"]  ->  ("Anna", "hat", …)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterator
from functools import cache
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from t2t_xfer.languages import language as language_of
from t2t_xfer.microworld import choices, entailment, mining, pairs, stories
from t2t_xfer.microworld import telling as tell
from t2t_xfer.microworld.lexicon import LANGUAGES
from t2t_xfer.microworld.world import HERE
from t2t_xfer.records import Row, Split

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
Teller: TypeAlias = Callable[[str, Any, int], Row]
"""Language, item and number to a row."""


class Place(NamedTuple):
    """Where one split's rows come from."""

    languages: tuple[str, ...]
    """One, or several in turn."""
    split: Split
    seed: str
    draw: Draw
    teller: Teller


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
    items = _items(found.draw, found.seed, found.split, wanted)
    turns = len(found.languages)
    return [
        found.teller(language, item, number)
        for number, item in enumerate(items[: -(-wanted // turns)])
        for language in found.languages
    ]


def hub_ids() -> list[str]:
    """Every data set that the world makes."""
    return [*_catalogue(), "bucc2018"]


def configs(hub_id: str) -> list[str]:
    """The configurations of a data set, none for an unknown one."""
    return list(_catalogue().get(hub_id, ())) + [
        config for config in _mines() if hub_id == "bucc2018"
    ]


def places(hub_id: str, config: str) -> dict[str, Place]:
    """The splits of a configuration."""
    return _catalogue().get(hub_id, {}).get(config, {})


def splits(hub_id: str, config: str) -> list[str]:
    """The names of all splits of a configuration."""
    if hub_id == "bucc2018" and config in _mines():
        return [f"{sample}{part}" for sample in ("", "sample_") for part in PARTS]
    return list(places(hub_id, config))


def fingerprint() -> str:
    """SHA-256 over the sources, the data files and the version."""
    digest = hashlib.sha256(f"microworld {VERSION}\n".encode())
    for path in sorted(path for path in HERE.rglob("*") if path.suffix in (".py", ".yaml")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(HERE).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


PARTS = ("gold", "source_pool", "target_pool")


def mined(hub_id: str, config: str, split: str, num_sentences: int) -> list[Row] | None:
    """The splits of `bucc2018`: the pairs and the two sides. `sample_` ones are for tuning."""
    language = config.removesuffix("-en")
    part = split.removeprefix("sample_")
    if hub_id != "bucc2018" or config not in _mines() or part not in PARTS:
        return None
    of: Split = "validation" if split != part else "test"
    mine = mining.mine(f"microworld bucc {language}", of, num_sentences)
    if part == "gold":
        return [
            {"source_id": f"{language}-{one + 1:09}", "target_id": f"en-{two + 1:09}"}
            for one, two in mine.gold
        ]
    spoken, side = (language, mine.source) if part == "source_pool" else ("en", mine.target)
    return [
        {"id": f"{spoken}-{i + 1:09}", "sentence": tell.say(spoken, statement)}
        for i, statement in enumerate(side)
    ]


def _mines() -> list[str]:
    return [f"{language}-en" for language in LANGUAGES if language in ("de", "fr", "ru", "zh")]


class _Stream:
    """The distinct items of an endless drawing, made as far as anyone has asked."""

    def __init__(self, draw: Draw, seed: str, split: Split) -> None:
        self._source = draw(f"microworld {seed} {split}", split)
        self._made: dict[Hashable, None] = {}
        self._list: list[Any] = []

    def first(self, number: int) -> list[Any]:
        repeats = 0
        while len(self._list) < number and repeats < MAX_REPEATS:
            item = next(self._source)
            repeats = repeats + 1 if item in self._made else 0
            if not repeats:
                self._made[item] = None
                self._list.append(item)
        return self._list[:number]


@cache
def _stream(draw: Draw, seed: str, split: Split) -> _Stream:
    return _Stream(draw, seed, split)


def _items(draw: Draw, seed: str, split: Split, number: int) -> list[Any]:
    return _stream(draw, seed, split).first(number)


def _answerable(seed: str, split: Split) -> Iterator[stories.Story]:
    return stories.stories(seed, split)


def _unanswerable(seed: str, split: Split) -> Iterator[stories.Story]:
    return stories.stories(seed, split, unanswerable=0.4)


def _questions(seed: str, split: Split) -> Iterator[pairs.Paraphrase]:
    who = pairs.paraphrases(f"{seed} where", split, "where")
    while True:
        yield from islice(who, 2)


def _plain(seed: str, split: Split) -> Iterator[pairs.Statement]:
    return pairs.statements(seed, split, plain=True)


ALL: dict[str, Split] = {"train": "train", "validation": "validation", "test": "test"}
TRAIN: dict[str, Split] = {"train": "train"}
TUNED: dict[str, Split] = {"train": "train", "validation": "validation"}
HELD_OUT: dict[str, Split] = {"validation": "validation", "test": "test"}
TESTED: dict[str, Split] = {"validation": "test"}
NAMED: tuple[tuple[str, Split], ...] = (("train", "train"), ("dev", "validation"), ("test", "test"))
ROUNDS: dict[str, Split] = {f"{name}_r{i}": split for i in (1, 2, 3) for name, split in NAMED}


@cache
def _catalogue() -> dict[str, dict[str, dict[str, Place]]]:
    """Data set -> configuration -> split -> place."""
    found: dict[str, dict[str, dict[str, Place]]] = {}

    def add(
        hub_id: str,
        config: str,
        splits: dict[str, Split],
        draw: Draw,
        teller: Teller,
        languages: tuple[str, ...] = ("en",),
        seed: str = "",
    ) -> None:
        places = found.setdefault(hub_id, {}).setdefault(config, {})
        for name, split in splits.items():
            stem = f"{seed or hub_id} {name if len(splits) > 3 else ''}".strip()
            places[name] = Place(languages, split, stem, draw, teller)

    nli = entailment.inferences
    glue: dict[str, Split] = {"train": "train", "validation_matched": "validation"}
    add("nyu-mll/glue", "mnli", glue, nli, tell.glue_row, seed="mnli")
    add("nyu-mll/glue", "qqp", TUNED, _questions, tell.qqp_row, seed="qqp")
    add("facebook/anli", "plain_text", ROUNDS, nli, tell.anli_row)
    add("stanfordnlp/snli", "plain_text", ALL, nli, tell.inference_row)
    add("rajpurkar/squad", "plain_text", TUNED, _answerable, tell.span_row)
    add("rajpurkar/squad_v2", "squad_v2", TUNED, _unanswerable, tell.span_row)
    add("Rowan/hellaswag", "default", TUNED, choices.completions, tell.completion_row)
    add("allenai/cosmos_qa", "default", TUNED, choices.reasons, tell.reason_row)
    add("tau/commonsense_qa", "default", TUNED, choices.knowledge, tell.knowledge_row)
    add("ccg", "supertags", ALL, _plain, tell.supertag_row)
    for code in LANGUAGES:
        _add_language(add, code)
    spoken = tuple(code for code in LANGUAGES if code in LISTS["tydiqa"].split())
    tydiqa: dict[str, Split] = {"train": "train", "validation": "test"}
    add("google/xtreme", "tydiqa", tydiqa, _answerable, tell.tydiqa_row, spoken, "tydiqa")
    return found


# fmt: off
LISTS = {
    "paws_x": "de en es fr ja ko zh",
    "xnli": "ar bg de el en es fr hi ru sw th tr ur vi zh",
    "udpos": "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl "
             "tr ur vi yo zh",
    "xquad": "ar de el en es hi ru th tr vi zh",
    "mlqa": "ar de en es hi vi zh",
    "tydiqa": "ar bn en fi id ko ru sw te",
}
# fmt: on
"""The languages of the hub's data sets; panx and tatoeba have all of XTREME's."""


def _add_language(add: Callable[..., None], code: str) -> None:
    one, xtreme = (code,), "google/xtreme"
    name, iso3 = language_of(code).name, language_of(code).iso3
    known = {task for task, codes in LISTS.items() if code in codes.split()}
    statements, same = pairs.statements, pairs.paraphrases
    if "xnli" in known:
        nli = entailment.inferences
        # As on the hub, the training rows are MNLI's, told in the language.
        add("facebook/xnli", code, TRAIN, nli, tell.inference_row, one, "mnli")
        add("facebook/xnli", code, HELD_OUT, nli, tell.inference_row, one)
    if "paws_x" in known:
        add("google-research-datasets/paws-x", code, ALL, same, tell.paws_row, one)
    if "udpos" in known:
        add(xtreme, f"udpos.{name}", ALL, statements, tell.pos_row, one, "udpos")
    add(xtreme, f"PAN-X.{code}", ALL, pairs.entities, tell.entity_row, one, "panx")
    if "xquad" in known:
        add(xtreme, f"XQuAD.{code}", TESTED, _answerable, tell.xquad_row, one, "xquad")
    if "mlqa" in known and code != "en":
        config, squad = f"mlqa-translate-train.{code}", "rajpurkar/squad"
        add("facebook/mlqa", config, TUNED, _answerable, tell.span_row, one, squad)
    if "mlqa" in known:
        add(xtreme, f"MLQA.{code}.{code}", HELD_OUT, _answerable, tell.span_row, one, "mlqa")
    if code != "en":
        add(xtreme, f"tatoeba.{iso3}", TESTED, _plain, tell.translation_row, one, "tatoeba")
