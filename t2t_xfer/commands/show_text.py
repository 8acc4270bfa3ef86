"""What `tasks show` prints: one task as it was understood, so that nothing in its file is silent.

The rule: the usual lines first; then every key that the file states and no line has shown, as
`key = value`. Two files that mean different things never print the same.

task       reviews  (label, accuracy)
languages  en de tr
…
stated     parallel = true
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from t2t_xfer.records import Json

if TYPE_CHECKING:
    from t2t_xfer.specs.prompt import ResolvedPrompt
    from t2t_xfer.specs.task import TaskSpec

SHOWN = frozenset({"task", "answer", "metric", "train_task", "languages", "labels", "tags", "note"})
"""Keys that have lines of their own."""
SHOWN_DATA = ("data.hub.id", "data.hub.config", "data.files.")


def task_json(spec: TaskSpec, prompt: ResolvedPrompt) -> dict[str, Json]:
    """Everything about a task, defaults filled in; labels as a list, because their order counts."""
    task = cast("dict[str, Json]", spec.model_dump(mode="json", by_alias=True))
    task["labels"] = spec.canonical()["labels"]
    return {"task": task, "prompt": prompt.canonical()}


def task_lines(spec: TaskSpec, prompt: ResolvedPrompt) -> Iterator[str]:
    """The same for people, without the defaults."""
    from t2t_xfer.specs.summaries import summary_of

    yield f"task       {spec.task}  ({spec.answer}, {spec.metric})"
    yield f"trains on  {summary_of(spec).trains_on}"
    yield f"languages  {' '.join(spec.languages)}"
    for part in spec.data.sources:
        named = f"{part.name}: " if spec.data.parts else ""
        if part.hub is not None:
            yield f"data       {named}{part.hub.id}, config {part.hub.config}"
        for split, file in (part.files or {}).items():
            yield f"data       {named}{split}: {file}"
    for label in spec.labels:
        word = prompt.words.get(label, " or ".join(prompt.words.values()))  # separate choices
        yield f"label      {label} = {spec.labels[label].value!r}: {word}"
    if spec.tags or spec.tags_from:
        yield f"tags       {' '.join(spec.tags) or f'those of the {spec.tags_from} split'}"
    stated = spec.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=set(SHOWN))
    for key, value in _leaves(stated, ""):
        if not key.startswith(SHOWN_DATA):
            yield f"stated     {key} = {json.dumps(value, ensure_ascii=False)}"
    for code, synonyms in prompt.synonyms.items():
        words = "; ".join(f"{label}: {', '.join(each)}" for label, each in synonyms.items())
        yield f"synonyms   {code}: {words}"
    yield "prompt"
    yield from (f"    {line}" for line in prompt.input.splitlines())
    for code, wording in prompt.languages.items():
        yield f"prompt in {code}"
        yield from (f"    {line}" for line in wording.splitlines())
    if spec.note:
        yield f"note       {spec.note}"


def _leaves(value: Json, key: str) -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{key}.{name}" if key else name)
    else:
        yield key, value
