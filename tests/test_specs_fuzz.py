"""Whatever a file holds, loading gives a spec that says what the file says, or errors with places.

What a loaded file means is compared with what stands in it, key by key, so no damage can change a
meaning in silence: a value that was turned into another one, or a key that was passed over, would
show as a difference between the two.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from operator import ne
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t2t_xfer.commands.tasks import task_json, task_lines
from t2t_xfer.errors import DataError, SpecError
from t2t_xfer.prompts import Template
from t2t_xfer.specs import PromptSpec, Spec, StudySpec, TaskSpec, load_yaml
from t2t_xfer.specs.catalogue import Catalogue, shipped_root
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.yaml import parse_nodes

from .mutations import DAMAGES, Case, mutated_files

STUDY = """\
models:
  - {name: a, path: owner/a, training: {steps: 5}}
  - {name: b, new: {architecture: causal, languages: [en, de]}}
targets: [xnli, udpos]
languages: {xnli: [en, de]}
training: {learning_rate: 1e-4, epochs: 2}
task_training: {udpos: {epochs: 10}}
exclude: [{model: a, target: [udpos]}, {seed: 0, model: b, target: xnli}]
"""
SOURCES: list[tuple[type[Spec], str]] = [
    (TaskSpec, (shipped_root() / "tasks/xnli.yaml").read_text()),
    (TaskSpec, (shipped_root() / "tasks/udpos.yaml").read_text()),
    (PromptSpec, (shipped_root() / "prompts/nli.yaml").read_text()),
    (StudySpec, STUDY),
]
# Pieces that mean something to YAML, to our schema, or to Python.
PIECES = [
    *("{", "}", "[", "]", ":", ": ", "- ", "? ", ", ", "#", "&a ", "*a", "!!int ", "!x ", "<<: "),
    *("|", ">", "'", '"', "\\", "%", "@", "---\n", "...\n", "\n", "\t", "  ", "\r", "\x00", "\x85"),
    *("null", "true", "1", "-1", "1e999", ".nan", "0x", "no", "{language}", "{{ x }}", "{", "é"),
    *("\u2028", "\ufeff", "😀", "\\ud800", "\\n", "[key]", "list", "mapping", "9" * 400),
]


def attempt(spec: type[Spec], content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file.yaml"
        path.write_bytes(content)
        try:
            load_yaml(path, spec, tasks=["xnli", "udpos", "mnli"])
        except SpecError as e:
            for line in str(e).split(f"{path}:")[1:]:
                assert re.match(r"\d+:\d+: \S", line), line


@st.composite
def mutated(draw: st.DrawFn) -> tuple[type[Spec], bytes]:
    """A valid file after a few deletions, insertions, and repeated or swapped lines."""
    spec, text = draw(st.sampled_from(SOURCES))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        piece = draw(st.sampled_from(PIECES) | st.text(max_size=5) | st.just(text[start:end] * 2))
        text = text[:start] + piece + text[end:]
    return spec, text.encode("utf-8", "surrogatepass")


@settings(max_examples=300, deadline=None)
@given(mutated())
def test_a_damaged_file(case: tuple[type[Spec], bytes]) -> None:
    attempt(*case)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(SOURCES), st.binary(max_size=60))
def test_any_bytes(source: tuple[type[Spec], str], content: bytes) -> None:
    attempt(source[0], content)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([TaskSpec, PromptSpec, StudySpec]), st.data())
def test_any_values_under_known_keys(spec: type[Spec], data: st.DataObject) -> None:
    keys = data.draw(st.lists(st.sampled_from(list(spec.model_fields)), unique=True))
    lines = [f"{key}: {flow(data.draw(VALUES))}" for key in keys]
    attempt(spec, "\n".join(lines).encode("utf-8", "surrogatepass"))


def flow(value: object) -> str:
    """A value as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str):
        return "'" + value.replace("'", "''").replace("\n", " ") + "'"
    return {None: "null", True: "true", False: "false"}.get(value, str(value))


def test_specs_are_light_to_import() -> None:
    heavy = ("torch", "transformers", "datasets", "numpy", "jinja2")
    code = f"import sys, t2t_xfer.specs; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


PARTS, COUNT = 4, 1_200
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


@pytest.mark.parametrize("part", range(PARTS))
def test_a_mutated_file(part: int, tmp_path: Path) -> None:
    outcomes, kinds = Counter[str](), Counter[str]()
    for case in mutated_files(seed=part, count=COUNT // PARTS):
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
