"""Damaged files: a valid spec that says what the file says, or one error with places. Never else.

What a loaded file means is compared with what stands in it, key by key, so no damage can change a
meaning in silence: a value that was turned into another one, or a key that was passed over, would
show as a difference between the two.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from operator import ne
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.commands.tasks import task_json, task_lines
from t2t_xfer.errors import DataError, SpecError
from t2t_xfer.prompts import Template
from t2t_xfer.specs import TaskSpec, load_yaml
from t2t_xfer.specs.catalogue import Catalogue, shipped_root
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.yaml import parse_nodes

from .mutations import DAMAGES, Case, mutated_files

COUNT = 2_400
CATALOGUE = Catalogue([shipped_root()])
TASKS = [*CATALOGUE.task_names(), "reviews"]


def load(path: Path, case: Case) -> Any:
    path.write_bytes(case.text.encode("utf-8", "surrogatepass"))
    return load_yaml(path, case.source.spec, tasks=TASKS)


def refused(error: SpecError, path: Path, case: Case) -> None:
    """Every line has a place in this file, and is short enough to read."""
    lines = str(error).split(f"{path}:")[1:]
    assert lines, case
    for line in lines:
        assert re.match(r"\d+:\d+: \S", line) or "more like these" in line, (case, line)
        assert len(line) < 2_000, (case.kind, len(line))
    assert len(str(error)) < 100_000


def same(stated: Any, loaded: Any) -> bool:
    """Whether a loaded value is the one that was written: same kind, nothing lost or added."""
    if isinstance(stated, dict) and isinstance(loaded, dict):
        return stated.keys() == loaded.keys() and all(same(stated[k], loaded[k]) for k in stated)
    if isinstance(loaded, list) and not isinstance(stated, list):
        return len(loaded) == 1 and same(stated, loaded[0])  # one name for a list of one
    if isinstance(stated, list) and isinstance(loaded, list):
        return len(stated) == len(loaded) and all(map(same, stated, loaded))
    if isinstance(stated, bool) or isinstance(loaded, bool):
        return stated is loaded
    return bool(stated == loaded)


def says_what_it_says(case: Case, spec: Any, name: str) -> None:
    node, problems = parse_nodes(case.text.removeprefix("\ufeff"))
    assert not problems
    stated: Any = node.plain()
    key = type(spec).name_key
    if key:
        stated[key] = name
    loaded = spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if isinstance(spec, TaskSpec):  # the one key that is filled in, and shown so
        for label, each in stated.get("labels", {}).items():
            if each.get("value") is None:
                each["value"] = label
    assert same(stated, loaded), (case.kind, stated, loaded)


def shown(spec: TaskSpec) -> tuple[str, list[str]] | None:
    """What `tasks show` prints, as JSON and as text; None where task and prompt do not fit."""
    try:
        prompt = CATALOGUE.prompt_of(spec)
    except SpecError:
        return None
    rendered(prompt)
    return json.dumps(task_json(spec, prompt)), list(task_lines(spec, prompt))


def rendered(prompt: ResolvedPrompt) -> None:
    """Whatever the template is, it gives a text or an error for people."""
    template = Template(prompt.input)
    fields = {
        name: ("ab", "cd") if name in ("words", "lines") else "text" for name in template.names
    }
    try:
        template.render(fields)
    except DataError as e:
        assert "prompt" in str(e)  # noqa: PT017


@cache
def original(name: str) -> tuple[str, list[str]]:
    found = shown(CATALOGUE.task(name))
    assert found is not None
    return found


@pytest.mark.parametrize("part", range(8))
def test_a_mutated_file(part: int, tmp_path: Path) -> None:
    outcomes, kinds = Counter[str](), Counter[str]()
    for case in mutated_files(seed=part, count=COUNT // 8):
        kinds[case.kind.split(" + ")[0]] += 1
        path = tmp_path / f"{case.source.name}.yaml"
        try:
            spec = load(path, case)
        except SpecError as e:
            refused(e, path, case)
            outcomes["refused"] += 1
            continue
        outcomes["loaded"] += 1
        says_what_it_says(case, spec, case.source.name)
        if isinstance(spec, TaskSpec) and case.source.name != "written":
            before = CATALOGUE.task(case.source.name)
            changed = json.dumps(spec.model_dump(mode="json")) != json.dumps(
                before.model_dump(mode="json")
            )
            after = shown(spec)
            if after is not None and changed:
                assert all(map(ne, after, original(case.source.name))), case
    assert min(kinds[kind] for kind in DAMAGES) >= 3
    assert outcomes["refused"] > 100
    assert outcomes["loaded"] > 20
