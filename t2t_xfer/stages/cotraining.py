"""Raw text in a `train` stage: what of it belongs to the stage's identity, and its rows.

The names of files do not count, their content does: the same text elsewhere is the same stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from t2t_xfer.data.rawtext import read_documents, text_identity
from t2t_xfer.errors import UserError
from t2t_xfer.records import Json
from t2t_xfer.specs.data import TextSpec
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.stages.context import Context

if TYPE_CHECKING:
    from t2t_xfer.architectures.base import Architecture
    from t2t_xfer.training.objectives import TextRows

OBJECTIVES_VERSION = 1
"""Of the rows that text becomes (`training/objectives.py`, `training/cotraining.py`)."""


def text_spec(
    context: Context, text: TextSpec | None, training: TrainingSpec
) -> dict[str, dict[str, Json]]:
    """What the identity of a `train` stage says of raw text; nothing where there is none.

    Raises:
        AbsentError, DataError: there is no such text.
        UserError: its rows are longer than inputs may be.
    """
    if text is None:
        return {}
    row_tokens = text.row_tokens or training.max_input_tokens
    if row_tokens > training.max_input_tokens:
        raise UserError(
            f"text: row_tokens is {row_tokens}, but max_input_tokens is"
            f" {training.max_input_tokens}, which is what the model is asked to read. Lower the"
            " first or raise the second."
        )
    data: dict[str, Json] = {
        code: [*text_identity(text, context.source, code)] for code in text.codes
    }
    stated = {**text.canonical(), "row_tokens": row_tokens}
    return {"text": {"version": OBJECTIVES_VERSION, **stated, "data": data}}


def text_how(text: TextSpec | None) -> dict[str, Json]:
    """Where the files are; nothing where there are none."""
    return {} if text is None or text.files is None else {"text_files": text.located()}


def planned_text(spec: Mapping[str, Any], how: Mapping[str, Any]) -> TextSpec | None:
    """The raw text of a planned stage."""
    if "text" not in spec:
        return None
    stated = {key: value for key, value in spec["text"].items() if key not in ("version", "data")}
    files = [*how["text_files"]] if "text_files" in how else None
    return TextSpec.model_validate({**stated, "files": files})


def text_rows(context: Context, text: TextSpec, architecture: Architecture, seed: int) -> TextRows:
    """The text of a planned stage as training rows."""
    from t2t_xfer.training.objectives import TextRows

    documents = {code: read_documents(text, context.source, code) for code in text.codes}
    assert text.row_tokens is not None
    return TextRows(documents, architecture, text.row_tokens, seed)
