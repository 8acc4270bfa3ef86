"""Where rows and raw text come from: data sets of the hub, files of the user's own, or several.

The rule: our split names are `train`, `validation` and `test`; the source's names stand beside
them. `{language}`, `{language_name}`, `{language_name_lower}` and `{iso3}` in a configuration, a
file name or a filter become the language that is read.

    data: {hub: {id: facebook/xnli, config: "{language}"}}
    data: {files: {train: data/reviews.en.jsonl, test: "data/reviews.{language}.jsonl"}}
    data: {parts: [{name: mnli, hub: {id: nyu-mll/glue, config: mnli}}, {name: own, files: {…}}]}

Raw text is learnt from beside a task, by the model's own pretraining objective. Without `files` and
`hub` it is the raw text that `--data` offers: a mirror's `rawtext/de.txt`, the microworld's.

    text: {languages: [de, ru], files: "wiki/{language}.txt", rate: 0.1}
    text: {languages: [de], hub: {id: wikimedia/wikipedia, config: "20231101.{language}"}}

Mining: pairs of sentences that mean the same, hidden in two pools with many that have none.

The rule: the rows of a split are its gold pairs (`pair_fields` names their columns, ids both), and
this section names the two pools that belong to the split. Hub splits stand beside `data: hub`,
files beside `data: files`, in BUCC's own format or any other.

    data: {hub: {id: bucc2018, config: "{language}-en", splits: {test: gold}}}
    id_field: id
    pair_fields: [source_id, target_id]
    mining:
      test: {foreign: source_pool, english: target_pool}
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    Strict,
    ValidationInfo,
    field_validator,
)

from t2t_xfer.errors import UserError
from t2t_xfer.languages import fill, holds_language
from t2t_xfer.paths import advice, expanded, name_problem, outside, path_problem
from t2t_xfer.records import Json, Split
from t2t_xfer.specs.base import (
    ONE_TEXT,
    Count,
    Filled,
    LanguageCode,
    Name,
    Once,
    Pattern,
    Several,
    Spec,
    Text,
    Truth,
    Whole,
    distinct,
    mistake,
)

Conllu: TypeAlias = Literal["words", "xtreme"]
Tsv: TypeAlias = Literal["plain", "quoted"]


def inside(name: str, info: ValidationInfo) -> str:
    """Refuse a file that lies where the YAML file may not read (`paths.py`)."""
    context = info.context or {}
    root: Path | None = None if context.get("checked") else context.get("root")
    if problem := path_problem(name):
        raise mistake(f"a path, but this {problem}")
    try:
        path = expanded(name)
    except UserError as error:
        raise mistake("a path of this machine", hint=str(error)) from error
    problem = "" if root is None else outside(root / path, root)
    if problem:
        assert root is not None
        raise mistake(f"a path inside its folder, but this {problem}", hint=advice(root / name))
    return name


def _raw_value(value: object) -> object:
    if value is None or isinstance(value, str | int | bool):
        return value
    raise mistake("the value as the data has it: text, a whole number, true or false")


RawValue = Annotated[Text | Whole | Truth, BeforeValidator(_raw_value)]
"""A label's value as the data has it."""


def one_name(name: str) -> str:
    """Refuse what is no name of a split: a mirror's files are called so."""
    if problem := name_problem(name):
        raise mistake(problem)
    return name


def revision_name(name: str) -> str:
    """Refuse what is no name of a revision: the hub's cache keeps files of this name."""
    if problem := name_problem(name, slashes=5):
        raise mistake(problem)
    return name


Revision = Annotated[Text, AfterValidator(revision_name)]
FilePattern = Annotated[Pattern, AfterValidator(inside)]
Files: TypeAlias = dict[Split, FilePattern]
HubSplits = Annotated[Several[Annotated[Filled, AfterValidator(one_name)]], ONE_TEXT]


class HubData(Spec):
    """A data set of the Hugging Face hub (or of a mirror with the same layout)."""

    not_identity: ClassVar[frozenset[str]] = frozenset({"unhosted"})

    id: Filled
    """`owner/name`."""
    config: Pattern = "default"
    revision: Revision | None = None
    """A commit or tag of the hub. None: the newest."""
    splits: dict[Split, HubSplits] = Field(default_factory=dict)
    """Our split -> the hub's, where the names differ. Of a list, one is read after the other."""
    unhosted: Filled | None = None
    """Why the hub itself does not have it, and what to put where. Mirrors may have it."""

    def config_for(self, language: str) -> str:
        """The configuration that holds a language."""
        return fill(self.config, language)

    def splits_for(self, split: Split) -> tuple[str, ...]:
        """The hub's names of one of our splits; none if it is another one's already.

        XQuAD is tested on the hub's `validation`, so it has no validation rows beside them.
        """
        if split in self.splits:
            return self.splits[split]
        taken = {name for names in self.splits.values() for name in names}
        return () if split in taken else (split,)

    @field_validator("id", "config")
    @classmethod
    def _inside_the_mirror(cls, value: str, info: ValidationInfo) -> str:
        # A mirror's folders have these names.
        if problem := name_problem(value, slashes=int(info.field_name == "id")):
            raise mistake(
                problem, hint="For example owner/name." if info.field_name == "id" else ""
            )
        return value


