"""`train_languages`: training rows in other languages than the source's, which must be asked for.

The rule: transfer is zero-shot unless a task names the languages it is trained in. Each of them
must have rows of its own, so the place of the training rows names the language.

    data: {hub: {id: facebook/xnli, config: "{language}"}}
    train_languages: [de, ru, sw]
"""

from __future__ import annotations

from pydantic import ValidationInfo

from t2t_xfer.languages import holds_language
from t2t_xfer.specs.base import mistake
from t2t_xfer.specs.data import DataSpec


def checked_train_languages(codes: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """The languages, if the task can be trained in them."""
    if not codes:
        return codes
    if info.data.get("answer") == "pair":
        raise mistake("nothing here, because the answer is pair, which is not trained")
    if codes == (info.data.get("source_language"),):
        raise mistake("a language beside the source language, which trains without this key")
    data: DataSpec | None = info.data.get("data")
    if data is not None and not all(
        any(map(holds_language, part.patterns("train"))) for part in data.sources
    ):
        raise mistake("training data that names {language}: all languages would be the same")
    return codes
