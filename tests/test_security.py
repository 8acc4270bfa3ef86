"""Every promise of `docs/security.md`, with an attack on it. The headings are the same; what
reaches the terminal is attacked in `test_terminal`."""

from __future__ import annotations

import ast
import json
import os
import pickle
import shutil
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.errors import DataError, SpecError, UserError
from t2t_xfer.prompts import Template
from t2t_xfer.specs import Catalogue, StudySpec, TaskSpec, load_yaml

from .conftest import REPOSITORY
from .studydata import make_mirror, t2t, write_rows
from .test_resume import Stopped, run

TASK = """\
answer: label
data: {files: {train: TRAIN, test: "data/test.{language}.jsonl"}}
languages: [en, de]
label_field: stars
labels: {bad: {value: 0, word: bad}, good: {value: 1, word: good}}
prompt: {input: "Review: {{ text }}\\nSentiment:"}
metric: accuracy
"""
STUDY = "models: [{name: a, path: PATH}]\ntargets: [xnli]\n"


class Payload:
    """Pickled, it leaves a file behind where the pickle is read as Python."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with data, and a secret beside it."""
    monkeypatch.delenv("T2T_ALLOW_OUTSIDE")
    # So that what the program sets is taken back after the test.
    monkeypatch.setenv("T2T_ALLOW_PICKLE", "0")
    rows = [{"text": f"text {i}", "stars": i % 2} for i in range(4)]
    for name in ("train", "test.en", "test.de"):
        write_rows(tmp_path / "project" / "data" / f"{name}.jsonl", rows)
    write_rows(tmp_path / "secret.jsonl", rows)
    (tmp_path / "project" / "tasks").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def task_file(train: str, **changes: str) -> Path:
    text = TASK.replace("TRAIN", json.dumps(train))
    for old, new in changes.items():
        text = text.replace(old, new)
    path = Path("tasks", "reviews.yaml").absolute()
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path, *words: str, spec: Any = TaskSpec) -> None:
    with pytest.raises(SpecError) as caught:
        load_yaml(path, spec)
    for word in (f"{path}:", *words):
        assert word in str(caught.value)


def test_the_payload_of_these_attacks_works(place: Path) -> None:
    pickle.loads(pickle.dumps(Payload(place / "mark")))
    assert (place / "mark").is_dir()


# YAML is data


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:os.mkdir [MARK]",
        "!!python/object/new:os.mkdir [MARK]",
        "!!python/name:os.system",
        "!<tag:yaml.org,2002:python/object/apply:os.mkdir> [MARK]",
        "!include /etc/passwd",
    ],
)
def test_yaml_makes_no_objects(value: str, place: Path) -> None:
    mark = place / "mark"
    refused(task_file("data/train.jsonl", accuracy=value.replace("MARK", str(mark))), "tag")
    assert not mark.exists()


def _aliases(width: int) -> str:
    lines = [f"a0: &a0 [{', '.join('x' * width)}]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, 30)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        *(_aliases(2), _aliases(30), "[" * 90_000, "{a: " * 90_000, "? " * 90_000),
        *("- [a, b]\n" * 20_000, "a: '" + "\\n" * 50_000 + "'", "a: " + "9" * 100_000),
        *("k: 1\n" * 30_000, "x" * 2_000_000, "&a " + "!x " * 100_000),
    ],
    ids=lambda text: text[:12],
)
def test_a_bomb_of_yaml_stays_small(text: str, place: Path) -> None:
    path = place / "bomb.yaml"
    path.write_text(text)
    tracemalloc.start()
    try:
        refused(path)
        assert tracemalloc.get_traced_memory()[1] < 150_000_000
    finally:
        tracemalloc.stop()


def test_a_pipe_in_place_of_a_file_is_not_waited_for(place: Path) -> None:
    os.mkfifo(place / "tasks" / "endless.yaml")
    refused(place / "tasks" / "endless.yaml", "not an ordinary file")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("metric: аccuracy", "CYRILLIC SMALL LETTER A"),
        ("mеtric: accuracy", "CYRILLIC SMALL LETTER IE"),
        ("metric: ａccuracy", "FULLWIDTH LATIN SMALL LETTER A"),
        ("metric: accuracy\u200b", "ZERO WIDTH SPACE"),
        ("note: \u202etxt", "RIGHT-TO-LEFT OVERRIDE"),
        ("note: a\u00a0b", "NO-BREAK SPACE"),
        ("note: \ue000", "U+E000"),
    ],
)
def test_letters_that_are_not_what_they_look_like(text: str, words: str) -> None:
    refused(task_file("data/train.jsonl", **{"metric: accuracy": text}), ":7:", words)


