"""The YAML of a task that is trained on translated rows.

The rule: it is the task that was translated in everything but its data, so its prompt, its labels
and its readout are the same; and it names the languages it is trained in, so nothing trained on it
passes for zero-shot.

    save_task(Path("tasks/mnli_mt.yaml"), translated_task(spec, "mnli_mt", ["de", "ru"], "nllb"))
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from t2t_xfer.errors import UserError
from t2t_xfer.specs.base import NAME_PATTERN, NAME_WORDS
from t2t_xfer.specs.task import TaskSpec
from t2t_xfer.stages.translate_rows import ID_COLUMN

ROWS = "translated/{name}/{{language}}/train.jsonl"
"""Relative to the folder that holds `tasks/`."""
LEFT = ("task", "data", "train_task", "contains", "languages", "parallel", "note", "id_field")


def translated_task(spec: TaskSpec, name: str, languages: Sequence[str], model: str) -> str:
    """The text of `tasks/<name>.yaml`.

    Args:
        model: who translated, for the note.
    """
    stated = spec.model_dump(mode="json", exclude_unset=True)
    content: dict[str, Any] = {
        "task": name,
        "data": {"files": {"train": ROWS.format(name=name)}},
        "train_languages": [*languages],
        # The rows are the task's own in other words.
        "contains": [spec.task, *spec.contains],
        "languages": [spec.source_language],
        "id_field": ID_COLUMN,
        **{key: value for key, value in stated.items() if key not in LEFT},
        "note": f"{spec.task}'s training rows, translated by {model} (t2t-xfer translate). Not"
        " zero-shot: every cell that is trained on it is marked translate-train.",
    }
    yaml = YAML()
    yaml.width = 100
    out = io.StringIO()
    yaml.dump(content, out)
    return out.getvalue()


def check_task(path: Path, text: str) -> None:
    """Refuses to write over another task.

    Raises:
        UserError: the name cannot be a task's, or a file of that name says something else.
    """
    if not NAME_PATTERN.fullmatch(path.stem):
        raise UserError(f"--name {path.stem}: expected {NAME_WORDS}.")
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        raise UserError(
            f"{path} is there and says something else, for example other languages. Nothing is"
            " overwritten: give another --name, or move the file away."
        )
