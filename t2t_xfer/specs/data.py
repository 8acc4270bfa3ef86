"""Where a task's rows come from: a data set of the hub, or files of the user's own.

The rule: our split names are `train`, `validation` and `test`; the source's names stand beside
them. `{language}`, `{language_name}` and `{iso3}` in a configuration, a file name or a `where`
value become the language that is read.

    data: {hub: {id: facebook/xnli, config: "{language}"}}
    data: {files: {train: data/reviews.en.jsonl, test: "data/reviews.{language}.jsonl"}}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator

from t2t_xfer.languages import fill
from t2t_xfer.records import Json, Split
from t2t_xfer.specs.base import Filled, Pattern, Spec, Text, mistake


class HubData(Spec):
    """A data set of the Hugging Face hub (or of a mirror with the same layout)."""

    id: Filled
    """`owner/name`."""
    config: Pattern = "default"
    revision: Text | None = None
    """A commit or tag of the hub. None: the newest."""
    splits: dict[Split, Filled] = Field(default_factory=dict)
    """Our split -> the hub's, where the names differ."""

    def config_for(self, language: str) -> str:
        """The configuration that holds a language."""
        return fill(self.config, language)

    def split_for(self, split: Split) -> str:
        """The hub's name of one of our splits."""
        return self.splits.get(split, split)

    @field_validator("id", "config")
    @classmethod
    def _inside_the_mirror(cls, value: str, info: ValidationInfo) -> str:
        # A mirror's folders have these names: `..` would leave it.
        parts = value.split("/")
        if any(part in ("", ".", "..") for part in parts) or "\\" in value:
            raise mistake("a name such as owner/name")
        if len(parts) > (2 if info.field_name == "id" else 1):
            raise mistake("a name such as owner/name" if info.field_name == "id" else "no slash")
        return value


class DataSpec(Spec):
    """Exactly one source, and which of its rows belong to the task."""

    hub: HubData | None = None
    files: dict[Split, Pattern] | None = Field(default=None, validate_default=True)
    """Our split -> a file. Relative names start from the folder above `tasks/` for a task in a
    folder of that name, else from the YAML file's own folder (`load.data_root`)."""
    where: dict[Filled, Pattern] = Field(default_factory=dict)
    """Only rows whose column equals the text count."""

    _root: Path = PrivateAttr(default=Path())

    def model_post_init(self, context: Any) -> None:
        """Remember where relative files start; `load_yaml` passes it on."""
        self._root = (context or {}).get("root", Path())

    def file_for(self, split: Split, language: str) -> Path | None:
        """The file with a split of a language; None if the task names none for the split."""
        pattern = (self.files or {}).get(split)
        return None if pattern is None else self._root / fill(pattern, language)

    @field_validator("files")
    @classmethod
    def _one_of_two(
        cls, files: dict[Split, str] | None, info: ValidationInfo
    ) -> dict[Split, str] | None:
        if "hub" not in info.data:  # already a problem
            return files
        if files is not None and info.data["hub"] is not None:
            raise mistake("either `hub` or `files`, not both")
        if not files and info.data["hub"] is None:
            raise mistake("a file for a split" if files is not None else "this key or `hub`")
        return files

    def canonical(self) -> dict[str, Json]:
        """See `Spec.canonical`. Of the files only which splits there are: contents are hashed."""
        files: Json = None if self.files is None else [*sorted(self.files)]
        return {**super().canonical(), "files": files}
