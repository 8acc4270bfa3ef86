"""What every spec shares: frozen, no unknown keys, no silent change of a value's kind.

A spec is plain data that was checked at the border. Rules between keys are field validators that
read the keys above them, so that every problem of a file has its own place and all are reported
at once (`load.py`).

    class Limit(Spec):
        train: Count | None = None      # `train: "5"` and `train: true` are problems, not numbers
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, ClassVar, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from t2t_xfer.errors import nearest
from t2t_xfer.languages import LANGUAGES, PLACEHOLDERS, nearest_language, unknown_placeholders
from t2t_xfer.records import Json

T = TypeVar("T")


class Spec(BaseModel):
    """The base of every spec."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, str_strip_whitespace=False
    )

    name_key: ClassVar[str] = ""
    """The key that holds the file's own name, if there is one (`task`, `prompt`, `study`)."""
    not_identity: ClassVar[frozenset[str]] = frozenset()
    """Keys that change no result and so no content hash: comments, paths."""

    def canonical(self) -> dict[str, Json]:
        """The resolved spec with its defaults as plain JSON data, for content hashes.

        Without what cannot change a result (`not_identity`), here and in the specs inside.
        """
        dumped = self.model_dump(mode="json", exclude=set(self.not_identity))
        for key in dumped:
            dumped[key] = _canonical(getattr(self, key), dumped[key])
        return cast("dict[str, Json]", dumped)


def _canonical(value: object, dumped: Json) -> Json:
    if isinstance(value, Spec):
        return value.canonical()
    if isinstance(value, tuple) and isinstance(dumped, list):
        return [_canonical(item, plain) for item, plain in zip(value, dumped, strict=True)]
    if isinstance(value, dict) and isinstance(dumped, dict):
        return {key: _canonical(item, dumped[str(key)]) for key, item in value.items()}
    return dumped


def mistake(expected: str, choices: Iterable[str] = (), hint: str = "") -> PydanticCustomError:
    """The error of a validator: what was expected, in words that follow `expected …`.

    Args:
        expected: for example `a language code`.
        choices: known names, for `Did you mean`.
        hint: replaces `Did you mean` where the validator knows better.
    """
    context = {"expected": expected, "choices": list(choices), "hint": hint}
    return PydanticCustomError("spec", "expected {expected}", context)


def _checked(expected: str, holds: Callable[[Any], bool]) -> AfterValidator:
    def check(value: T) -> T:
        if not holds(value):
            raise mistake(expected)
        return value

    return AfterValidator(check)


def _known_language(code: str) -> str:
    if code not in LANGUAGES:
        raise mistake("the code of a language that XTREME has", hint=nearest_language(code).strip())
    return code


RESERVED = ("none", "text")
"""No tasks, though they may stand among the intermediates of a study: nothing, and raw text."""


def _known_task(name: str, info: ValidationInfo) -> str:
    """A task of the catalogue, where one was given as `context["tasks"]`."""
    tasks: Sequence[str] | None = (info.context or {}).get("tasks")
    if tasks is not None and name not in tasks and name not in RESERVED:
        raise mistake("the name of a task (see `t2t-xfer tasks ls`)", tasks)
    return name


def _known_placeholders(pattern: str) -> str:
    unknown = unknown_placeholders(pattern)
    if unknown:
        names = ", ".join("{" + name + "}" for name in PLACEHOLDERS)
        hint = nearest(unknown[0], PLACEHOLDERS).strip()
        raise mistake(f"nothing in braces but {names}", hint=hint)
    return pattern


def some(values: tuple[T, ...]) -> tuple[T, ...]:
    """Refuse an empty list. (`min_length` would also count the items that are wrong.)"""
    if not values:
        raise mistake("at least one item")
    return values


def distinct(values: tuple[T, ...], what: str = "each item once") -> tuple[T, ...]:
    """Refuse a list that names something twice."""
    for i, value in enumerate(values):
        if value in values[:i]:
            raise mistake(f"{what}, but {value!r} stands there twice")
    return values


def listed(value: object) -> object:
    """One value is a list of one."""
    return value if isinstance(value, list | tuple) else (value,)


Once = Annotated[tuple[T, ...], AfterValidator(distinct)]
"""A list that names nothing twice."""
Several = Annotated[tuple[T, ...], AfterValidator(some), AfterValidator(distinct)]
"""The same, and not empty."""
ONE_TEXT = BeforeValidator(listed, json_schema_input_type=str | tuple[str, ...])
"""Before `Several` texts: one may stand there without a list."""

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")
"""Names that can stand in a file name and in `model+task>task`."""
NAME_WORDS = "a name of letters, digits, '_', '-' and '.'"

Whole = Annotated[int, Strict()]
Truth = Annotated[bool, Strict()]
Text = Annotated[str, Strict()]
Filled = Annotated[
    str,
    Strict(),
    _checked("text that is not empty", lambda text: text.strip()),
    Field(json_schema_extra={"pattern": r"\S"}),
]
Count = Annotated[int, Strict(), Field(gt=0)]
Seed = Annotated[int, Strict(), Field(ge=0, lt=2**32)]
Positive = Annotated[float, Strict(), Field(gt=0)]
NotNegative = Annotated[float, Strict(), Field(ge=0)]
Share = Annotated[float, Strict(), Field(ge=0, le=1)]
Name = Annotated[
    str,
    Strict(),
    _checked(NAME_WORDS, lambda text: NAME_PATTERN.fullmatch(text) is not None),
    Field(json_schema_extra={"pattern": f"^{NAME_PATTERN.pattern}$"}),
]
Identifier = Annotated[
    str, Strict(), _checked("a name that a prompt can use", lambda text: text.isidentifier())
]
Pattern = Annotated[str, Strict(), AfterValidator(_known_placeholders)]
"""Text that may hold `{language}`, `{language_name}` and `{iso3}`."""
LanguageCode = Annotated[
    str,
    Strict(),
    AfterValidator(_known_language),
    Field(json_schema_extra={"enum": [*LANGUAGES]}),
]
TaskName = Annotated[Name, AfterValidator(_known_task)]
