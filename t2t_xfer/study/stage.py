"""Stages: units of work whose name is a hash of everything that can change their result.

The rule: what changes the result is in `spec` or `needs`, and only that. Paths, devices,
worker counts and times are in `how` or in the record, and never move a result to another
address. When the meaning of a kind of stage changes, the planner bumps the version that it
puts into `spec`.

    stage = Stage("score", "micro+mnli>xnli", {"version": 1, "metric": "accuracy"}, {}, {})
    stage.id        # 'score/micro+mnli-to-xnli-' and twelve hexadecimal digits
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias, get_args

from t2t_xfer.records import Json

Kind: TypeAlias = Literal["model", "train", "predict", "score"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_ID = re.compile(rf"({'|'.join(KINDS)})/([A-Za-z0-9_][A-Za-z0-9_.+=@-]*-[0-9a-f]{{12}})")
_SECRET = re.compile(r"(^|_)(token|secret|password|credentials?|api_?key)$")


@dataclass(frozen=True)
class Stage:
    """One unit of work, before it is done."""

    kind: Kind
    label: str
    """For people: `micro-encoder+mnli>paws_x`. Not part of the identity."""
    spec: Mapping[str, Json]
    """Everything that changes the result: the resolved settings with their defaults, the
    stage version, content hashes of data and prompts, revisions, dtype, readout, engine
    family, limits, seed. Never a path, a device or a number of workers."""
    needs: Mapping[str, str]
    """Role (`checkpoint`, `predictions`) to the id of the stage that makes it."""
    how: Mapping[str, Json]
    """What the run needs and the result does not depend on: paths, the data source as the
    user wrote it. It is copied into the record, so it holds nothing secret."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such kind of stage: {self.kind!r}")
        for key in self.how:
            if _SECRET.search(key.lower()):
                raise ValueError(f"{key!r} looks secret: `how` goes into the record")

    @cached_property
    def digest(self) -> str:
        """The identity as twelve hexadecimal digits."""
        return identity(self.kind, self.spec, self.needs)

    @property
    def id(self) -> str:
        """`kind/label-digest`: the address of the result in a store."""
        return f"{self.kind}/{slug(self.label)}-{self.digest}"


def identity(kind: str, spec: Mapping[str, Json], needs: Mapping[str, str]) -> str:
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