def test_letters_of_other_scripts_and_escapes_are_welcome() -> None:
    note = 'note: "می‌روم हिन्दी 日本語 Ελληνικά русский \\u00a0 \\u202e"'
    path = task_file("data/train.jsonl", **{"metric: accuracy": f"metric: accuracy\n{note}"})
    assert load_yaml(path, TaskSpec).note.endswith("\u00a0 \u202e")


# Prompts are bounded


WALKS = (
    *("{{ text.__class__ }}", "{{ text['__class__'] }}", "{{ text | attr('__class__') }}"),
    *("{{ [text] | map(attribute='__class__') | list }}", "{{ text.format.__globals__ }}"),
    *("{{ '{0.__class__}'.format(text) }}", "{{ ''.__class__.__mro__[1].__subclasses__() }}"),
    *("{{ self.__init__ }}", "{{ cycler.__init__.__globals__.os }}", "{{ lipsum.__globals__ }}"),
    *("{% import 'os' as os %}{{ os }}", "{% include '/etc/passwd' %}.", "{{ range.__self__ }}"),
    *("{{ text.encode() }}", "{{ text.translate({}) }}", "{{ [].append(1) }}", "{{ text.strip }}"),
)
BOMBS = (
    *("{% for i in range(10**9) %}.{% endfor %}", "{% for i in range(1000000000) %}.{% endfor %}"),
    *("{{ 'a' * 10**9 }}", "{{ 'a' * 1000000000 }}", "{{ (text,) * 1000000000 }}", "{{ 9**9**9 }}"),
    *("{{ text | center(1000000000) }}", "{{ text | indent(1000000000) }}"),
    *("{{ text.ljust(1000000000) }}", "{{ text.zfill(1000000000) }}", "{{ '%99999999d' % 1 }}"),
    *("{{ '{:>1000000000}'.format(1) }}", "{{ text | round(1000000000, 'ceil') }}"),
    "{% for a in range(9999) %}" * 3 + "x" + "{% endfor %}" * 3,
    "{% for a in range(9999) %}{{ text }}" * 2 + "{% endfor %}" * 2,
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% for a in text recursive %}{{ loop(text) }}{% endfor %}",
    "{% set a = 'xxxxxxxx' %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
    "{% set a = 'xxxxxxxx' %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "{% set a = [1] %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "{{ 'aa'" + " | replace('a', 'aaaaaaaaaaaaaaaa')" * 20 + " }}",
    "{{ 'aa'" + ".replace('a', 'aaaaaaaaaaaaaaaa')" * 20 + " }}",
    "{{ 'aa'" + " | join('aaaaaaaaaaaaaaaa')" * 20 + " }}",
    "{{ " + "(" * 9000 + "text" + ")" * 9000 + " }}",
    "{{ text" + ".a" * 9000 + " }}",
    "{{ " + "9" * 9000 + " }}",
    "{{ text }}" * 5000,
    "{% set a = ['x'] %}" + "{% set a = [a, a] %}" * 60 + "{{ a }}",
    "{% set a = ('x',) %}" + "{% set a = {'a': a, 'b': a} %}" * 60 + "{{ a | string }}",
    "{% set a = ['x'] %}{% set b = ['x'] %}"
    + "{% set a = [a, a] %}{% set b = [b, b] %}" * 60
    + "{% if a == b %}x{% endif %}.",
    "{% set a = range(99999) | list %}{% set b = range(99999) | list %}"
    + "{% for i in a %}{% if a == b %}{% endif %}{% endfor %}.",
    "{% for i in range(99999) %}{% if 'z' in text %}{% endif %}{% endfor %}{{ 1 / 0 }}",
    "{{ text | truncate(1) }}",
    "{{ [text] | select('eq', text) | list }}",
    "{% for a in text * 9 %}.{% endfor %}",
    "{% for a in words %}{{ text[1:] }}{% endfor %}",
    "{% for a in words %}{% for b in words %}{{ text[:1] }}{% endfor %}{% endfor %}",
    "{% for a in words %}{{ words[::-1] | join }}{% endfor %}",
    "{% for a in words %}{% if words == words[:] %}{% endif %}{% endfor %}.",
    "{% for a in words %}{{ text }}{% endfor %}",
    "{% for a in words %}{{ words }}{% endfor %}",
)


