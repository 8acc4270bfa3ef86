"""What the places of a task's own files give away: nothing there, or rows read as another language.

de/test is read as en/test, too. If the training rows are not en, write `source_language: de`; …
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from t2t_xfer.data.place import Place
from t2t_xfer.data.places import find_places
from t2t_xfer.data.source import Source
from t2t_xfer.errors import AbsentError, DataError, nearest
from t2t_xfer.paths import is_dir
from t2t_xfer.records import SPLITS, Split
from t2t_xfer.specs.task import TaskSpec


def place_alarms(task: TaskSpec, content: Callable[[str, Split], str | None]) -> Iterator[str]:
    """Alarms about places that are read as another's.

    Args:
        task: of tasks that name no files of their own, only their splits are compared.
        content: what pins the rows of a language's split; None if there are none.
    """
    own = task.source_language
    if task.answer != "pair" and not task.train_languages:
        train, test = content(own, "train"), content(own, "test")
        if train is not None and train == test:
            yield f"{own}/train and {own}/test are the same rows: what is tested was trained on."
    if not task.data.files:
        return
    for code in task.languages:
        tested = content(code, "test")
        if own not in task.languages and tested is not None and tested == content(own, "test"):
            yield (
                f"{code}/test is read as {own}/test, too. If the training rows are not {own},"
                f" write `source_language: {code}`; else put {{language}} into the file's name."
            )
            return


def place_problems(task: TaskSpec, source: Source) -> Iterator[str]:
    """Files that the task names and that are not there, unless only some languages lack them.

    A data source may lack a language; files of the task's own are there or misspelt. Where other
    languages have the split, a language without it is named as absent, if no file beside looks like
    its own.
    """
    stated = [
        (split, list(_places(task, source, split)))
        for split in SPLITS
        if any(split in (part.files or {}) for part in task.data.sources)
    ]
    claimed = {place.location for _, places in stated for place in places}
    for split, places in stated:
        missing = [place for place in places if not _exists(place)]
        for place in missing:
            assert isinstance(place.location, Path)
            hint = nearest(place.location.name, _unclaimed(place.location.parent, claimed))
            if hint or len(missing) == len(places):
                yield f"{place.language}/{split}: {place}: there is no such file.{hint}"
                break


def _places(task: TaskSpec, source: Source, split: Split) -> Iterator[Place]:
    codes = {
        "train": task.trained_in,
        "validation": (task.source_language,),
        "test": task.languages,
    }
    for code in codes[split]:
        try:
            found = find_places(task, source, code, split)
        except DataError:  # said elsewhere
            continue
        yield from (p for p in found if isinstance(p.location, Path) and "*" not in str(p.location))


def _exists(place: Place) -> bool:
    try:
        return place.exists()
    except AbsentError:
        return False
    except DataError:  # a file for all languages: reading it says so
        return True


def _unclaimed(folder: Path, claimed: Collection[object]) -> list[str]:
    """Names of the files beside that the task does not name for another language or split."""
    if not is_dir(folder):
        return []
    return sorted(file.name for file in folder.iterdir() if file not in claimed)
