"""Examples in docstrings are true: `>>>` ones run, and others call what there is, as it is called.

An example that needs a model or data cannot run here. Every name that such a one calls must exist,
in its module or elsewhere in the package, and take the arguments that it is given. A file that the
package names must be there.
"""

from __future__ import annotations

import ast
import builtins
import doctest
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .conftest import REPOSITORY
from .test_layers import MODULES, module_name

NAMES = [module_name(path) for path in MODULES if path.name != "__main__.py"]

OF_OTHERS = {"mlqa_evaluation_v1.py", "run_squad.py", "conllu_to_conll.py", "utils_preprocess.py"}
"""Reference code that docstrings cite."""


@pytest.fixture(scope="module")
def definitions() -> Mapping[str, Any]:
    """Every public function and class of the package by its name."""
    found: dict[str, Any] = {"Path": Path}
    for name in NAMES:
        module = imported(name)
        if module is None:
            continue
        for key, value in vars(module).items():
            if getattr(value, "__module__", None) == name and callable(value):
                found.setdefault(key, value)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_examples_run_or_at_least_bind(name: str, definitions: Mapping[str, Any]) -> None:
    module = imported(name)
    if module is None:
        pytest.skip("vllm is not installed here")
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.testmod(module, optionflags=flags).failed == 0
    problems = [
        problem for text in docstrings(module) for problem in wrong(text, module, definitions)
    ]
    assert not problems


def imported(name: str) -> ModuleType | None:
    """The module; None if it is written for vLLM, which has an environment of its own."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == "vllm":
            return None
        raise


def test_files_that_the_package_names_are_there() -> None:
    here = [path for path in REPOSITORY.glob("*/**/*.py") if ".venv" not in str(path)]
    ours = [*MODULES, *(REPOSITORY / "scripts").rglob("*.py")]
    known = {f"/{path.relative_to(REPOSITORY)}" for path in here}
    gone = [
        f"{path.relative_to(REPOSITORY)}: {name}"
        for path in ours
        for name in re.findall(r"`([\w/]+\.py)`", path.read_text(encoding="utf-8"))
        if name not in OF_OTHERS and not any(each.endswith(f"/{name}") for each in known)
    ]
    assert gone == []


def docstrings(module: ModuleType) -> Iterator[str]:
    tree = ast.parse(inspect.getsource(module))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node) or ""


def examples(docstring: str) -> Iterator[ast.Module]:
    """The indented blocks of a docstring that are Python and call something."""
    block: list[str] = []
    for line in [*docstring.split("\n"), "end"]:
        if line.startswith("    ") or (block and not line.strip()):
            block.append(line)
            continue
        text = textwrap.dedent("\n".join(block)).strip()
        block = []
        if ">>>" in text or not text:
            continue
        try:
            tree = ast.parse(text)
        except SyntaxError:  # a table, a shell command, YAML
            continue
        if any(isinstance(node, ast.Call) for node in ast.walk(tree)):
            yield tree


def wrong(docstring: str, module: ModuleType, definitions: Mapping[str, Any]) -> Iterator[str]:
    for tree in examples(docstring):
        nodes = list(ast.walk(tree))
        own = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                own |= {(each.asname or each.name).split(".")[0] for each in node.names}
        for node in nodes:
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            called = node.func.id
            if called in own or hasattr(builtins, called):
                continue
            target = vars(module).get(called, definitions.get(called))
            if target is None:
                yield f"{ast.unparse(node)}: there is no {called!r}"
            elif problem := unbound(target, node):
                yield f"{ast.unparse(node)}: {problem}"


def unbound(target: Any, call: ast.Call) -> str:
    """Why the arguments do not fit; empty if they do, or if `...` or a star leaves it open."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if any(isinstance(each, ast.Starred) for each in given) or any(
        k.arg is None for k in call.keywords
    ):
        return ""
    if any(isinstance(each, ast.Constant) and each.value is ... for each in given):
        return ""
    try:
        signature = inspect.signature(target)
    except ValueError:
        return ""
    try:
        signature.bind(*call.args, **{str(k.arg): k.value for k in call.keywords})
    except TypeError as error:
        return str(error)
    return ""


def is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def test_wrong_examples_are_found() -> None:
    """The check itself: a name that is not there, and arguments that do not fit."""
    module = importlib.import_module("t2t_xfer.languages")
    text = "What it is.\n\n    fill('a')\n\nOr:\n\n    fil('a', 'de')\n    language('de')\n"
    found = list(wrong(inspect.cleandoc(text), module, {}))
    assert found == [
        "fill('a'): missing a required argument: 'code'",
        "fil('a', 'de'): there is no 'fil'",
    ]