class PartSpec(Spec):
    """One source of rows, and what it calls the task's columns and labels."""

    name: Name
    """Stands in the ids of its rows, so that these differ between the parts."""
    hub: HubData | None = None
    files: Files | None = Field(default=None, validate_default=True)
    where: dict[Filled, Pattern] = Field(default_factory=dict)
    where_prefix: dict[Filled, Pattern] = Field(default_factory=dict)
    conllu: Conllu = "words"
    tsv: Tsv = "plain"
    columns: dict[Filled, Filled] = Field(default_factory=dict)
    """The task's column -> this part's, where the names differ. Filters name the part's own."""
    labels: dict[Filled, RawValue] = Field(default_factory=dict)
    """Label -> its raw value in this part, where the values differ."""

    _root: Path = PrivateAttr(default=Path())

    def model_post_init(self, context: Any) -> None:
        """Remember where relative files start; `load_yaml` passes it on."""
        self._root = (context or {}).get("root", Path())

    @property
    def root(self) -> Path:
        """The folder that relative files start from."""
        return self._root

    def file_for(self, split: Split, language: str) -> Path | None:
        """The file with a split of a language, a pattern if it holds `*`; None if the part names
        none for the split."""
        pattern = (self.files or {}).get(split)
        return None if pattern is None else self._root / fill(pattern, language)

    @property
    def is_filtered(self) -> bool:
        """Whether some rows may not count."""
        return bool(self.where or self.where_prefix)

    def filters(self, language: str) -> tuple[dict[str, str], dict[str, str]]:
        """`where` and `where_prefix` of a language: column -> text."""
        exact, start = (
            {column: fill(text, language) for column, text in each.items()}
            for each in (self.where, self.where_prefix)
        )
        return exact, start

    def patterns(self, split: Split | None = None) -> list[str]:
        """What may name the language: for one split, or for all that are tested or tuned on."""
        names = [*self.where.values(), *self.where_prefix.values()]
        if self.hub is not None:
            return [*names, self.hub.config]
        files = self.files or {}
        return names + [files[s] for s in files if (s == split if split else s != "train")]

    @field_validator("files")
    @classmethod
    def _one_of_two(cls, files: Files | None, info: ValidationInfo) -> Files | None:
        return _only_source(files, info, ("hub",))

    def canonical(self) -> dict[str, Json]:
        """See `Spec.canonical`. Of the files only which splits there are: contents are hashed."""
        return {**super().canonical(), "files": _splits_of(self.files)}


def _named(parts: tuple[PartSpec, ...]) -> tuple[PartSpec, ...]:
    distinct(tuple(part.name for part in parts), "another name for each part")
    return parts


class DataSpec(Spec):
    """Exactly one of `hub`, `parts` and `files`, and which of the rows belong to the task."""

    hub: HubData | None = None
    parts: Annotated[tuple[PartSpec, ...], AfterValidator(_named)] = ()
    """Several sources, one after the other in every split. All of them must be there."""
    files: Files | None = Field(default=None, validate_default=True)
    """Our split -> a file, or with `*` all files that match, in the order of their names.
    Relative names start from the folder above `tasks/` for a task in a folder of that name, else
    from the YAML file's own folder (`load.data_root`)."""
    where: dict[Filled, Pattern] = Field(default_factory=dict)
    """Only rows whose column equals the text count."""
    where_prefix: dict[Filled, Pattern] = Field(default_factory=dict)
    """Only rows whose column begins with the text count."""
    conllu: Conllu = "words"
    """How `.conllu` files are read: their syntactic words, or as XTREME makes its `udpos` of them
    (docs/udpos.md)."""
    tsv: Tsv = "plain"
    """How `.tsv` files are read: a quotation mark is text, as in GLUE, XNLI and PAWS-X; or
    `quoted`: cells may stand between quotation marks, as pandas and spreadsheets write them."""

    _root: Path = PrivateAttr(default=Path())

    def model_post_init(self, context: Any) -> None:
        """Remember where relative files start; `load_yaml` passes it on."""
        self._root = (context or {}).get("root", Path())

    @property
    def sources(self) -> tuple[PartSpec, ...]:
        """The parts; of a task with one source that one, under the name `data`."""
        if self.parts:
            return self.parts
        shared = ("hub", "files", "where", "where_prefix", "conllu", "tsv")
        stated = {"name": "data", **{key: getattr(self, key) for key in shared}}
        return (PartSpec.model_validate(stated, context={"root": self._root, "checked": True}),)

    def tells_languages_apart(self) -> bool:
        """Whether every source names the language that is tested."""
        return all(any(map(holds_language, part.patterns())) for part in self.sources)

    @field_validator("files")
    @classmethod
    def _one_of_three(cls, files: Files | None, info: ValidationInfo) -> Files | None:
        return _only_source(files, info, ("hub", "parts"))

    @field_validator("where", "where_prefix", "conllu", "tsv")
    @classmethod
    def _of_one_source(cls, value: Any, info: ValidationInfo) -> Any:
        if info.data.get("parts") and value:
            raise mistake("nothing here, because each of the `parts` has its own")
        return value

    def canonical(self) -> dict[str, Json]:
        """See `Spec.canonical`. Of the files only which splits there are: contents are hashed."""
        return {**super().canonical(), "files": _splits_of(self.files)}


