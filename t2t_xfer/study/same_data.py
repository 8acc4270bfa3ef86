"""Whether an intermediate task trains on rows that train the target too.

The rule: any shared row counts, the whole target or a part of it. Rows are shared when both tasks
read the same split of the same data set (anli_plus holds the MNLI that trains xnli), or when a task
says that it `contains` another one's rows under another name (squad_v2 those of squad_v1). Why:
docs/decisions/005-same-data.md.

    shares_training_rows(context, "mnli", "xnli")      # True
"""

from __future__ import annotations

from pathlib import Path

from t2t_xfer.data.location import SplitRef
from t2t_xfer.data.places import locations
from t2t_xfer.errors import AbsentError
from t2t_xfer.specs.study import TEXT
from t2t_xfer.stages.context import Context


def shares_training_rows(context: Context, intermediate: str, target: str) -> bool:
    """Whether some of the rows that train the target train the intermediate task as well.

    Raw text is of no task. Nothing is opened: data sets are compared by name, files by path.

    Raises:
        SpecError: a task's YAML is wrong.
    """
    if intermediate == TEXT:
        return False
    first, second = (_family(context, name) for name in (intermediate, target))
    if first & second:
        return True
    pools = (_training_places(context, family) for family in (first, second))
    return bool(set.intersection(*pools))


def trains_on_translations(context: Context, task: str) -> bool:
    """Whether the rows that train a task are in other languages than its source language."""
    if task == TEXT:
        return False
    spec = context.catalogue.task(task)
    return bool(context.catalogue.task(spec.train_task or task).train_languages)


def _family(context: Context, task: str) -> set[str]:
    """The task that a task is trained on, and all that it contains, at any depth."""
    found: set[str] = set()
    left = [context.catalogue.task(task).train_task or task]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left.extend(context.catalogue.task(name).contains)
    return found


def _training_places(context: Context, family: set[str]) -> set[SplitRef | Path]:
    """Where the rows of some tasks lie, whatever revision of them."""
    found: set[SplitRef | Path] = set()
    for name in family:
        spec = context.catalogue.task(name)
        for part in spec.data.sources:
            try:
                by_language = [locations(spec, part, code, "train") for code in spec.trained_in]
            except AbsentError:
                continue  # nothing trains on it
            found.update(
                SplitRef(place.id, place.config, place.split)
                if isinstance(place, SplitRef)
                else place
                for places in by_language
                for place in places
            )
    return found
