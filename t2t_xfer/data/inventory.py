"""The tags of a task that takes them from its data (`tags_from: train`): a closed set all the same.

CCG has some thousand categories, which no YAML file should list. The set is every tag of the
training split in the source language, sorted by code points, whatever the limit of a study: it
depends on the data alone, and it stands in the identity of every stage as if it had been written
down. Tags of other splits outside it are gold that no model can predict.

    with_inventory(Catalogue().task("ccg"), open_source("mirror:data/hub")).tags
"""

from __future__ import annotations

from t2t_xfer.data.choices import look_up
from t2t_xfer.data.places import find_places
from t2t_xfer.data.source import Source
from t2t_xfer.errors import DataError, nearest, quoted
from t2t_xfer.specs.task import TaskSpec


def with_inventory(task: TaskSpec, source: Source) -> TaskSpec:
    """The task with its tags; the task as it is if it lists them itself.

    Raises:
        AbsentError: there is no training split.
        DataError: a tag is no text, there are fewer than two, or the default is none of them.
    """
    if task.tags_from is None:
        return task
    tags = tuple(sorted(_tags(task, source)))
    if len(tags) < 2:
        raise DataError(
            f"task {task.task!r}: its training split has {len(tags)} tags; expected at least two."
        )
    if task.default_tag is not None and task.default_tag not in tags:
        raise DataError(
            f"task {task.task!r}: the default tag {task.default_tag!r} stands nowhere in the"
            f" training split.{nearest(task.default_tag, tags)}"
        )
    return task.model_copy(update={"tags": tags})


def _tags(task: TaskSpec, source: Source) -> set[str]:
    column = task.tags_field or ""
    found: set[str] = set()
    for place in find_places(task, source, task.source_language, task.tags_from or "train"):
        for number, row in enumerate(place.rows()):
            where = f"{place}, row {number}"
            value = look_up(row, column, "`tags_field`", where)
            if not isinstance(value, tuple):
                raise DataError(
                    f"{where}, column {column!r}: expected a list, found {quoted(value)}."
                )
            for tag in value:
                if not isinstance(tag, str) or len(tag.split()) != 1:
                    raise DataError(
                        f"{where}, column {column!r}: {quoted(tag)} is no tag. Where the tags come"
                        " from"
                        " the data (`tags_from`), each is a text without white space."
                    )
                found.add(tag)
    return found
