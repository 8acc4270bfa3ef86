"""The package in layers: an import may only point at an earlier layer, wherever it stands."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from .conftest import REPOSITORY

PACKAGE = "t2t_xfer"
LAYERS = (
    *(
        "errors",
        "records",
        "languages",
        "files",
        "progress",
        "paths",
        "processes",
        "metrics",
        "prompts",
        "specs",
        "answers",
    ),
    *(
        "microworld",
        "data",
        "xtreme",
        "architectures",
        "engines",
        "retrieval",
        "training",
    ),
    *("stages", "study", "report"),
    *("api", "terminal", "check", "author", "translate"),
    *("commands", "cli", "__main__"),
)
HEAVY = {"torch", "transformers", "datasets", "accelerate", "peft", "safetensors", "vllm"}
HEAVY |= {"evaluate"}
NEVER_HEAVY = {
    *(
        "errors",
        "records",
        "languages",
        "files",
        "progress",
        "paths",
        "processes",
        "metrics",
        "prompts",
        "specs",
        "answers",
    ),
    *("microworld", "author", "xtreme", "report"),
}
"""Text, answers and metrics work without any of these libraries, inside functions too."""
LIGHT_AT_IMPORT = NEVER_HEAVY | {
    "data",
    "study",
    "check",
    "api",
    "terminal",
    "commands",
    "cli",
    "__main__",
}
"""These may import them inside a function, so that plans and `--help` are quick."""
NAMED_AT_THE_TOP = "api"
"""The one layer whose names the package itself gives on."""
MAX_LINES = 600

MODULES = sorted((REPOSITORY / PACKAGE).rglob("*.py"))
SHIMS = f"{PACKAGE}.metrics.shims"
"""For users of `evaluate`, which imports torch: the package never imports it."""


class Import(NamedTuple):
    """One imported module, by its full dotted name."""

    name: str
    line: int
    runs: bool
    """At import time: neither inside a function nor for the type checker only."""


def layer_of(module: str) -> str:
    """`t2t_xfer.specs.task` is in `specs`; the package itself is in no layer."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def module_name(path: Path) -> str:
    name = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imports(source: str, module: str, *, is_package: bool) -> Iterator[Import]:
    """Every import of a module, those inside functions included."""
    package = module.split(".") if is_package else module.split(".")[:-1]

    def walk(node: ast.AST, runs: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, runs) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            # `from t2t_xfer import data` imports a layer too.
            names = [f"{base}.{a.name}" for a in node.names] if base == PACKAGE else [base]
            yield from (Import(name, node.lineno, runs) for name in names)
        in_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, runs and not in_function and not typing_only)

    return walk(ast.parse(source), True)


def imports_of(path: Path) -> list[Import]:
    source = path.read_text(encoding="utf-8")
    return list(imports(source, module_name(path), is_package=path.stem == "__init__"))


def breaches(module: str, found: list[Import]) -> list[str]:
    """The imports that point at a later layer."""
    here = layer_of(module)
    return [
        f"line {each.line}: {here} imports {each.name}"
        for each in found
        if each.name.startswith(f"{PACKAGE}.") and _is_later(layer_of(each.name), here)
    ]


def _is_later(layer: str, here: str) -> bool:
    if not here:
        return layer != NAMED_AT_THE_TOP
    return LAYERS.index(layer) > LAYERS.index(here)


def test_every_module_is_in_a_layer() -> None:
    assert MODULES
    assert {layer_of(module_name(path)) for path in MODULES} - {""} <= set(LAYERS)


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_point_at_earlier_layers(path: Path) -> None:
    assert breaches(module_name(path), imports_of(path)) == []


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_light_layers_leave_heavy_libraries_alone(path: Path) -> None:
    layer = layer_of(module_name(path))
    if module_name(path) == SHIMS:
        return
    heavy = [each for each in imports_of(path) if each.name.split(".")[0] in HEAVY]
    if layer in NEVER_HEAVY:
        assert heavy == []
    if layer in LIGHT_AT_IMPORT:
        assert [each for each in heavy if each.runs] == []


def test_nothing_imports_the_shims() -> None:
    assert SHIMS in map(module_name, MODULES)
    assert not [path for path in MODULES if SHIMS in {each.name for each in imports_of(path)}]


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_module_is_one_idea_with_a_docstring(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(source))
    assert len(source.splitlines()) <= MAX_LINES


@pytest.mark.parametrize(
    "line",
    [
        "from t2t_xfer.data.sources import Source",
        "import t2t_xfer.training.loop",
        "from t2t_xfer import cli",
        "from ..study import plan",
        "def f():\n    from t2t_xfer.engines import base",
        "if TYPE_CHECKING:\n    from t2t_xfer.architectures import base",
    ],
)
def test_the_check_sees_an_import_of_a_later_layer(line: str) -> None:
    module = f"{PACKAGE}.answers.label"
    assert breaches(module, list(imports(line, module, is_package=False)))


def test_the_check_knows_what_runs_at_import() -> None:
    source = "import torch\nif TYPE_CHECKING:\n    import torch\ndef f():\n    import torch"
    found = imports(source, f"{PACKAGE}.data", is_package=True)
    assert [each.runs for each in found] == [True, False, False]


def test_a_class_name_is_defined_once() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(REPOSITORY)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
