"""Models: one that exists, a small new one made from raw text, or one that translates.

    models:
      - {name: xlmr-large, path: FacebookAI/xlm-roberta-large}
      - {name: micro-encoder, path: micro:encoder}
      - {name: new-causal, new: {architecture: causal, languages: [en, de, ru]}}

How a model is told to translate is one YAML file for a family of models: what differs between mT5,
NLLB, M2M-100 and an instruct model is said there and nowhere else. It ships with the program in
`prompts/translators/` or lies in that folder of the working directory.

    translator: nllb
    input: "{{ text }}"
    source_code: eng_Latn
    forced_bos: {de: deu_Latn, ru: rus_Cyrl, sw: swh_Latn}
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from t2t_xfer.errors import SpecError, UserError, nearest
from t2t_xfer.paths import advice, expanded, is_dir, outside, path_problem
from t2t_xfer.records import ArchitectureName, Json
from t2t_xfer.specs.base import (
    Count,
    Filled,
    LanguageCode,
    Name,
    Seed,
    Several,
    Spec,
    TaskName,
    Text,
    Truth,
    mistake,
)
from t2t_xfer.specs.data import Revision
from t2t_xfer.specs.load import load_yaml
from t2t_xfer.specs.prompt import Wording
from t2t_xfer.specs.training import Overrides

MOST_NEW = {"vocabulary": 1_000_000, "hidden": 4096, "layers": 100, "text_lines": 10_000_000}
"""What a new model is made of at most; of all together see `MOST_WEIGHTS`."""
MOST_WEIGHTS = 2_000_000_000
"""8 GB in float32, four times that in training."""


def _no_home(path: str) -> str:
    """What is wrong with the `~` of a path; empty if nothing is."""
    try:
        expanded(path)
    except UserError as error:
        return str(error)
    return ""


class NewModel(Spec):
    """A model with random weights and a tokenizer trained on raw text."""

    architecture: ArchitectureName
    languages: Several[LanguageCode]
    """Whose raw text the tokenizer is trained on."""
    vocabulary: Count = 8192
    """Tokens."""
    hidden: Count = 128
    """Width of the layers."""
    layers: Count = 2
    heads: Count = Field(default=4, validate_default=True)
    seed: Seed = 0
    """Of the random weights."""
    text_lines: Count = 2000
    """Lines of raw text for each language."""

    @field_validator("vocabulary", "hidden", "layers", "text_lines")
    @classmethod
    def _bounded(cls, value: int, info: ValidationInfo) -> int:
        most = MOST_NEW[str(info.field_name)]
        if value > most:
            raise mistake(f"at most {most}: new models are small ones, made on the spot")
        return value

    @field_validator("heads")
    @classmethod
    def _divides_hidden(cls, heads: int, info: ValidationInfo) -> int:
        hidden = info.data.get("hidden", heads)
        if hidden % heads:
            raise mistake(f"a divisor of hidden ({hidden})")
        size = hidden * (info.data.get("vocabulary", 0) + 12 * hidden * info.data.get("layers", 0))
        if size > MOST_WEIGHTS:
            raise mistake(f"a model of at most {MOST_WEIGHTS} weights; this one has {size}")
        return heads


class ModelSpec(Spec):
    """One model of a study."""

    not_identity: ClassVar[frozenset[str]] = frozenset({"name", "training", "task_training"})

    name: Name
    """What reports call it."""
    path: Filled | None = None
    """A model of the hub (`owner/name`), a local folder, or a micro model that travels with the
    package (`micro:encoder`, `micro:seq2seq`, `micro:causal`)."""
    revision: Revision | None = None
    """A commit or tag of the hub."""
    new: NewModel | None = Field(default=None, validate_default=True)
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the weights in training and in evaluation. Never float16: mT5 overflows in it."""
    training: Overrides = Field(default_factory=dict)
    """Settings of `TrainingSpec` for this model, over those of the study."""
    task_training: dict[TaskName, Overrides] = Field(default_factory=dict)
    """The same by the task that is trained on, over everything else."""

    @property
    def is_local(self) -> bool:
        """Whether `path` is a folder of this machine rather than a name of the hub."""
        if self.path is None:
            return False
        return self.path.startswith(("/", ".", "~")) or is_dir(Path(self.path))

    def canonical(self) -> dict[str, Json]:
        """See `Spec.canonical`. A local folder is left out: hash what it holds beside this."""
        plain = super().canonical()
        return {**plain, "path": None} if self.is_local else plain

    @field_validator("path")
    @classmethod
    def _may_be_read(cls, path: str | None, info: ValidationInfo) -> str | None:
        root: Path | None = (info.context or {}).get("root")
        if path is None:
            return None
        if "://" in path:  # may hold a password, and would stand in records
            raise mistake("a folder, or a name such as owner/name, not an address")
        if problem := path_problem(path):
            raise mistake(f"a folder, or a name such as owner/name, but this {problem}")
        local = path.startswith(("/", ".", "~")) or is_dir(Path(path))
        if local and (problem := _no_home(path)):
            raise mistake("a folder of this machine", hint=problem)
        problem = outside(Path(path), root) if local and root is not None else ""
        if problem:
            raise mistake(f"a path inside its folder, but this {problem}", hint=advice(Path(path)))
        return path

    @field_validator("revision")
    @classmethod
    def _of_a_path(cls, revision: str | None, info: ValidationInfo) -> str | None:
        if revision is not None and info.data.get("path", "") is None:
            raise mistake("no revision without a path")
        return revision

    @field_validator("new")
    @classmethod
    def _one_of_two(cls, new: NewModel | None, info: ValidationInfo) -> NewModel | None:
        if "path" not in info.data:  # already a problem
            return new
        if (new is None) == (info.data["path"] is None):
            raise mistake(
                "this key or `path`" if new is None else "either `path` or `new`, not both"
            )
        return new