@pytest.mark.parametrize("source", [*WALKS, *BOMBS], ids=lambda source: source[:40])
def test_a_hostile_prompt_is_one_clear_error(source: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises((SpecError, DataError), match="prompt"):
            # No attack needs more than a row of one megabyte.
            Template(source).render({"text": "words " * 50_000, "words": ("word",) * 50_000})
        assert tracemalloc.get_traced_memory()[1] < 150_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [
        *("{{" * 200_000, "{%" * 200_000, "{{ a " * 80_000, "{{ a }}" * 60_000, "{#" * 200_000),
        *("{{" * 10_000, "{%" * 10_000, "{{ a " * 4_000, "{#" * 10_000, "{{ '" * 5_000),
        *("{{" + " " * 19_000 + "a", ("{{" + " " * 98) * 200, "{" * 20_000 + "}" * 20_000),
    ],
    ids=lambda text: text[:4],
)
def test_a_wording_of_open_braces_is_read_once(text: str, place: Path) -> None:
    """Each `{{` was looked for to the end: 200 KB took three minutes, and `tasks ls` hung."""
    started = time.process_time()
    path = task_file("data/train.jsonl")
    path.write_text(path.read_text().replace("Review: {{ text }}", text))
    refused(path, "prompt.input")
    assert time.process_time() - started < 10  # minutes before, a blink now


def test_honest_prompts_cost_nothing_of_the_bounds() -> None:
    source = (
        "{% for w in words %}{{ loop.index }} {{ w | upper }}{% if not loop.last %}, {% endif %}"
    )
    text, _ = Template(source + "{% endfor %}").render({"words": ("word",) * 20_000})
    assert text.endswith("20000 WORD")


def test_a_prompt_that_cannot_be_compiled_has_a_place_in_its_file() -> None:
    wrong = {"{{ text }}": "{% for a in text %}", "metric: accuracy": "metric: acuracy"}
    refused(task_file("data/train.jsonl", **wrong), ":6:17: prompt.input", ":7:9: metric")


# Paths stay inside


@pytest.mark.parametrize(
    "name",
    [
        *("../secret.jsonl", "data/../../secret.jsonl", "ABSOLUTE", "~/secret.jsonl", "../*.jsonl"),
        *("/etc/passwd", "data/link.jsonl", "linked/secret.jsonl", "linked/*.jsonl"),
    ],
)
def test_data_outside_is_refused_with_a_place(
    name: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(place.parent))
    Path("data", "link.jsonl").symlink_to("../../secret.jsonl")
    Path("linked").symlink_to("..")
    path = task_file(name.replace("ABSOLUTE", str(place.parent / "secret.jsonl")))
    refused(path, ":2:23: data.files.train", "--allow-outside")


def test_a_link_behind_a_language_is_refused_when_it_is_read(place: Path) -> None:
    Path("data", "test.de.jsonl").unlink()
    Path("data", "test.de.jsonl").symlink_to("../../secret.jsonl")
    task_file("data/train.jsonl")
    arguments = ("evaluate", "--task", "reviews", "--engine", "oracle", "--output", "out")
    done = t2t(*arguments, "--language", "de")
    assert done.code == 2
    assert "secret.jsonl, out of" in done.err
    assert not Path("out").exists()
    assert t2t("--allow-outside", place.parent, *arguments, "--language", "de").code == 0


