"""Where the rows of one task, language and split lie: one place or several.

The zero-shot rule lives here, at the only door to the rows: training and validation data of a
language other than the source language is refused before anything is opened. There are two
exceptions: the set that a task with `mining` chooses its threshold on, as XTREME does for BUCC, and
the training rows of the languages that a task names as its `train_languages` (translate-train).

    for place in find_places(task, source, "de", "test"): place.rows()
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from t2t_xfer.data.files import matching
from t2t_xfer.data.location import SplitRef
from t2t_xfer.data.place import Place
from t2t_xfer.data.source import Source
from t2t_xfer.errors import AbsentError, DataError, nearest
from t2t_xfer.languages import fill, holds_language, nearest_language
from t2t_xfer.paths import expanded
from t2t_xfer.records import Json, Split
from t2t_xfer.specs.data import PartSpec
from t2t_xfer.specs.task import TaskSpec


def find_places(
    task: TaskSpec,
    source: Source,
    language: str,
    split: Split,
    *,
    allow_target_language_training: bool = False,
    tested: bool = False,
) -> tuple[Place, ...]:
    """Where a task's rows lie, in the order of reading. Opens no file; `*` lists folders.

    Args:
        tested: the rows are only scored, so those of `validation` may be in a target language.

    Raises:
        AbsentError: the task names nothing for this split, or no file matches.
        DataError: a language that the task does not have, training data in a target language, or
            data that would be the same for several languages.
    """
    _check_language(task, language, split)
    if not allow_target_language_training and not (tested and split == "validation"):
        _check_zero_shot(task, language, split)
    # Before anything is looked for on the disk.
    stated = [(part, locations(task, part, language, split)) for part in task.data.sources]
    if language != task.source_language:
        _check_own_rows(task, language, split)
    several = len(stated) > 1
    places: list[Place] = []
    for part, found in stated:
        for location in found:
            place = Place(
                location=location,
                source=source,
                part=part,
                language=language,
                per_language=any(map(holds_language, part.patterns(split))),
                named=several,
            )
            steps = [part.name] if several else []
            steps += [location.split] if isinstance(location, SplitRef) and len(found) > 1 else []
            places += _expanded(place, steps)
    return tuple(places)


def readable_splits(task: TaskSpec, language: str) -> tuple[Split, ...]:
    """The splits that the rules above let be read in a language, whether they are there or not."""
    may: dict[Split, bool] = {
        "train": language in task.trained_in,
        "validation": language == task.source_language,
        "test": language == task.source_language or language in task.languages,
    }
    return tuple(split for split, allowed in may.items() if allowed)


def locations(
    task: TaskSpec, part: PartSpec, language: str, split: Split
) -> tuple[SplitRef | Path, ...]:
    """Where a part's rows lie, as names or a path. Looks at no file.

    Raises:
        AbsentError: the task names nothing for this split.
    """
    hub = part.hub
    if hub is None:
        path = part.file_for(split, language)
        if path is None:
            named = ", ".join(part.files or ())
            raise AbsentError(
                f"task {task.task!r}: `{_key(task, part)}: files` names no {split!r} (only:"
                f" {named})."
            )
        return (expanded(path),)
    names = hub.splits_for(split)
    if not names:
        other = next(ours for ours, theirs in hub.splits.items() if split in theirs)
        raise AbsentError(
            f"task {task.task!r} has no {split} rows: {hub.id}'s own {split!r} is its {other} data."
        )
    config = hub.config_for(language)
    return tuple(SplitRef(hub.id, config, name, hub.revision) for name in names)


def described(task: TaskSpec, language: str, split: Split) -> dict[str, Json]:
    """Which rows a task reads, for a stage's identity, beside the `fingerprint` of their content.

    Raises:
        AbsentError: the task names nothing for this split.
    """
    parts = task.data.sources
    told = [_described(task, part, language, split) for part in parts]
    if len(parts) == 1:
        return told[0]
    named: list[Json] = [{"name": p.name, **each} for p, each in zip(parts, told, strict=True)]
    return {"parts": named}


def _described(task: TaskSpec, part: PartSpec, language: str, split: Split) -> dict[str, Json]:
    """A place on the hub, filter and names. Paths of files do not count."""
    places = [str(ref) for ref in locations(task, part, language, split) if _on_the_hub(ref)]
    prefixes = {name: fill(text, language) for name, text in part.where_prefix.items()}
    return {
        "place": None if not places else places[0] if len(places) == 1 else [*places],
        "where": {name: fill(text, language) for name, text in part.where.items()},
        **({"where_prefix": {**prefixes}} if prefixes else {}),
        **({"conllu": part.conllu} if part.conllu != "words" else {}),
        **({"tsv": part.tsv} if part.tsv != "plain" else {}),
        **({"columns": {**part.columns}} if part.columns else {}),
        **({"labels": {**part.labels}} if part.labels else {}),
    }


def joint_fingerprint(places: Sequence[Place]) -> str:
    """Pins the content of all places; of one, its own fingerprint.

    Raises:
        AbsentError, DataError: one is not there.
    """
    if len(places) == 1:
        return places[0].fingerprint()
    lines = "".join(f"{place.prefix}\t{place.fingerprint()}\n" for place in places)
    return hashlib.sha256(lines.encode()).hexdigest()


def _on_the_hub(location: SplitRef | Path) -> bool:
    return isinstance(location, SplitRef)


def _key(task: TaskSpec, part: PartSpec) -> str:
    return f"data: parts: {part.name}" if task.data.parts else "data"


def _expanded(place: Place, steps: list[str]) -> Iterator[Place]:
    """The place with the prefix of its ids; of a file name with `*` one for each match.

    Raises:
        AbsentError, DataError: no file matches.
    """
    pattern = place.location
    if isinstance(pattern, SplitRef) or "*" not in str(pattern):
        yield replace(place, prefix="".join(f"{step}:" for step in steps))
        return
    found = matching(pattern)
    if not found:
        kind = AbsentError if place.per_language else DataError
        raise kind(f"{place}: no file has such a name.")
    names = [path.name.partition(".")[0] for path in found]
    if len(set(names)) < len(names):
        names = [str(number) for number in range(len(found))]
    for path, name in zip(found, names, strict=True):
        prefix = "".join(f"{step}:" for step in (*steps, name))
        yield replace(place, location=path, prefix=prefix)


def _check_language(task: TaskSpec, language: str, split: Split) -> None:
    if split == "train" and language in task.train_languages:
        return
    if language not in task.languages and language != task.source_language:
        hint = nearest(language, task.languages) or nearest_language(language)
        raise DataError(
            f"task {task.task!r} has no language {language!r}.{hint} It has:"
            f" {', '.join(task.languages)}."
        )


def _check_zero_shot(task: TaskSpec, language: str, split: Split) -> None:
    if split == "validation" and task.mining is not None:
        return  # nothing is trained or chosen on it but the threshold on margins
    if split == "train" and task.train_languages:
        if language not in task.train_languages:
            raise DataError(
                f"task {task.task!r}: training data in {language!r} is not read, because the task"
                f" is trained in {', '.join(task.train_languages)} (`train_languages`)."
            )
        return
    if split != "test" and language != task.source_language:
        raise DataError(
            f"task {task.task!r}: {split} data in {language!r} is not read, because transfer is "
            f"zero-shot: {task.source_language!r} trains and tunes, the others are only tested."
        )


def _check_own_rows(task: TaskSpec, language: str, split: Split) -> None:
    """Refuse a target language whose data is another language's: its score would be a lie."""
    languages = task.languages if split == "test" else (*task.languages, task.source_language)
    if split == "train" and task.train_languages:
        languages = task.train_languages
    for part in task.data.sources:
        own = _rows_of(task, part, language, split)
        others = (other for other in languages if other != language)
        same = [other for other in others if _rows_of(task, part, other, split) == own]
        if same:
            found = " and ".join(map(str, locations(task, part, language, split)))
            raise DataError(
                f"task {task.task!r}: {language!r} and {same[0]!r} would both read {found}. Put "
                "{language} into the configuration, the file name or a filter."
            )


def _rows_of(task: TaskSpec, part: PartSpec, language: str, split: Split) -> tuple[object, ...]:
    filters = (part.where, part.where_prefix)
    filled = [[(name, fill(text, language)) for name, text in each.items()] for each in filters]
    return (locations(task, part, language, split), filled)
