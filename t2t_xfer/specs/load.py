"""Read a YAML file into a spec, or say everything that is wrong with it.

Every problem of a file is reported at once, one a line, with what stands there, what was expected
and the nearest known name. A file's name is its spec's name: `task:`, `prompt:` or `study:` may be
left out and must agree if it is there.

    load_yaml(Path("tasks/xnli.yaml"), TaskSpec)

    tasks/xnli.yaml:9:9: metric: found "acuracy", expected accuracy. Did you mean 'accuracy'?
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from t2t_xfer.errors import SpecError, cut, nearest
from t2t_xfer.records import Json
from t2t_xfer.specs.base import NAME_PATTERN, NAME_WORDS, Spec
from t2t_xfer.specs.yaml import (
    Keys,
    Node,
    Position,
    Problem,
    SyntaxProblem,
    parse_nodes,
    strange_letters,
)

S = TypeVar("S", bound=Spec)

MAX_BYTES = 1_000_000
"""A larger file is not a spec."""
MAX_PROBLEMS = 100
"""So many problems of a file are listed; the others are counted."""


def load_yaml(path: Path, spec: type[S], *, tasks: Sequence[str] | None = None) -> S:
    """The spec that a YAML file states.

    Args:
        path: the file. Relative data files in it are found from `data_root(path)`.
        spec: what it should state.
        tasks: the known tasks, so that an unknown task name is a problem with a place; None if
            they are not known here.

    Raises:
        SpecError: lists all problems of the file.
    """
    text = _read(path)
    strange = strange_letters(text)
    try:
        node, problems = parse_nodes(text)
    except SyntaxProblem as e:
        raise SpecError(_lines(path, [*strange, e.problem])) from e
    problems += strange
    data = node.plain()
    if spec.name_key and isinstance(data, dict):
        problems += _name(path, spec.name_key, data, node)
    loaded = None
    try:
        context = {"root": data_root(path), "tasks": tasks}
        loaded = spec.model_validate(data, context=context)
    except ValidationError as e:
        problems += validation_problems(e, node, spec)
    if loaded is None or problems:
        raise SpecError(_lines(path, problems))
    return loaded


def place_of(path: Path, keys: Sequence[str]) -> str:
    """`file:line:column` of the innermost of some keys that a file has, for errors between files.

    Raises:
        SpecError: the file cannot be read any more.
    """
    node = read_nodes(path)
    place = node.place
    for key in keys:
        entry = node.entries().get(key)
        if entry is None:
            break
        place, node = entry
    return f"{path}:{place.line}:{place.column}"


def read_nodes(path: Path) -> Node:
    """The tree of a file, whatever it states.

    Raises:
        SpecError: it is no YAML, or something in it is not what it looks like.
    """
    text = _read(path)
    strange = strange_letters(text)
    try:
        node, problems = parse_nodes(text)
    except SyntaxProblem as e:
        raise SpecError(_lines(path, [*strange, e.problem])) from e
    if strange or problems:
        raise SpecError(_lines(path, [*strange, *problems]))
    return node


def data_root(path: Path) -> Path:
    """The folder that a spec's relative data files start from.

    The project's folder for `project/tasks/x.yaml` (data lies beside `tasks/`), else the YAML
    file's own. Never the working directory: the same file means the same data from everywhere.
    """
    folder = path.absolute().parent
    return folder.parent if folder.name == "tasks" else folder


def _name(path: Path, key: str, data: dict[str, Json], node: Node) -> list[Problem]:
    """Put the file's name into the data. A disagreement is a problem, and then the file wins."""
    entry = node.entries().get(key)
    place = entry.value.place if entry else Position(1, 1)
    given = data.get(key, path.stem)
    data[key] = path.stem
    if not NAME_PATTERN.fullmatch(path.stem):
        data[key] = "unnamed"
        what = f"the file's name is the {key}'s name, so it must be {NAME_WORDS}"
        return [Problem(Position(1, 1), what)]
    if given != path.stem:
        what = f"{key}: found {shown(given)}, expected {path.stem!r}, the name of the file."
        return [Problem(place, what)]
    return []


def _read(path: Path) -> str:
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe or device may not end
            raise SpecError(f"{path}:1:1: not an ordinary file")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as e:
        raise SpecError(f"{path}: cannot be read: {e.strerror or e}") from e
    if len(raw) > MAX_BYTES:
        raise SpecError(f"{path}:1:1: larger than {MAX_BYTES} bytes; this is not a spec")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = raw.count(b"\n", 0, e.start) + 1
        raise SpecError(f"{path}:{line}:1: not UTF-8 text; save the file as UTF-8") from e


def _lines(path: Path, problems: Sequence[Problem]) -> str:
    listed = [
        f"{path}:{place.line}:{place.column}: {message}"
        for place, message in sorted(problems)[:MAX_PROBLEMS]
    ]
    more = len(problems) - len(listed)
    return "\n".join([*listed, f"{path}: and {more} more like these"] if more else listed)


