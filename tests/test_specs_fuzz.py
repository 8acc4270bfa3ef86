"""Whatever a file holds, loading gives a spec or a `SpecError` with a place: never a traceback."""

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from t2t_xfer.errors import SpecError
from t2t_xfer.specs import PromptSpec, Spec, StudySpec, TaskSpec, load_yaml
from t2t_xfer.specs.catalogue import shipped_root

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
