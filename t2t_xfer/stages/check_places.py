"""What the places of a task's own files give away: nothing there, or rows read as another language.

de/test is read as en/test, too. If the training rows are not en, write `source_language: de`; …
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from t2t_xfer.data.places import find_places
from t2t_xfer.data.source import Source
from t2t_xfer.errors import DataError
from t2t_xfer.records import Split
from t2t_xfer.specs.task import TaskSpec


def place_alarms(
    task: TaskSpec, source: Source, content: Callable[[str, Split], str | None]
) -> Iterator[str]:
    """Alarms for a task that names files of its own.

    Args:
        task: others than such tasks have none.
        source: the data source, which files do not depend on.
        content: what pins the rows of a language's split; None if there are none.
    """
    if not task.data.files:
        return
    own = task.source_language
    tested = {code: content(code, "test") for code in dict.fromkeys((own, *task.languages))}
    trained = [content(own, "train"), content(own, "validation")]
    if not any((*trained, *tested.values())):
        yield f"no rows are there, so nothing was checked. {_why(task, source)}"
    for code in task.languages:
        if own not in task.languages and tested[code] is not None and tested[code] == tested[own]:
            yield (
                f"{code}/test is read as {own}/test, too. If the training rows are not {own},"
                f" write `source_language: {code}`; else put {{language}} into the file's name."
            )
            return


def _why(task: TaskSpec, source: Source) -> str:
    """What is said of the first language's tested rows."""
    try:
        for place in find_places(task, source, task.languages[0], "test"):
            place.fingerprint()
    except DataError as e:
        return str(e)
    return ""