FOLDER = Path("prompts", "translators")


def _two_marks(marks: tuple[str, ...]) -> tuple[str, ...]:
    if len(marks) != 2:
        raise mistake("two marks: what stands before the answer and what stands behind it")
    return marks


class TranslatorSpec(Spec):
    """What `prompts/translators/<name>.yaml` says."""

    name_key: ClassVar[str] = "translator"
    not_identity: ClassVar[frozenset[str]] = frozenset({"translator", "note"})

    translator: Name
    """The file's stem."""
    input: Wording = "{{ text }}"
    """The template of what the model reads: `text`, `language` (its English name), `code` (two
    letters) and `iso3` of the language to translate to."""
    chat: Truth = False
    """The input is a user's message in the tokenizer's own chat template."""
    source_code: Text | None = None
    """What the tokenizer calls the source language (`src_lang`). None: as it is saved."""
    forced_bos: dict[LanguageCode, Filled] = Field(default_factory=dict)
    """Language -> the token that the translation begins with (NLLB, M2M-100, mBART-50). Empty: the
    input alone says the language."""
    until: Text | None = None
    """Where a translation ends for a model that would go on writing: mostly a line break."""
    sentences: Truth = False
    """Every sentence alone, for models that were trained on sentences. Else every line."""
    marks: Annotated[tuple[Filled, ...], AfterValidator(_two_marks)] = ("[", "]")
    """Stand around an answer while its context is translated (`translate/rows.py`)."""
    beams: Count = 1
    """1: greedy decoding; more: beam search."""
    max_input_tokens: Count = 512
    """Rows with a longer text are dropped and counted; nothing is shortened."""
    max_new_tokens: Count = 512
    """Rows with a translation that does not end before are dropped and counted."""
    note: Text = ""

    def token_for(self, code: str) -> str | None:
        """The token that a translation to a language begins with; None if none is forced.

        Raises:
            UserError: the file names tokens, but none for this language.
        """
        if self.forced_bos and code not in self.forced_bos:
            raise UserError(
                f"--to {code}: the translator {self.translator!r} names no token for this language."
                f" It has: {', '.join(sorted(self.forced_bos))}."
            )
        return self.forced_bos.get(code)


def load_translator(roots: Sequence[Path], name_or_path: str) -> TranslatorSpec:
    """A translator from its file, or by its name in `prompts/translators/` below one of the roots.

    Raises:
        SpecError: no such translator (names the nearest), or what is wrong in its file.
    """
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        return load_yaml(path, TranslatorSpec)
    files = [file for root in roots for file in sorted((root / FOLDER).glob("*.yaml"))]
    for file in files:
        if file.stem == name_or_path:
            return load_yaml(file, TranslatorSpec)
    names = sorted({file.stem for file in files})
    raise SpecError(
        f"unknown translator {name_or_path!r}.{nearest(name_or_path, names)} There are:"
        f" {', '.join(names) or 'none'}; or give a YAML file of your own (docs/translate.md)."
    )
