"""JSON Schema of the files that people write, for editors that complete and check them.

The rule: the schema is made from the specs, and what it refuses the loader refuses too. It is the
looser of the two: what only code can judge (a known task, distinct words, Jinja) is the loader's.

    schema("task")["properties"]["metric"]["enum"]
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Literal, TypeAlias, cast

from pydantic import BaseModel

from t2t_xfer.metrics import METRICS
from t2t_xfer.records import Json
from t2t_xfer.specs.base import Spec
from t2t_xfer.specs.claims import ClaimsSpec
from t2t_xfer.specs.model import TranslatorSpec
from t2t_xfer.specs.prompt import PromptSpec
from t2t_xfer.specs.study import StudySpec
from t2t_xfer.specs.task import KEYS, OWNED, TaskSpec, owners
from t2t_xfer.specs.training import TrainingSpec

SchemaKind: TypeAlias = Literal["task", "prompt", "study", "claims", "translator"]
SPECS: Final[Mapping[SchemaKind, type[Spec]]] = {
    "task": TaskSpec,
    "prompt": PromptSpec,
    "study": StudySpec,
    "claims": ClaimsSpec,
    "translator": TranslatorSpec,
}
"""Each kind of file and what it states."""

Schema: TypeAlias = dict[str, Any]


def schema(kind: SchemaKind) -> dict[str, Json]:
    """The schema of one kind of file, as draft 2020-12 has it."""
    spec = SPECS[kind]
    made: Schema = spec.model_json_schema(by_alias=True)
    definitions = made.get("$defs", {})
    for name, part in ((spec.__name__, made), *definitions.items()):
        _describe(name, part)
    _refuse_other_keys(made)
    # A file's name is its spec's name, so the key may be left out.
    required = [key for key in made.get("required", []) if key != spec.name_key]
    made["required"] = required
    if kind == "task":
        made["properties"]["metric"]["enum"] = [*METRICS]
        made["properties"]["answer"] = {"enum": [*KEYS], **made["properties"]["answer"]}
        made["allOf"] = _by_answer()
    if kind == "study":
        _settle_overrides(made)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return cast("dict[str, Json]", {**head, **made, "title": f"t2t_xfer {kind}"})


def _refuse_other_keys(node: Any) -> None:
    """A mapping's keys must be of their pattern; pydantic says only what holds for such keys."""
    if isinstance(node, list):
        for each in node:
            _refuse_other_keys(each)
    if not isinstance(node, dict):
        return
    patterns = node.pop("patternProperties", None)
    if isinstance(patterns, dict):
        ((pattern, values),) = patterns.items()
        node |= {"propertyNames": {"pattern": pattern}, "additionalProperties": values}
    for each in node.values():
        _refuse_other_keys(each)


def _describe(name: str, part: Schema) -> None:
    """The docstrings of a spec's fields, which editors show."""
    docs = _docstrings().get(name, {})
    for key, each in part.get("properties", {}).items():
        each.pop("title", None)
        if key in docs:
            each["description"] = docs[key]


@cache
def _docstrings() -> dict[str, dict[str, str]]:
    """Class -> field (by the key that files use) -> the text below it."""
    found: dict[str, dict[str, str]] = {}
    pending: list[type[BaseModel]] = [Spec]
    while pending:
        spec = pending.pop()
        pending += spec.__subclasses__()
        body = ast.parse(textwrap.dedent(inspect.getsource(spec))).body[0]
        assert isinstance(body, ast.ClassDef)
        docs: dict[str, str] = {}
        for line, after in zip(body.body, body.body[1:], strict=False):
            is_field = isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
            is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if is_field and is_text:
                field = line.target.id  # type: ignore[attr-defined]
                info = spec.model_fields.get(field)
                text = " ".join(str(after.value.value).split())  # type: ignore[attr-defined]
                docs[(info.alias if info else None) or field] = text
        found[spec.__name__] = docs
    return found


def _by_answer() -> list[Schema]:
    """Which keys an answer needs, and which are another's."""
    rules: list[Schema] = []
    for answer, keys in KEYS.items():
        others = sorted(key for key in OWNED if answer not in owners(key))
        then: Schema = {"required": [*keys.needed], "properties": dict.fromkeys(others, False)}
        rules.append({"if": {"properties": {"answer": {"const": answer}}}, "then": then})
    either = [{"required": ["tags"]}, {"required": ["tags_from"]}]
    tagged = {"properties": {"answer": {"const": "tags"}}, "required": ["answer"]}
    return [*rules, {"if": tagged, "then": {"oneOf": either}}]


def _settle_overrides(made: Schema) -> None:
    """`training` of a model and `task_training` hold some keys of `TrainingSpec`."""
    known = made["$defs"][TrainingSpec.__name__]["properties"]
    partial: Schema = {"type": "object", "additionalProperties": False, "properties": known}
    made["$defs"]["Overrides"] = {**partial, "title": "Overrides"}
    reference = {"$ref": "#/$defs/Overrides"}
    for owner in (made, made["$defs"]["ModelSpec"]):
        by_task = owner["properties"]["task_training"]
        by_task["additionalProperties"] = reference
        if owner is not made:
            kept = {k: v for k, v in owner["properties"]["training"].items() if k == "description"}
            owner["properties"]["training"] = {**kept, **reference}