_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "union_tag_not_found": "a list, or a mapping (key: value)",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "finite_number": "a number that is not infinite",
    "spec": "{expected}",
}
"""What was expected, for each of the error types that our specs can meet."""


def validation_problems(error: ValidationError, node: Node, spec: type[BaseModel]) -> list[Problem]:
    """One problem for each of pydantic's errors, placed by the tree of the file."""
    return [_problem(details, node, spec) for details in error.errors(include_url=False)]


def expected_words(details: ErrorDetails) -> str:
    """What pydantic expected, in plain words that follow `expected …`."""
    words = _EXPECTED.get(details["type"])
    return details["msg"] if words is None else words.format_map(details.get("ctx", {}))


def choices_of(details: ErrorDetails) -> list[str]:
    """The known names of which the value should have been one; empty where there are none."""
    context: Mapping[str, Any] = details.get("ctx", {})
    if details["type"] in ("literal_error", "enum"):
        return re.findall(r"'([^']*)'", context["expected"])
    return list(context.get("choices", ()))


def shown(value: Json) -> str:
    """A value as a message shows it: short, and unmistakably text or number."""
    if isinstance(value, dict | list):
        kind = "mapping" if isinstance(value, dict) else "list"
        return f"a {kind}" if value else f"an empty {kind}"
    if value is None:
        return "nothing"
    return cut(json.dumps(value, ensure_ascii=False))


def dotted(keys: Keys) -> str:
    """`models[0].training.seed`."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{_seen(cut(key))}" for key in keys)
    return text.removeprefix(".")


def _seen(key: str) -> str:
    r"""A key with `\u2009` for what cannot be seen."""
    return key if key.isprintable() else repr(key)[1:-1]


class _Spot(NamedTuple):
    """Where an error's location leads in the tree of the file."""

    keys: Keys
    key_place: Position
    """Where the last key stands (or the list item)."""
    node: Node
    rest: tuple[int | str, ...]
    """What the file does not hold: a missing key, or pydantic's mark for a key."""


def _spot(location: tuple[int | str, ...], node: Node) -> _Spot:
    keys: Keys = ()
    place = node.place
    rest: tuple[int | str, ...] = ()
    for part in location:
        entry = node.entries().get(part) if isinstance(part, str) else None
        if entry is not None:
            place, node = entry
        elif isinstance(part, int) and part < len(node.items()):
            node = node.items()[part]
            place = node.place
        elif part == "[key]" or isinstance(node.plain(), dict):
            rest = (*rest, part)
            continue
        else:  # pydantic's mark for a member of a union
            continue
        keys, rest = (*keys, part), ()
    return _Spot(keys, place, node, rest)


def _problem(details: ErrorDetails, node: Node, spec: type[BaseModel]) -> Problem:
    spot = _spot(details["loc"], node)
    if details["type"] in ("extra_forbidden", "spec_unknown_key"):
        known = choices_of(details) or _known_keys(spec, spot.keys[:-1])
        instead = nearest(str(spot.keys[-1]), known) or f" Expected one of {', '.join(known)}."
        return Problem(spot.key_place, f"{dotted(spot.keys)}: unknown key.{instead}")
    expected = "this key" if details["type"] == "missing" else expected_words(details)
    if spot.rest == ("[key]",):
        found, place = str(spot.keys[-1]), spot.key_place
        what = f"{dotted(spot.keys)}: found the key {shown(found)}, expected {expected}."
        return Problem(place, what + _hint(details, found))
    if spot.rest:
        whole = dotted((*spot.keys, spot.rest[-1]))
        return Problem(spot.key_place, f"{whole}: missing, expected {expected}.")
    value = spot.node.plain()
    start = f"{dotted(spot.keys)}: " if spot.keys else ""
    hint = _hint(details, value)
    return Problem(spot.node.place, f"{start}found {shown(value)}, expected {expected}.{hint}")


def _hint(details: ErrorDetails, value: Json) -> str:
    given = details.get("ctx", {}).get("hint")
    if given:
        return f" {given}"
    if details["type"] == "string_type" and isinstance(value, bool | int | float):
        return " Write it in quotes if it is text."
    return nearest(value, choices_of(details)) if isinstance(value, str) else ""


def _known_keys(spec: type[BaseModel], keys: Keys) -> list[str]:
    """The keys that a spec allows at a place inside it."""
    annotation: object = spec
    for key in keys:
        annotation = _step(annotation, key)
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return [field.alias or name for name, field in option.model_fields.items()]
    return []


def _step(annotation: object, key: str | int) -> object:
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            if key in option.model_fields:
                return option.model_fields[str(key)].annotation
        elif get_origin(option) is dict:
            return get_args(option)[1]
        elif get_origin(option) is tuple:
            return get_args(option)[0]
    return None


def _options(annotation: object) -> list[object]:
    """The members of a union, without `Annotated`."""
    if get_origin(annotation) in (dict, tuple) or not get_args(annotation):
        return [annotation]
    return [each for argument in get_args(annotation) for each in _options(argument)]
