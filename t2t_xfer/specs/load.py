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
from t2t_xfer.specs.nodes import Node, Place, Problem, SyntaxProblem, parse_nodes
from t2t_xfer.specs.problems import shown, validation_problems

S = TypeVar("S", bound=Spec)

MAX_BYTES = 1_000_000
"""A larger file is not a spec."""


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
    try:
        node, problems = parse_nodes(_read(path))
    except SyntaxProblem as e:
        raise SpecError(_line(path, e.problem)) from e
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
        raise SpecError("\n".join(_line(path, problem) for problem in sorted(problems)))
    return loaded


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
        raw = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except OSError as e:
        raise SpecError(f"{path}: cannot be read: {e.strerror or e}") from e
    if raw is None:
        raise SpecError(f"{path}: larger than {MAX_BYTES} bytes; this is not a spec")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = raw.count(b"\n", 0, e.start) + 1
        raise SpecError(f"{path}:{line}:1: not UTF-8 text; save the file as UTF-8") from e


def _line(path: Path, problem: Problem) -> str:
    return f"{path}:{problem.place.line}:{problem.place.column}: {problem.message}"
