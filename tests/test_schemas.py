"""JSON Schema of the YAML files: in step with the specs, true for what ships, not for mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from t2t_xfer.errors import SpecError
from t2t_xfer.records import Json
from t2t_xfer.specs.catalogue import shipped_root
from t2t_xfer.specs.load import load_yaml
from t2t_xfer.specs.schema import SPECS, SchemaKind, schema
from t2t_xfer.specs.task import KEYS, OWNED
from t2t_xfer.specs.yaml import parse_nodes

from .conftest import REPOSITORY
from .studydata import t2t

FOLDERS: dict[SchemaKind, str] = {
    "task": "tasks",
    "prompt": "prompts",
    "study": "studies",
    "claims": "studies/claims",
    "translator": "prompts/translators",
}
VALIDATORS = {kind: jsonschema.Draft202012Validator(schema(kind)) for kind in SPECS}
SHIPPED = [
    pytest.param(kind, path, id=f"{kind}-{path.stem}")
    for kind, folder in FOLDERS.items()
    for path in sorted((shipped_root() / folder).glob("*.yaml"))
]


def plain(text: str) -> Json:
    node, problems = parse_nodes(text)
    assert not problems
    return node.plain()


@pytest.mark.parametrize("kind", SPECS)
def test_the_files_in_docs_are_those_of_the_specs(kind: SchemaKind) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(kind))
    written = (REPOSITORY / "docs" / "schemas" / f"{kind}.schema.json").read_text("utf-8")
    assert written == t2t("schema", kind).out, "`make schemas` writes them again"
    assert json.loads(written) == schema(kind)


@pytest.mark.parametrize(("kind", "path"), SHIPPED)
def test_what_ships_is_valid(kind: SchemaKind, path: Path) -> None:
    VALIDATORS[kind].validate(plain(path.read_text(encoding="utf-8")))


def test_fields_carry_their_docstrings() -> None:
    task: Any = schema("task")
    assert task["properties"]["label_field"]["description"].startswith("The column with the label")
    assert task["$defs"]["FewShotSpec"]["properties"]["from"]["description"].startswith(
        "Where they"
    )
    undocumented = {"task_training", "answer", "data", "prompt"}
    bare = {k for k, v in task["properties"].items() if "description" not in v and "$ref" not in v}
    assert bare <= undocumented | {"decoding", "metric", "rank"}


TASK = """
answer: label
data: {hub: {id: a/b, config: "{language}"}}
languages: [en, de]
label_field: label
labels: {no: {value: 0}, yes: {value: 1}}
prompt: {input: "{{ text }}"}
metric: accuracy
"""
STUDY = "models: [{name: a, path: b}]\ntargets: [xnli]\n"
PROMPT = "variants: {default: {input: '{{ text }}'}}\n"
WRONG: list[tuple[SchemaKind, str, str, str]] = [
    ("task", TASK, "answer: label", "answer: labels"),
    ("task", TASK, "label_field: label\n", ""),
    ("task", TASK, "label_field", "lable_field"),
    ("task", TASK, "[en, de]", "[en, german]"),
    ("task", TASK, "[en, de]", "en"),
    ("task", TASK, "metric: accuracy", "metric: acuracy"),
    ("task", TASK, "metric: accuracy", "metric: accuracy\nwords_field: tokens"),
    ("task", TASK, "metric: accuracy", "metric: accuracy\nparallel: 'yes'"),
    ("task", TASK, "metric: accuracy", "metric: accuracy\nreadout: {causal: slot}"),
    ("task", TASK, "metric: accuracy", "metric: accuracy\nfew_shot: {k: 0}"),
    ("task", TASK, "metric: accuracy", "metric: accuracy\nrank: {normalise: mean}"),
    ("task", TASK, "value: 0", "value: [0]"),
    ("task", TASK, "value: 0", "values: 0"),
    ("task", TASK, "id: a/b", "id: 5"),
    ("task", TASK, "answer: label", "answer: tags"),
    ("task", TASK, "answer: label", "answer: pair"),
    ("prompt", PROMPT, "default: {input", "default: {inputs"),
    ("prompt", PROMPT, "variants", "variant"),
    ("prompt", PROMPT, "variants", "synonyms: {germn: {yes: [ja]}}\nvariants"),
    ("prompt", PROMPT, "'{{ text }}'", "' '"),
    ("prompt", PROMPT, "variants", "words: {default: {a: 1}}\nvariants"),
    ("study", STUDY, "targets: [xnli]", "targets: xnli"),
    ("study", STUDY, "models", "model"),
    ("study", STUDY, "path: b", "path: b, dtype: float16"),
    ("study", STUDY, "targets", "training: {epochs: '3'}\ntargets"),
    ("study", STUDY, "targets", "training: {adapter: Lora}\ntargets"),
    ("study", STUDY, "targets", "task_training: {xnli: {epoch: 3}}\ntargets"),
    ("study", STUDY, "path: b", "path: b, training: {learning_rat: 1}"),
    ("study", STUDY, "targets", "seeds: [0.5]\ntargets"),
    ("study", STUDY, "targets", "exclude: [{modell: a}]\ntargets"),
    ("translator", "input: '{{ text }}'\n", "input", "inputs"),
]


@pytest.mark.parametrize(
    ("kind", "text", "right", "wrong"), WRONG, ids=lambda value: str(value)[:40]
)
def test_mistakes_are_refused_by_schema_and_loader_alike(
    tmp_path: Path, kind: SchemaKind, text: str, right: str, wrong: str
) -> None:
    assert VALIDATORS[kind].is_valid(plain(text))
    broken = text.replace(right, wrong, 1)
    assert broken != text
    assert not VALIDATORS[kind].is_valid(plain(broken))
    path = tmp_path / "x.yaml"
    path.write_text(broken)
    with pytest.raises(SpecError):
        load_yaml(path, SPECS[kind])


SMALLEST: dict[str, dict[str, Json]] = {
    "label": {"label_field": "l", "labels": {"a": {}, "b": {}}, "metric": "accuracy"},
    "choice": {
        "label_field": "l",
        "labels": {"A": {}, "B": {}},
        "choices_fields": ["c"],
        "metric": "accuracy",
    },
    "span": {"context_field": "c", "answers_field": "a", "metric": "squad"},
    "tags": {"words_field": "w", "tags_field": "t", "tags": ["a", "b"], "metric": "token_accuracy"},
    "pair": {"pair_fields": ["a", "b"], "metric": "retrieval_accuracy"},
}
SHARED: dict[str, Json] = {
    "data": {"hub": {"id": "a/b"}},
    "languages": ["de"],
    "source_language": "de",
    "prompt": {"input": "{{ a }}"},
}
FOREIGN: dict[str, Json] = {
    "label_field": "l", "labels": {"a": {}, "b": {}}, "choices_fields": ["c"], "context_field": "c",
    "answers_field": "a", "unanswerable": "none", "words_field": "w", "tags_field": "t",
    "tags": ["a", "b"], "tags_from": "train", "default_tag": "a", "tag_scheme": "bio",
    "tag_reading": "legal",
    "pair_fields": ["a", "b"], "mining": {"test": {"foreign": "f", "english": "e"}},
}  # fmt: skip


@pytest.mark.parametrize("answer", KEYS)
def test_which_key_belongs_to_which_answer_is_the_loader_s_word(
    tmp_path: Path, answer: str
) -> None:
    """What the schema refuses is what the spec refuses."""
    own = {*KEYS[answer].needed, *KEYS[answer].own}
    whole = {"answer": answer, **SHARED, **SMALLEST[answer]}
    without = [{k: v for k, v in whole.items() if k != key} for key in KEYS[answer].needed]
    foreign = [{**whole, key: value} for key, value in FOREIGN.items() if key not in own]
    assert {*FOREIGN} == {*OWNED}
    path = tmp_path / "x.yaml"
    for content, fine in [(whole, True), *((each, False) for each in (*without, *foreign))]:
        path.write_text(json.dumps(content))
        assert VALIDATORS["task"].is_valid(content) is fine, content
        if fine:
            load_yaml(path, SPECS["task"])
        else:
            with pytest.raises(SpecError):
                load_yaml(path, SPECS["task"])
