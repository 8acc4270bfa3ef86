"""docs/architecture.md names the tree as it is: no file that is gone, no package left out."""

from __future__ import annotations

import re

from .conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`((?:t2t_xfer|tests|benchmarks|docs)/[\w/.]*)`", PAGE))


def test_every_file_that_it_names_is_there() -> None:
    assert sorted(name for name in NAMED if not (REPOSITORY / name).exists()) == []


def test_it_names_every_package_and_module_of_the_first_level() -> None:
    package = REPOSITORY / "t2t_xfer"
    folders = {f"t2t_xfer/{init.parent.name}" for init in package.glob("*/__init__.py")}
    modules = {f"t2t_xfer/{path.name}" for path in package.glob("[a-z]*.py")}
    assert sorted((folders | modules) - NAMED) == []


def test_its_classes_and_pages_are_there() -> None:
    for page in re.findall(r"\]\(([\w.]+)\)", PAGE):
        assert (REPOSITORY / "docs" / page).is_file(), page
    source = "\n".join(
        path.read_text(encoding="utf-8") for path in (REPOSITORY / "t2t_xfer").rglob("*.py")
    )
    for name in re.findall(r"\b([A-Z][a-z]+Stage)\b", PAGE):
        assert f"class {name}(" in source, name
