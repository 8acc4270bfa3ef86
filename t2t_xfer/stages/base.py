"""Stages: units of work whose name is a hash of everything that can change their result.

The rule: the fields of a stage are its identity. What changes the result is a field, or stands in
`needs`, and only that. Paths, devices, worker counts and times are in `how` or in the record, and
never move a result to another address. When the same fields come to mean something else, `VERSION`
in the file of the kind is raised, and what it gave is made again.

    stage.id        # 'score/micro+mnli-to-xnli-' and twelve hexadecimal digits
    stage.spec      # the fields as JSON: those that were stated, so that a new field with a default
                    # moves no result to another address
    stage.run(Attempt(context, work, needs))        # files in `work`, results for the record

The kinds are in `model.py`, `train.py`, `predict.py` and `score.py`; `run.py` reads a stage back
from what a record or a plan holds.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field

from t2t_xfer.records import Json

if TYPE_CHECKING:
    from t2t_xfer.stages.context import Context

Kind: TypeAlias = Literal["model", "train", "predict", "score"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_ID = re.compile(rf"({'|'.join(KINDS)})/([A-Za-z0-9_][A-Za-z0-9_.+=@-]*-[0-9a-f]{{12}})")


class Fields(BaseModel):
    """A part of a stage's identity, or of its `how`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def plain(self) -> dict[str, Json]:
        """As JSON: what was stated."""
        return self.model_dump(mode="json", exclude_unset=True)


class Shown(Fields, extra="allow"):
    """What a model is shown and asked of a task (`Task.shown`)."""

    task: str
    answer: str = ""
    source_language: str


class How(Fields):
    """What the run needs and the result does not depend on. It is copied into the record, so it
    holds nothing secret."""

    data: str = ""
    """The data source as the user wrote it."""
    path: str | None = None
    """A checkpoint that exists already, where no stage makes one."""
    revision: str | None = None
    adapter: str | None = None
    """The directory of an adapter over it."""


class Attempt(NamedTuple):
    """One attempt to do a stage."""

    context: Context
    work: Path
    """Where it writes; what an earlier attempt left may lie there."""
    needs: Mapping[str, Path]
    """Role to the directory of the stage that is needed."""
    progress: bool = True
    share: int = 1
    """Into how many parts a batch is cut: more than 1 after running out of memory."""


class Stage(Fields):
    """One unit of work, before it is done."""

    kind: ClassVar[Kind]

    label: str = Field(default="", exclude=True)
    """For people: `micro-encoder+mnli>paws_x`. Not part of the identity."""
    needs: dict[str, str] = Field(default_factory=dict, exclude=True)
    """Role to the id of the stage that makes it: `checkpoint`, `adapter`, `candidates`,
    `predictions`, `tuning`, `null`. Of the identity, but for the labels."""
    how: How = Field(default=How(), exclude=True)
    version: int

    @property
    def spec(self) -> dict[str, Json]:
        """The identity as JSON: the resolved settings with their defaults, content hashes of data
        and prompts, revisions, dtype, readout, engine, limits, seed."""
        return self.plain()

    @cached_property
    def digest(self) -> str:
        """The identity as twelve hexadecimal digits."""
        return identity(self.kind, self.spec, self.needs)

    @property
    def id(self) -> str:
        """`kind/label-digest`: the address of the result in a store."""
        return f"{self.kind}/{slug(self.label)}-{self.digest}"

    def named(self, label: str, needs: Mapping[str, str], how: Mapping[str, Any]) -> Self:
        """The same stage with a label, with what it needs and how it is done."""
        told = {"label": label, "needs": {**needs}, "how": self.how.model_copy(update=how)}
        return type(self).model_construct(self.model_fields_set, **{**dict(self), **told})

    def to_json(self) -> dict[str, Json]:
        """All of it, for `stage_from_json`."""
        return {
            "kind": self.kind,
            "label": self.label,
            "spec": self.spec,
            "needs": {**self.needs},
            "how": self.how.plain(),
        }

    def run(self, attempt: Attempt) -> dict[str, Json]:
        """Does it: leaves its files in the work directory and returns what the record holds.

        Raises:
            UserError: what it reads is not as it was planned, or cannot be done.
        """
        raise NotImplementedError


def identity(kind: str, spec: Mapping[str, Json], needs: Mapping[Any, str]) -> str:
    """The digest of a stage. Labels are dropped from `needs` too: renaming a model in a
    study file moves nothing.
    """
    sources: dict[str, str] = {}
    for role, need in needs.items():
        need_kind, _, digest = split_id(need)
        sources[role] = f"{need_kind}/{digest}"
    text = canonical_json({"kind": kind, "spec": spec, "needs": sources})
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def canonical_json(value: object) -> str:
    """The one JSON text of a value: sorted keys, no spaces, floats by `repr`, no escapes.

    Raises:
        ValueError: a float is not finite, or a text cannot be written as UTF-8.
        TypeError: a value is not JSON, or a key is not a text.
    """
    text = json.dumps(
        plain_json(value),
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )
    text.encode("utf-8")
    return text


def flat(value: Mapping[str, Json]) -> dict[str, str]:
    """A nested spec as dotted names and JSON texts: `{"training.seed": "0"}`."""
    found: dict[str, str] = {}
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            found |= {f"{key}.{name}": text for name, text in flat(item).items()}
        else:
            found[key] = canonical_json(item)
    return found


def slug(label: str) -> str:
    """A label as a name that every file system and shell takes: `a>b c` is `a-to-b-c`."""
    name = re.sub(r"[^A-Za-z0-9_.+=@-]+", "-", label.replace(">", "-to-"))
    return name.strip("-.+=@")[:80].rstrip("-.+=@") or "stage"


def split_id(stage_id: str) -> tuple[str, str, str]:
    """Kind, directory name and digest of a stage id.

    Raises:
        ValueError: it is not a stage id; nothing else may become a path in a store.
    """
    match = _ID.fullmatch(stage_id)
    if match is None:
        raise ValueError(f"not a stage id: {stage_id!r}")
    return match[1], match[2], match[2][-12:]


def is_id(text: str) -> bool:
    """Whether a text has the form of a stage id."""
    return _ID.fullmatch(text) is not None


def plain_json(value: object) -> object:
    """Mappings as dicts, tuples as lists. `json` would write the key 1 as the key "1"."""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"keys must be texts, not {key!r}")
        return {key: plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    return value
