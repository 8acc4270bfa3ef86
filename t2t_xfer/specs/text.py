"""Raw text that is learnt from beside a task, by the model's own pretraining objective.

Without `files` and `hub` it is the raw text that `--data` offers: a mirror's `rawtext/de.txt`, the
microworld's documents.

    text: {languages: [de, ru, sw], rate: 0.1}
    text: {languages: [de, ru], files: "wiki/{language}.txt", rate: 0.1}
    text: {languages: [de], hub: {id: wikimedia/wikipedia, config: "20231101.{language}"}}
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    Strict,
    ValidationInfo,
    field_validator,
)

from t2t_xfer.languages import fill, holds_language
from t2t_xfer.records import Json
from t2t_xfer.specs.base import Count, Filled, LanguageCode, Pattern, Spec, distinct, mistake, some
from t2t_xfer.specs.data import HubData, inside

ANY = ""
"""The language of files that are not told apart by language."""


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


_Files = Annotated[
    tuple[Annotated[Pattern, AfterValidator(inside)], ...],
    BeforeValidator(_as_list, json_schema_input_type=str | tuple[str, ...]),
    AfterValidator(some),
    AfterValidator(distinct),
]


class TextSpec(Spec):
    """Where raw text comes from and how much of it a step has."""

    rate: Annotated[float, Strict(), Field(gt=0, lt=1)] = 0.1
    """Share of the examples of a step that are text (our choice; Phang et al. 2020 co-train with
    masked words too, at a rate that we could not find)."""
    hub: HubData | None = None
    """A data set of the hub, or of a mirror, whose rows have a column `field`."""
    files: _Files | None = None
    """Files, also with `*`: `.txt` with a document a line, or rows with a column `field` (.jsonl,
    .csv, .tsv, .parquet). Relative names start from the YAML file's own folder."""
    languages: Annotated[tuple[LanguageCode, ...], AfterValidator(distinct)] = Field(
        default=(), validate_default=True
    )
    """Take turns, so that each has the same share."""
    field: Filled = "text"
    """The column that holds the text."""
    documents: Count = 20_000
    """At most so many documents of a language, the first ones (our choice: they stay in memory)."""
    row_tokens: Count | None = None
    """Tokens of an example. None: as many as an input may have (`max_input_tokens`)."""

    _root: Path = PrivateAttr(default=Path())

    def model_post_init(self, context: Any) -> None:
        """Remember where relative files start; `load_yaml` passes it on."""
        self._root = (context or {}).get("root", Path())

    @property
    def codes(self) -> tuple[str, ...]:
        """The languages; `ANY` alone where files are not told apart by language."""
        return self.languages or (ANY,)

    @property
    def share(self) -> Fraction:
        """`rate`, exactly as it was written."""
        return Fraction(str(self.rate))

    def patterns(self, language: str) -> tuple[Path, ...]:
        """The files of a language, patterns if they hold `*`."""
        names = self.files or ()
        if language != ANY:
            names = tuple(fill(name, language) for name in names)
        return tuple(self._root / name for name in names)

    def located(self) -> list[Json]:
        """The patterns with their folder, for whoever reads them from another folder."""
        return [str((self._root / name).absolute()) for name in self.files or ()]

    def canonical(self) -> dict[str, Json]:
        """See `Spec.canonical`. Not the names of files: their content is hashed."""
        return {**super().canonical(), "files": None if self.files is None else []}

    @field_validator("files")
    @classmethod
    def _one_source(cls, files: _Files | None, info: ValidationInfo) -> _Files | None:
        if files is not None and info.data.get("hub") is not None:
            raise mistake("either `hub` or `files`, not both")
        return files

    @field_validator("languages")
    @classmethod
    def _told_apart(cls, languages: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if "files" not in info.data or "hub" not in info.data:  # already a problem
            return languages
        files, hub = info.data["files"], info.data["hub"]
        names = [*(files or ()), *([hub.config] if hub else [])]
        by_language = not names or any(map(holds_language, names))
        if by_language and not languages:
            raise mistake("at least one language")
        if not by_language and len(languages) > 1:
            raise mistake("one language, or `{language}` in the name of what holds the text")
        return languages
