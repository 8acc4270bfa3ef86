"""The two pools of a task that mines pairs, and the gold pairs hidden in them.

An example is one sentence of the foreign pool; its gold answer is the id of the English sentence
that means the same, and empty where there is none. Pools come from where the task's data come
from: splits of a hub's data set, or files. A file whose name ends in no known kind is read as
BUCC's own: two columns, a tab between them, no header.

    zh-000000057<tab>目前，该病多采用手术治疗。      de-en.training.de, .en
    zh-000000057<tab>en-000008530               de-en.training.gold
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from t2t_xfer.data.columns import look_up, read_id
from t2t_xfer.data.formats import READERS, file_kind
from t2t_xfer.data.places import NumberedRow, Place, choose, find_places
from t2t_xfer.data.sources import Source, SplitRef
from t2t_xfer.data.textfile import numbered_lines
from t2t_xfer.errors import AbsentError, DataError, nearest
from t2t_xfer.languages import fill
from t2t_xfer.paths import expanded
from t2t_xfer.records import Example, Row, Split
from t2t_xfer.specs.task import TaskSpec

log = logging.getLogger(__name__)


class Pools(NamedTuple):
    """What is mined: sentences by id in the order of their file, and the pairs among them."""

    foreign: Mapping[str, str]
    english: Mapping[str, str]
    gold: Mapping[str, tuple[str, ...]]
    """Foreign id -> the English ids that mean the same. Mostly one."""


class _Places(NamedTuple):
    gold: Place
    foreign: Place
    english: Place


def read_pools(
    task: TaskSpec, source: Source, language: str, split: Split, limit: int | None = None
) -> Pools:
    """Both pools of a split with the gold pairs.

    Args:
        task: a task with `mining`.
        source: where hub data come from.
        language: of the foreign pool.
        split: `validation` too: the threshold is chosen on it (see `places`).
        limit: keep this many sentences of each pool, the same ones every time. Half of them
            belong to gold pairs, if there are so many.

    Raises:
        AbsentError: the source has no such gold pairs.
        DataError: a pool is missing, an id stands twice, or a gold pair is not in the pools.
    """
    places = _find(task, source, language, split)
    foreign, english = _sentences(task, places.foreign), _sentences(task, places.english)
    return _limited(
        Pools(foreign, english, _gold(task, places, foreign, english)),
        limit,
        f"{task.task}/{split}",
    )


def read_mined_examples(
    task: TaskSpec, source: Source, language: str, split: Split, limit: int | None = None
) -> list[Example]:
    """The sentences of the foreign pool as examples.

    Raises:
        AbsentError, DataError: as `read_pools`.
    """
    pools = read_pools(task, source, language, split, limit)
    return [
        Example(id, task.task, language, split, {"target": text}, _answer(pools.gold.get(id, ())))
        for id, text in pools.foreign.items()
    ]


def pools_fingerprint(task: TaskSpec, source: Source, language: str, split: Split) -> str:
    """Pins the content of gold pairs and pools.

    Raises:
        AbsentError, DataError: as `read_pools`, except for what stands in the rows.
    """
    parts = [place.fingerprint() for place in _find(task, source, language, split)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def pools_missing(task: TaskSpec, source: Source, language: str, split: Split) -> bool:
    """Whether the split is not there.

    Raises:
        DataError: only a part of it is there.
    """
    try:
        _find(task, source, language, split)
    except AbsentError:
        return True
    return False


def _answer(partners: tuple[str, ...]) -> str | tuple[str, ...]:
    return partners if len(partners) > 1 else "".join(partners)


def _find(task: TaskSpec, source: Source, language: str, split: Split) -> _Places:
    mining = task.mining
    assert mining is not None
    hub = task.data.hub
    (gold,) = find_places(task, source, language, split)
    named = mining.pools(split)
    if named is None:
        raise AbsentError(f"task {task.task!r}: `mining` names no pools of the split {split!r}.")
    if not gold.exists():
        gold.fingerprint()  # says what is missing
    found = []
    for pattern in (named.foreign, named.english):
        location: SplitRef | Path
        if hub is None:
            location = expanded(mining.file(pattern, language))
        else:
            config = hub.config_for(language)
            location = SplitRef(hub.id, config, fill(pattern, language), hub.revision)
        place = replace(gold, location=location, per_language=True)
        if not place.exists():
            raise DataError(
                f"{place}: there is no such pool, but the gold pairs are there ({gold}). Both"
                " pools of a split must lie beside its gold pairs."
            )
        found.append(place)
    return _Places(gold, *found)


def _rows(place: Place, columns: tuple[str, str]) -> Iterator[tuple[str, Row]]:
    """Rows with their place. Files of BUCC's own format get the columns' names."""
    path = place.location
    if not isinstance(path, Path) or file_kind(path) in READERS:
        for number, row in enumerate(place.rows()):
            yield f"{place}, row {number}", row
        return
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        first, tab, second = line.partition("\t")
        if not tab:
            raise DataError(
                f"{path}:{number}: expected {columns[0]} and {columns[1]} with a tab between them,"
                f" found {line[:60]!r}."
            )
        yield f"{path}:{number}", dict(zip(columns, (first.strip(), second), strict=True))


def _sentences(task: TaskSpec, place: Place) -> dict[str, str]:
    assert task.mining is not None
    assert task.id_field is not None
    columns = (task.id_field, task.mining.sentence_field)
    sentences: dict[str, str] = {}
    blank = 0
    for where, row in _rows(place, columns):
        id = str(read_id(row, columns[0], "`mining`", where))
        sentence = look_up(row, columns[1], "`sentence_field`", where)
        if not isinstance(sentence, str):
            raise DataError(f"{where}, column {columns[1]!r}: found {sentence!r}, expected text.")
        if id in sentences:
            raise DataError(f"{where}: the id {id!r} already stands above.")
        if sentence.strip():
            sentences[id] = sentence.strip()
        else:
            blank += 1
    if blank:
        log.warning("%d blank sentences left out of %s", blank, place)
    if not sentences:
        raise DataError(f"{place}: holds no sentences.")
    return sentences


def _gold(
    task: TaskSpec, places: _Places, foreign: Collection[str], english: Collection[str]
) -> dict[str, tuple[str, ...]]:
    columns = (task.pair_fields[0], task.pair_fields[1])
    gold: dict[str, tuple[str, ...]] = {}
    for where, row in _rows(places.gold, columns):
        ours, theirs = (str(read_id(row, column, "`mining`", where)).strip() for column in columns)
        for id, pool, place in ((ours, foreign, places.foreign), (theirs, english, places.english)):
            if id not in pool:
                raise DataError(f"{where}: no sentence {id!r} in {place}.{nearest(id, [*pool])}")
        known = gold.get(ours, ())
        gold[ours] = known if theirs in known else (*known, theirs)
    if not gold:
        raise DataError(f"{places.gold}: holds no pairs.")
    return gold


def _limited(pools: Pools, limit: int | None, seed: str) -> Pools:
    if limit is None:
        return pools
    foreign = _chosen(pools.foreign, pools.gold, -(-limit // 2), seed)
    gold = {id: pools.gold[id] for id in pools.gold if id in foreign}
    alone = [id for id in pools.foreign if id not in pools.gold]
    foreign |= _chosen(pools.foreign, alone, limit - len(foreign), seed)
    english = {id for partners in gold.values() for id in partners}
    paired = {id for partners in pools.gold.values() for id in partners}
    alone = [id for id in pools.english if id not in paired]
    english |= _chosen(pools.english, alone, limit - len(english), seed)
    return Pools(
        {id: text for id, text in pools.foreign.items() if id in foreign},
        {id: text for id, text in pools.english.items() if id in english},
        gold,
    )


def _chosen(pool: Mapping[str, str], ids: Iterable[str], count: int, seed: str) -> set[str]:
    rows = (NumberedRow(number, id, {}) for number, id in enumerate(ids) if id in pool)
    return {row.id for row in choose(rows, max(count, 0), seed)}
