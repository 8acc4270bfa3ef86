"""The training rows of a task in all the languages it is trained in: their identity and their text.

The rule: a task that is trained in the source language has the identity that it always had; one
with `train_languages` names each language with its own rows, so other translations are other data.

    training_data(context, task)    # {"language": "en", "place": …, "data": …}
                                    # {"languages": ["de", "ru"], "rows": {"de": {…}, "ru": {…}}}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from t2t_xfer.data.places import described
from t2t_xfer.records import Example, Json, Prompted, Split
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.task import Task


def rows_of(
    context: Context, task: Task, language: str, split: Split, tested: bool = False
) -> dict[str, Json]:
    """Which rows: their places on the hub (paths of files do not count), filters and content."""
    return {
        **described(task.spec, language, split),
        "data": context.fingerprint(task.name, language, split, tested),
    }


def training_data(context: Context, task: Task) -> dict[str, Json]:
    """Identity of a task's training rows, with their language or languages."""
    if not task.spec.train_languages:
        language = task.spec.source_language
        return {"language": language, **rows_of(context, task, language, "train")}
    return {
        "languages": [*task.spec.train_languages],
        "rows": {code: rows_of(context, task, code, "train") for code in task.spec.train_languages},
    }


def languages_in(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The languages of what `training_data` made."""
    return tuple(data["languages"]) if "languages" in data else (data["language"],)


def translated_in(parts: Iterable[Mapping[str, Any]]) -> dict[str, Json]:
    """What a `train` record says of translated data, by task; nothing of zero-shot training."""
    found = {each["shown"]["task"]: each["languages"] for each in parts if "languages" in each}
    return {"translate_train": found} if found else {}


def read_training(
    context: Context, task: str, languages: tuple[str, ...], limit: int | None
) -> tuple[list[Example], list[Prompted]]:
    """The training examples, language after language, with their text.

    Args:
        limit: most rows of each language, the same ones in all of them.

    Raises:
        DataError: as `read_examples`.
    """
    examples: list[Example] = []
    prompted: list[Prompted] = []
    for language in languages:
        found = context.prompted(task, language, "train", limit)
        examples += found[0]
        prompted += found[1]
    return examples, prompted
