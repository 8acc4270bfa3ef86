"""Which cells of a study's grid are left out.

exclude:
  - {model: qwen3-0.6b, target: [bucc, tatoeba]}    # these two targets for this model
  - {intermediate: ccg, seed: 2}                    # one seed less for CCG

A cell is left out where every key of an entry holds; a list holds where one of its items does.
What only excluded cells need is not trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, model_validator

from t2t_xfer.errors import nearest
from t2t_xfer.specs.base import Seed, Spec, Text, distinct, mistake, some


def _listed(value: Any) -> Any:
    """One value is a list of one."""
    return value if isinstance(value, list | tuple) else (value,)


_Texts = Annotated[
    tuple[Text, ...],
    BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...]),
    AfterValidator(some),
    AfterValidator(distinct),
]
_Seeds = Annotated[
    tuple[Seed, ...],
    BeforeValidator(_listed, json_schema_input_type=int | tuple[int, ...]),
    AfterValidator(some),
    AfterValidator(distinct),
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