def _only_source(
    files: Files | None, info: ValidationInfo, others: tuple[str, ...]
) -> Files | None:
    """Refuses none and more than one of `files` and the keys above it."""
    if any(other not in info.data for other in others):  # already a problem
        return files
    given = [other for other in others if info.data[other]]
    if len(given) + (files is not None) > 1:
        raise mistake("either `hub` or `files`, not both")
    if not files and not given:
        raise mistake("a file for a split" if files is not None else "this key or `hub`")
    return files


def _splits_of(files: Mapping[Split, str] | None) -> Json:
    return None if files is None else [*sorted(files)]


ANY = ""
"""The language of files that are not told apart by language."""


_Files = Annotated[Several[FilePattern], ONE_TEXT]


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
    languages: Once[LanguageCode] = Field(default=(), validate_default=True)
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


class PoolsSpec(Spec):
    """The two pools of a split: splits of the hub's data set, or files."""

    foreign: Pattern
    """Sentences in the language that is tested; an example each."""
    english: Pattern
    """Sentences in the source language, which are searched."""


class MiningSpec(Spec):
    """How pairs are mined, as XTREME mines BUCC: margin of 4 neighbours, one partner each."""

    not_identity: ClassVar[frozenset[str]] = frozenset({"validation", "test", "memory_mib"})
    # The pools count by their content.

    validation: PoolsSpec | None = None
    """Pools of the set that the threshold is chosen on (BUCC's sample set)."""
    test: PoolsSpec | None = Field(None, validate_default=True)
    """Pools of the set that is scored (BUCC's training set, as in XTREME)."""
    sentence_field: Filled = "sentence"
    """The column of the pools with the sentence. `id_field` names the one with its id."""
    neighbours: Count = 4
    """How many neighbours on each side the margin compares with."""
    memory_mib: Count = 512
    """What the search may take beside the vectors, in MiB. Changes no result."""

    _root: Path = PrivateAttr(default=Path())

    def model_post_init(self, context: Any) -> None:
        """Remember where relative files start, as `DataSpec` does."""
        self._root = (context or {}).get("root", Path())

    def pools(self, split: Split) -> PoolsSpec | None:
        """The pools of a split; None if the task names none."""
        if split == "train":
            return None
        return self.validation if split == "validation" else self.test

    def file(self, pattern: str, language: str) -> Path:
        """The file with a pool of a language."""
        return self._root / fill(pattern, language)

    @field_validator("test")
    @classmethod
    def _needed(cls, pools: PoolsSpec | None, info: ValidationInfo) -> PoolsSpec | None:
        if pools is None:
            raise mistake("the pools of the test split: `{foreign: …, english: …}`")
        return pools


def checked_mining(mining: MiningSpec | None, info: ValidationInfo) -> MiningSpec | None:
    """The section `mining` of a task, which the keys above it must fit (`TaskSpec`)."""
    above = info.data
    if mining is None or "answer" not in above or "data" not in above:
        return mining
    if not above.get("id_field"):
        raise mistake("`id_field` above: the column of the pools with a sentence's id")
    data = above["data"]
    for pools in (mining.validation, mining.test):
        for pool in (pools.foreign, pools.english) if pools else ():
            if data.hub is None:
                inside(pool, info)
            else:
                one_name(pool)
    if data.parts:
        raise mistake("no `parts` in `data`: gold pairs and pools are one set")
    if data.where or data.where_prefix:
        raise mistake("no `where` in `data`: pools are whole")
    if data.hub is not None and data.hub.id in GOLD_ONLY:
        raise mistake(
            f"another data set than {data.hub.id}, which holds the gold pairs of BUCC without the"
            " sentences that have none: finding those pairs is far easier than BUCC"
        )
    return mining


GOLD_ONLY = frozenset({"google/xtreme", "mteb/bucc-bitext-mining"})
"""Hub data sets that look like BUCC and cannot give its numbers."""
