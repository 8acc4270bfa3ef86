"""Claims: statements about the changes of a study that its numbers can support or contradict.

The rule: a statement is data, never code. It names cells by intermediate, target, language and
model, and a bound in points; report/claims.py gives the verdict. docs/claims.md has every key.

claims: mine
statements:
  - claim: mnli-helps
    text: MNLI before the target raises the zero-shot score of each target.
    source: our guess of last spring
    change: {intermediate: mnli, target: all}
    above: 0
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    Discriminator,
    Strict,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from t2t_xfer.specs.base import (
    ONE_TEXT,
    Filled,
    LanguageCode,
    Name,
    NotNegative,
    Positive,
    Several,
    Spec,
    T,
    TaskName,
    Text,
    Truth,
    distinct,
    mistake,
    some,
)

ALL = "all"
"""Each of the study (or, of targets, of the claims file): as many parts."""
ALONE = "alone"
"""Each intermediate that is one task and no mixture: as many parts."""
AVERAGE = "average"
"""The mean over all targets, or over the intermediates that are one task: one part."""
REST = "rest"
"""In `second`: each that `first` does not name."""
BOUNDS = ("above", "below", "within", "outside")
FORMS = ("change", "difference", "best")


def _keywords_stand_alone(values: tuple[str, ...]) -> tuple[str, ...]:
    for word in (ALL, ALONE, AVERAGE, REST):
        if word in values and len(values) > 1:
            raise mistake(f"names, or {word!r} without anything beside it")
    return values


def _known(
    values: tuple[str, ...], info: ValidationInfo, words: tuple[str, ...]
) -> tuple[str, ...]:
    tasks = (info.context or {}).get("tasks")
    for value in values:
        for task in value.split("+"):
            if value not in words and tasks is not None and task not in (*tasks, "text"):
                listed = ", ".join(words)
                raise mistake(f"names of tasks, or one of {listed}; not {task!r}", [*words, *tasks])
    return values


def _known_intermediates(values: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    if "none" in values:
        raise mistake("intermediate tasks; every change is one from `none` already")
    return _known(values, info, (ALL, ALONE, AVERAGE, REST))


def _known_targets(values: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    return _known(values, info, (ALL, AVERAGE, REST))


_Words = Annotated[Several[T], ONE_TEXT, AfterValidator(_keywords_stand_alone)]
_Models = _Words[Text]
_Intermediates = Annotated[_Words[Text], AfterValidator(_known_intermediates)]
_Targets = Annotated[_Words[Text], AfterValidator(_known_targets)]
_Architectures = _Words[Literal["encoder", "seq2seq", "causal", "all"]]
_Languages = Annotated[
    Annotated[Several[LanguageCode], Tag("list")]
    | Annotated[Literal["others", "all", "source"], Tag("word")],
    Discriminator(lambda value: "list" if isinstance(value, list | tuple) else "word"),
]


class Side(Spec):
    """Cells whose change from `none` is meant. A list of names has as many parts."""

    intermediate: _Intermediates | None = None
    """As tables name them: `mnli`, `mnli+squad_v1` (in any order); or a keyword of this module."""
    target: _Targets | None = None
    languages: _Languages | None = None
    """The mean is over these. `others`, unless stated: the zero-shot ones."""
    architecture: _Architectures | None = None
    """The mean over the models of each. None: the mean over all models of the study."""
    model: _Models | None = None
    """As the study names them; `all`: each."""
    translated: Truth | None = None
    """Translate-train cells count here, which are left out everywhere else."""

    @model_validator(mode="after")
    def _models_once(self) -> Self:
        if self.architecture is not None and self.model is not None:
            raise mistake("`architecture` or `model`, not both")
        return self

    def has_keyword(self) -> bool:
        """Whether intermediates or targets are meant without being named."""
        return bool(
            {ALL, ALONE, AVERAGE, REST} & {*(self.intermediate or ()), *(self.target or ())}
        )


class Where(Side):
    """A side that says what was trained on and what was tested."""

    intermediate: _Intermediates
    target: _Targets

    @model_validator(mode="after")
    def _nothing_before(self) -> Self:
        for key in ("intermediate", "target"):
            if REST in getattr(self, key):
                raise mistake(f"`{REST}` only in `second`; in {key} nothing stands before it")
        return self


class Difference(Spec):
    """The change on one side minus that on the other, on cells that both sides have."""

    first: Where
    second: Side
    """What it does not say is as in `first`."""

    @field_validator("second")
    @classmethod
    def _something_differs(cls, second: Side) -> Side:
        if not second.model_fields_set:
            raise mistake("at least one key that differs from `first`")
        return second


class Statement(Spec):
    """One claim: a form (`change`, `difference` or `best`) and a bound in points."""

    claim: Name
    """Names the claim in reports; each once in a file."""
    text: Filled
    """The claim in words."""
    source: Filled
    """Who says so, and where."""
    published: Filled | None = None
    """The published value, as its source has it."""
    change: Where | None = None
    """The change from no intermediate training."""
    difference: Difference | None = None
    best: Where | None = None
    """The change of the best of these intermediates, chosen for each target and model."""
    above: Annotated[float, Strict()] | None = None
    below: Annotated[float, Strict()] | None = None
    within: Positive | None = None
    """Nearer to 0 than this many points."""
    outside: NotNegative | None = None
    """Farther from 0 than this many points, in either direction."""
    holds_for: Literal["each", "most", "any"] = "each"
    """Of how many of its parts the statement speaks; `most`: more than half."""

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        for keys, what in ((FORMS, "what changes"), (BOUNDS, "the bound in points")):
            stated = [key for key in keys if getattr(self, key) is not None]
            if len(stated) != 1:
                known = ", ".join(keys)
                found = " and ".join(stated) or "none"
                raise mistake(f"exactly one of {known} ({what}) in {self.claim!r}, not {found}")
        return self

    @field_validator("best")
    @classmethod
    def _several_to_choose_from(cls, best: Where | None) -> Where | None:
        if best is None:
            return best
        if best.intermediate == (AVERAGE,) or (
            len(best.intermediate) == 1 and best.intermediate[0] not in (ALL, ALONE)
        ):
            raise mistake(f"several intermediates to choose from, or `{ALL}`, or `{ALONE}`")
        return best

    @property
    def bound(self) -> tuple[str, float]:
        """The bound's kind and its value in points."""
        return next((key, value) for key in BOUNDS if (value := getattr(self, key)) is not None)


class ClaimsSpec(Spec):
    """What a claims file says."""

    name_key: ClassVar[str] = "claims"

    claims: Name
    """The file's stem."""
    about: Text = ""
    """Whose claims these are."""
    targets: Several[TaskName] | None = None
    """The targets behind `average` and `all`; a study without one of them cannot test such a
    statement. None: those of the study."""
    statements: Annotated[tuple[Statement, ...], AfterValidator(some)]

    @field_validator("statements")
    @classmethod
    def _different_names(cls, statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
        distinct(tuple(each.claim for each in statements), "another name for each claim")
        return statements
