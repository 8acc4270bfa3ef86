"""A study: models × intermediate tasks × target tasks × seeds, and how everything is trained.

    study: architecture
    models: [{name: xlmr, path: FacebookAI/xlm-roberta-large}, {name: mt5, path: google/mt5-large}]
    intermediates: [none, mnli]
    targets: [xnli, paws_x, udpos]
    seeds: [0, 1, 2]
    exclude: [{model: mt5, target: [paws_x, udpos]}, {intermediate: mnli, seed: 2}]
    training: {learning_rate: 1e-5}
    task_training: {udpos: {epochs: 10}}

A cell is left out where every key of an entry of `exclude` holds; a list holds where one of its
items does. What only excluded cells need is not trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from t2t_xfer.errors import SpecError, nearest
from t2t_xfer.specs.base import (
    ONE_TEXT,
    RESERVED,
    Count,
    LanguageCode,
    Name,
    Once,
    Seed,
    Several,
    Spec,
    TaskName,
    Text,
    distinct,
    listed,
    mistake,
    some,
)
from t2t_xfer.specs.data import TextSpec
from t2t_xfer.specs.load import expected_words
from t2t_xfer.specs.model import ModelSpec
from t2t_xfer.specs.training import Overrides, TrainingSpec, merge

_Texts = Annotated[Several[Text], ONE_TEXT]
_Seeds = Annotated[
    Several[Seed], BeforeValidator(listed, json_schema_input_type=int | tuple[int, ...])
]


class ExcludeSpec(Spec):
    """One entry of `exclude`. A key that is absent holds for every cell."""

    model: _Texts | None = None
    intermediate: _Texts | None = None
    """As tables name it: `none`, `mnli`, `mnli+squad_v1`."""
    target: _Texts | None = None
    seed: _Seeds | None = None

    @model_validator(mode="after")
    def _some_key(self) -> Self:
        if not self.named():
            raise mistake("at least one of the keys model, intermediate, target and seed")
        return self

    def named(self) -> dict[str, tuple[str | int, ...]]:
        """The values of each key that stands there."""
        found = {key: getattr(self, key) for key in type(self).model_fields}
        return {key: values for key, values in found.items() if values is not None}

    def holds(self, cell: Mapping[str, str | int]) -> bool:
        """Whether a cell with these values of the four keys is left out."""
        return all(cell[key] in values for key, values in self.named().items())


def check_excluded(
    entries: Sequence[ExcludeSpec], axes: Mapping[str, Sequence[str | int]]
) -> tuple[ExcludeSpec, ...]:
    """The entries, if all they name is in the study. `axes`: those keys that had no problem.

    Raises:
        PydanticCustomError: a value that its axis does not have; or no cell is left.
    """
    for entry in entries:
        for key, values in entry.named().items():
            for value in values:
                if key in axes and value not in axes[key]:
                    article = "an" if key == "intermediate" else "a"
                    words = f"{article} {key} of this study, not {value!r}"
                    known = [str(each) for each in axes[key]]
                    raise mistake(words, hint=nearest(str(value), known).strip())
    whole = len(axes) == len(ExcludeSpec.model_fields)
    cells = (dict(zip(axes, values, strict=True)) for values in product(*axes.values()))
    if whole and all(any(entry.holds(cell) for entry in entries) for cell in cells):
        raise mistake("entries that leave some cell of the study")
    return tuple(entries)


def _kind(value: Any) -> str | None:
    """Which form `languages` has, so that its problems are those of one form only."""
    if isinstance(value, list | tuple):
        return "list"
    return "mapping" if isinstance(value, dict) else None


_LanguageChoice = Annotated[
    Annotated[Several[LanguageCode], Tag("list")]
    | Annotated[dict[TaskName, Several[LanguageCode]], Tag("mapping")],
    Discriminator(_kind),
]


TestedSplit: TypeAlias = Literal["validation", "test"]


def _split_form(value: Any) -> str:
    return "mapping" if isinstance(value, dict) else "split"


_SplitChoice = Annotated[
    Annotated[TestedSplit, Tag("split")] | Annotated[dict[TaskName, TestedSplit], Tag("mapping")],
    Discriminator(_split_form),
]


TEXT = "text"
"""What raw text is called among the intermediates."""


def _one_or_several(value: Any) -> str:
    return "mixture" if isinstance(value, list | tuple) else "task"


def _mixed(tasks: tuple[str, ...]) -> tuple[str, ...]:
    if len(tasks) < 2 or "none" in tasks:
        raise mistake("two or more tasks (or one and `text`) in a mixture, 'none' not among them")
    return tasks


def _no_text_alone(name: str) -> str:
    if name == TEXT:
        raise mistake("a task beside raw text: `[mnli, text]`")
    return name


Intermediate = Annotated[
    Annotated[TaskName, AfterValidator(_no_text_alone), Tag("task")]
    | Annotated[Once[TaskName], AfterValidator(_mixed), Tag("mixture")],
    Discriminator(_one_or_several),
]
"""What is trained on before the target: a task, `none`, or a mixture of tasks in one stage. `text`
in a mixture is the study's raw text, learnt from by the model's own pretraining objective."""


def tasks_of(intermediate: str | tuple[str, ...]) -> tuple[str, ...]:
    """The tasks that are trained on together, `text` among them; none for `none`."""
    if isinstance(intermediate, str):
        return () if intermediate == "none" else (intermediate,)
    return intermediate


def intermediate_name(intermediate: str | tuple[str, ...]) -> str:
    """As tables name it: `mnli`, `none`, `mnli+squad_v1`."""
    return "+".join(tasks_of(intermediate)) or "none"


class LimitSpec(Spec):
    """At most so many rows of a split, the same ones in every language. None: all."""

    train: Count | None = None
    validation: Count | None = None
    test: Count | None = None


class StudySpec(Spec):
    """What a study file says."""

    name_key: ClassVar[str] = "study"

    study: Name
    """The file's stem."""
    models: Annotated[tuple[ModelSpec, ...], AfterValidator(some)]
    intermediates: Several[Intermediate] = ("none",)
    """Tasks trained on before the target task; `none` is the baseline without. A list inside the
    list is a mixture: `[none, mnli, [mnli, squad_v1]]`."""
    text: TextSpec | None = Field(default=None, validate_default=True)
    """What `text` is in an intermediate such as `[mnli, text]`: co-training on raw text."""
    targets: Several[TaskName]
    languages: _LanguageChoice | None = None
    """The languages to test: for every task (those it has), or by task. None: all it has."""
    seeds: Several[Seed] = (0,)
    exclude: tuple[ExcludeSpec, ...] = ()
    """Cells that are left out: `[{model: mt5, target: [bucc, tatoeba]}]`."""
    training: TrainingSpec = TrainingSpec()
    task_training: dict[TaskName, Overrides] = Field(default_factory=dict)
    """Settings of `TrainingSpec` by the task that is trained on, over those of the model."""
    limit: LimitSpec = LimitSpec()
    split: _SplitChoice = "test"
    """The split that is tested, of all targets or by target (`{xnli: validation}`; `test` for those
    left out). Validation rows of a target language are scored and choose nothing; where those of
    the source language chose weights too (`select`), the report says so."""

    @field_validator("models")
    @classmethod
    def _different_names(cls, models: tuple[ModelSpec, ...]) -> tuple[ModelSpec, ...]:
        distinct(tuple(model.name for model in models), "another name for each model")
        return models

    @field_validator("text")
    @classmethod
    def _text_is_used(cls, text: TextSpec | None, info: ValidationInfo) -> TextSpec | None:
        intermediates = info.data.get("intermediates")
        if intermediates is None:  # already a problem
            return text
        used = any(TEXT in tasks_of(each) for each in intermediates)
        if used and text is None:
            raise mistake("this key, because `text` stands among the intermediates")
        if text is not None and not used:
            raise mistake("an intermediate with it, such as `[mnli, text]`")
        return text

    @field_validator("targets")
    @classmethod
    def _real_targets(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in RESERVED:
            if name in names:
                raise mistake(f"tasks to test; {name!r} can only be an intermediate")
        return names

    @field_validator("exclude")
    @classmethod
    def _excludes_what_is_there(
        cls, entries: tuple[ExcludeSpec, ...], info: ValidationInfo
    ) -> tuple[ExcludeSpec, ...]:
        given = info.data
        axes: dict[str, Sequence[str | int]] = {}
        if "models" in given:
            axes["model"] = [model.name for model in given["models"]]
        if "intermediates" in given:
            axes["intermediate"] = [intermediate_name(each) for each in given["intermediates"]]
        axes |= {key: given[f"{key}s"] for key in ("target", "seed") if f"{key}s" in given}
        return check_excluded(entries, axes)

    @field_validator("split")
    @classmethod
    def _splits_of_targets(cls, split: Any, info: ValidationInfo) -> Any:
        for name in split if isinstance(split, dict) else ():
            if name not in info.data.get("targets", (name,)):
                raise mistake(f"targets of the study, not {name!r}", info.data["targets"])
        return split

    def split_of(self, target: str) -> TestedSplit:
        """The split that a target is tested on."""
        if isinstance(self.split, dict):
            return self.split.get(target, "test")
        return self.split

    def includes(
        self, model: str, seed: int, intermediate: str | tuple[str, ...], target: str
    ) -> bool:
        """Whether the study has these cells, or `exclude` leaves them out."""
        cell: dict[str, str | int] = {
            "model": model,
            "intermediate": intermediate_name(intermediate),
            "target": target,
            "seed": seed,
        }
        return not any(entry.holds(cell) for entry in self.exclude)

    @model_validator(mode="after")
    def _settings_fit_together(self) -> Self:
        for model in self.models:
            for task in ("", *self.task_training, *model.task_training):
                try:
                    training_for(self, model, task)
                except SpecError as e:
                    raise mistake(f"settings that fit together: {e}") from e
        return self


def training_for(study: StudySpec, model: ModelSpec, task_name: str) -> TrainingSpec:
    """How a model of the study is trained on a task: study, model, task, and then task of the
    model decide.

    Raises:
        SpecError: settings that do not fit together; names model, task and key.
    """
    training = study.training
    by_task = (each.get(task_name, {}) for each in (study.task_training, model.task_training))
    for overrides in (model.training, *by_task):
        try:
            training = merge(training, overrides)
        except ValidationError as e:
            raise SpecError(
                f"study {study.study!r}, model {model.name!r}, task {task_name or 'any'!r}: "
                + "; ".join(
                    f"training.{'.'.join(map(str, each['loc']))}: expected {expected_words(each)}"
                    for each in e.errors(include_url=False)
                )
            ) from e
    return training