def test_a_mirrors_names_cannot_leave_it() -> None:
    for hub in (
        "id: ../x",
        "id: a/../b",
        "id: /etc/x",
        "id: a/b, config: ..",
        "id: a/b, config: /x",
    ):
        path = task_file("x")
        text = path.read_text().replace(
            '{files: {train: "x", test: "data/test.{language}.jsonl"}}', "H"
        )
        path.write_text(text.replace("data: H", f"data: {{hub: {{{hub}}}}}"))
        refused(path, "data.hub")
    path.write_text(text.replace("data: H", 'data: {hub: {id: a/b, splits: {test: "../../x"}}}'))
    refused(path, "data.hub.splits", "without slashes")


NO_NAMES = (
    "../../../../x/pool",
    "/etc/passwd",
    "..",
    ".",
    "a//b",
    "~root",
    "a\\\\b",
    "a\\0b",
    "a" * 300,
)


@pytest.mark.parametrize("name", NO_NAMES)
@pytest.mark.parametrize(
    ("place_of_it", "where"),
    [
        ('hub: {id: "NAME"}', "data.hub.id"),
        ('hub: {id: a/b, config: "NAME"}', "data.hub.config"),
        ('hub: {id: a/b, revision: "NAME"}', "data.hub.revision"),
        ('hub: {id: a/b, splits: {test: "NAME"}}', "data.hub.splits"),
        ('hub: {id: a/b, splits: {test: [x, "NAME"]}}', "data.hub.splits"),
        ('parts: [{name: a, hub: {id: "NAME"}}]', "data.parts[0].hub.id"),
    ],
)
def test_a_name_of_a_data_set_is_no_path(name: str, place_of_it: str, where: str) -> None:
    files = 'files: {train: "x", test: "data/test.{language}.jsonl"}'
    refused(task_file("x", **{files: place_of_it.replace("NAME", name)}), where)


MINED = """\
answer: pair
data: DATA
languages: [de]
id_field: id
pair_fields: [a, b]
mining: {test: {foreign: "NAME", english: english}}
metric: bucc_f1
"""


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_pool_is_no_file_outside(name: str, place: Path) -> None:
    """`foreign: "../../../../x/pool"` read a file outside of the mirror."""
    path = place / "tasks" / "mined.yaml"
    for data in ("{hub: {id: a/b}}", "{files: {test: data/gold.jsonl}}"):
        if "files" in data and name in (".", "a//b", "~root", "a\\\\b"):
            continue  # such a file is inside, or of a user who may let it be read
        path.write_text(MINED.replace("DATA", data).replace("NAME", name))
        refused(path, ":6:9: mining")


def test_a_mirror_gives_nothing_from_outside(place: Path) -> None:
    from t2t_xfer.data.sources import MirrorSource, SplitRef

    mirror = make_mirror(place)
    write_rows(place / "secret" / "test.jsonl", [{"a": 1}])
    for id, config, split in (
        ("..", "secret", "test"),
        ("facebook/xnli", "../../../secret", "test"),
        ("facebook/xnli", "de", "../../../../secret/test"),
        (str(place), "secret", "test"),
    ):
        with pytest.raises(DataError, match="is in no mirror"):
            MirrorSource(mirror).has(SplitRef(id, config, split))


@pytest.mark.parametrize("name", ["~nosuchuser/x", "a" * 5000, "x/" + "a" * 300, "a\\0b", "a\\eb"])
def test_a_path_that_is_none_is_a_mistake(name: str, place: Path) -> None:
    refused(task_file("x", **{'"x"': f'"{name}"'}), "data.files.train")
    path = place / "study.yaml"
    path.write_text(STUDY.replace("PATH", f'"{name}"'))
    refused(path, "models[0].path", spec=StudySpec)
    path.write_text(STUDY.replace("PATH", f'a/b, revision: "../{name}"'))
    refused(path, "models[0].revision", spec=StudySpec)


@pytest.mark.parametrize("asked", ["{language:>1500000000}", "{language!r}", "{language.code}"])
def test_a_pattern_names_languages_and_formats_nothing(asked: str) -> None:
    """`str.format` made a text of 1.5 GB of it."""
    from t2t_xfer.languages import fill

    refused(task_file(f"data/{asked}.jsonl"), "data.files.train", "nothing in braces but")
    assert fill(f"{asked} {{language}}", "de") == f"{asked} de"


