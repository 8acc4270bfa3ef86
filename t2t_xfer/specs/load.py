"""Read a YAML file into a spec, or say everything that is wrong with it.

Every problem of a file is reported at once, one a line, as `file:line:column: key: …`. A file's
name is its spec's name: `task:`, `prompt:` or `study:` may be left out and must agree if it is
there.

    load_yaml(Path("tasks/xnli.yaml"), TaskSpec)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from t2t_xfer.errors import SpecError
from t2t_xfer.records import Json
from t2t_xfer.specs.base import NAME_PATTERN, NAME_WORDS, Spec
from t2t_xfer.specs.letters import strange_letters
from t2t_xfer.specs.nodes import Node, Place, Problem, SyntaxProblem, parse_nodes
from t2t_xfer.specs.problems import shown, validation_problems

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
    place = entry.value.place if entry else Place(1, 1)
    given = data.get(key, path.stem)
    data[key] = path.stem
    if not NAME_PATTERN.fullmatch(path.stem):
        data[key] = "unnamed"
        what = f"the file's name is the {key}'s name, so it must be {NAME_WORDS}"
        return [Problem(Place(1, 1), what)]
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