@pytest.mark.parametrize("name", ["../model", "~/model", "ABSOLUTE", "linked"])
def test_a_study_names_models_inside(
    name: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(place.parent))
    (place.parent / "model").mkdir()
    Path("linked").symlink_to("../model")
    path = place / "study.yaml"
    path.write_text(STUDY.replace("PATH", name.replace("ABSOLUTE", str(place.parent / "model"))))
    refused(path, ":1:26: models[0].path", "--allow-outside", spec=StudySpec)
    monkeypatch.setenv("T2T_ALLOW_OUTSIDE", f"/nowhere:{place.parent}")
    assert load_yaml(path, StudySpec).models[0].path is not None


def test_raw_text_and_prompts_come_from_inside(place: Path) -> None:
    path = place / "study.yaml"
    text = 'intermediates: [[mnli, text]]\ntext: {files: "../secret.txt"}\n'
    path.write_text(STUDY.replace("PATH", "a/b") + text)
    refused(path, ":4:15: text.files", spec=StudySpec)
    task = task_file(
        "data/train.jsonl", **{'input: "Review: {{ text }}\\nSentiment:"': "use: ../x"}
    )
    refused(task, "prompt.use")
    with pytest.raises(SpecError, match="unknown task"):
        Catalogue().task("../secret")


def test_results_stay_in_the_output_directory(place: Path) -> None:
    for name in ("..", "a b", "-x", "é"):
        path = place / f"{name}.yaml"
        path.write_text(STUDY.replace("PATH", "a/b"))
        refused(path, "the file's name is the study's name", spec=StudySpec)


# Weights are numbers, and models bring no code


@pytest.fixture
def checkpoint(place: Path) -> Path:
    """A micro model whose weights may be taken away."""
    from t2t_xfer.microworld.checkpoints import checkpoint

    return Path(shutil.copytree(checkpoint("micro:encoder"), place / "model"))


def ask(model: Path, *options: str) -> Any:
    arguments = ("evaluate", "--model", model, "--task", "reviews", "--language", "en")
    return t2t(*options, *arguments, "--limit", "2", "--output", "out")


def test_pickled_weights_are_refused_and_never_run(checkpoint: Path, place: Path) -> None:
    import torch
    from safetensors.torch import load_file

    task_file("data/train.jsonl")
    weights = load_file(checkpoint / "model.safetensors")
    (checkpoint / "model.safetensors").unlink()
    torch.save(weights, checkpoint / "pytorch_model.bin")
    done = ask(checkpoint)
    assert done.code == 2
    assert "holds no weights" in done.err
    assert "--allow-pickle" in done.err
    assert ask(checkpoint, "--allow-pickle").code == 0  # plain tensors
    torch.save({"x": Payload(place / "mark")}, checkpoint / "pytorch_model.bin")
    assert ask(checkpoint, "--allow-pickle").code in (1, 2)
    assert not (place / "mark").exists()


def test_a_pickled_adapter_is_refused(checkpoint: Path, place: Path) -> None:
    adapter = place / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    (adapter / "adapter_model.bin").write_bytes(pickle.dumps(Payload(place / "mark")))
    task_file("data/train.jsonl")
    done = t2t("evaluate", "--model", checkpoint, "--adapter", adapter, "--task", "reviews")
    assert done.code == 2
    assert "adapter_model.safetensors" in done.err
    assert not (place / "mark").exists()


def test_code_beside_a_checkpoint_never_runs(checkpoint: Path, place: Path) -> None:
    (checkpoint / "evil.py").write_text(f"import os\nos.mkdir({str(place / 'mark')!r})\n")
    for file, classes in (
        ("config.json", {"AutoConfig": "evil.C", "AutoModelForMaskedLM": "evil.M"}),
        ("tokenizer_config.json", {"AutoTokenizer": ["evil.T", None]}),
    ):
        told = json.loads((checkpoint / file).read_text())
        (checkpoint / file).write_text(json.dumps(told | {"auto_map": classes}))
    task_file("data/train.jsonl")
    ask(checkpoint)
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps(config | {"model_type": "evil"}))
    assert ask(checkpoint).code == 2
    assert not (place / "mark").exists()


def test_a_checkpoint_to_resume_from_cannot_run_code(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"steps": 2, "checkpoint_steps": 1}
    monkeypatch.setenv("T2T_ALLOW_OUTSIDE", str(place))
    Stopped(monkeypatch, 1, RuntimeError)
    assert run(place, "encoder", "out", **settings).code == 1
    (state,) = Path("out").glob("**/optimizer.pt")
    state.write_bytes(pickle.dumps(Payload(place / "mark")))
    # A state that is not what was written is left out; training goes on from before it.
    assert run(place, "encoder", "out", **settings).code == 0
    assert not (place / "mark").exists()


# Data sets bring no code


def test_a_data_set_with_a_script_is_refused(place: Path) -> None:
    from t2t_xfer.data.sources import HubSource, SplitRef

    (place / "owner" / "evil").mkdir(parents=True)
    code = f"import os\nos.mkdir({str(place / 'mark')!r})\n"
    (place / "owner" / "evil" / "evil.py").write_text(code)
    with pytest.raises(UserError, match="cannot read it"):
        list(HubSource().rows(SplitRef("owner/evil", "default", "test")))
    assert not (place / "mark").exists()


# Nothing is served


SERVERS = {"http.server", "socketserver", "flask", "fastapi", "uvicorn", "aiohttp", "tornado"}
SERVERS |= {"gradio", "streamlit", "xmlrpc.server", "wsgiref", "socket", "asyncio"}


def test_no_module_opens_a_port() -> None:
    for path in (REPOSITORY / "t2t_xfer").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not SERVERS.intersection(names), path


# No secrets in records


def test_tokens_of_the_environment_stand_in_no_result(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "hf_dontwritethisdown"
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, secret)
    task_file("data/train.jsonl")
    done = t2t("evaluate", "--task", "reviews", "--engine", "majority", "--output", "out")
    assert done.code == 0, done.err
    files = [path for path in Path("out").rglob("*") if path.is_file()]
    assert any(path.name == "record.json" for path in files)
    assert not [path for path in files if secret.encode() in path.read_bytes()]
    assert secret not in done.out + done.err


@pytest.mark.parametrize("path", ["https://user:pass@host/model", "s3://key:secret@bucket/x"])
def test_an_address_with_a_password_is_no_model_and_no_data(path: str, place: Path) -> None:
    study = place / "study.yaml"
    study.write_text(STUDY.replace("PATH", f'"{path}"'))
    refused(study, ":1:26: models[0].path", "not an address", spec=StudySpec)
    with pytest.raises(SpecError) as caught:
        load_yaml(study, StudySpec)
    assert "pass@" not in str(caught.value)
    assert "secret" not in str(caught.value)
    for options in (
        ("--task", "reviews", "--engine", "oracle", "--data", f"mirror:{path}"),
        ("--task", "reviews", "--engine", "oracle", "--data", path),
        ("--task", "mnli", "--model", "micro:encoder", "--data", "microworld", "--adapter", path),
        ("--task", path, "--engine", "oracle"),
    ):
        refusal = t2t("evaluate", *options)
        assert refusal.code == 2
        assert "pass@" not in refusal.err
        assert "secret" not in refusal.err
    make_mirror(place)
    places = ("--data", "mirror:hub", "--output", "out")
    done = t2t("train", "--model", path, "--task", "mnli", *places)
    assert done.code == 2
    assert "pass" not in done.err
    assert not Path("out").exists()


def test_messages_are_cut_and_keep_no_password() -> None:
    message = str(UserError(f"{'a' * 100_000}\nsee https://me:hunter2@host/x and http:/u:p@h"))
    assert "hunter2" not in message
    assert message.endswith("see https://…@host/x and http:/…@h")
    assert "(100,000 characters)" in message
    assert len(message) < 5_000
    assert str(UserError("see https://host/x@1 and me@host")) == "see https://host/x@1 and me@host"


def test_a_user_that_nobody_is_can_allow_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    done = t2t("--allow-outside", "~nosuchuser", "tasks", "ls")
    assert done.code == 2
    assert "no user of this name" in done.err
