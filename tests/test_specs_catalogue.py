"""Names lead to files: the user's own first, unknown ones to the nearest, and no more is read."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from t2t_xfer.errors import SpecError
from t2t_xfer.languages import LANGUAGES
from t2t_xfer.specs import Catalogue, PromptSpec, load_yaml
from t2t_xfer.specs.catalogue import shipped_root
from tests.test_specs_load import TASK

SHIPPED = Catalogue([shipped_root()])


def folder(root: Path, **files: str) -> Path:
    """`tasks__x="…"` becomes `root/tasks/x.yaml`."""
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_the_first_root_wins(tmp_path: Path) -> None:
    own = folder(tmp_path / "own", tasks__reviews=TASK.replace("stars", "mine"))
    other = folder(tmp_path / "other", tasks__reviews=TASK, tasks__extra=TASK)
    catalogue = Catalogue([own, other])
    assert catalogue.task("reviews").label_field == "mine"
    assert catalogue.task("extra").label_field == "stars"
    assert catalogue.task_names() == ["extra", "reviews"]


def test_the_working_directory_comes_before_what_ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder(tmp_path, tasks__xnli=TASK))
    catalogue = Catalogue()
    assert catalogue.task("xnli").label_field == "stars"
    assert catalogue.task("mnli").data.hub is not None
    assert catalogue.prompt_of(catalogue.task("mnli")).words["neutral"] == "neutral"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("reviws", "unknown task 'reviws'. Did you mean 'reviews'?"),
        ("zzz", "unknown task 'zzz'. There are: broken, reviews."),
        ("../reviews", "unknown task '../reviews'."),
        ("old", "old.yml must be called old.yaml"),
    ],
)
def test_an_unknown_task(tmp_path: Path, name: str, words: str) -> None:
    root = folder(tmp_path, tasks__reviews=TASK, tasks__broken="a: [")
    (root / "tasks" / "old.yml").write_text(TASK)
    with pytest.raises(SpecError) as caught:
        Catalogue([root]).task(name)
    assert words in str(caught.value)


def test_only_the_asked_files_are_parsed(tmp_path: Path) -> None:
    root = folder(tmp_path, tasks__reviews=TASK, tasks__broken="a: [", prompts__broken="a: [")
    catalogue = Catalogue([root])
    assert catalogue.task_names() == ["broken", "reviews"]
    assert catalogue.prompt_of(catalogue.task("reviews")).words == {
        "negative": "bad",
        "positive": "good",
    }
    with pytest.raises(SpecError, match=r"broken\.yaml:\d"):
        catalogue.task("broken")


def test_an_unknown_prompt(tmp_path: Path) -> None:
    text = TASK.replace('{input: "Review: {{ text }}"}', "{use: nil}")
    root = folder(tmp_path, tasks__reviews=text, prompts__nli="variants: {}")
    catalogue = Catalogue([root])
    with pytest.raises(SpecError, match=r"unknown prompt 'nil'\. Did you mean 'nli'\?"):
        catalogue.prompt_of(catalogue.task("reviews"))


def test_a_study_by_name_and_by_path(tmp_path: Path) -> None:
    text = "models: [{name: a, path: b}]\ntargets: [reviews]\n"
    root = folder(tmp_path, tasks__reviews=TASK, studies__small=text)
    catalogue = Catalogue([root])
    assert catalogue.study("small").targets == ("reviews",)
    assert catalogue.study(root / "studies" / "small.yaml").study == "small"
    with pytest.raises(SpecError, match=r"unknown study 'smal'\. Did you mean 'small'\?"):
        catalogue.study("smal")
    with pytest.raises(SpecError, match=r"none\.yaml: cannot be read"):
        catalogue.study(root / "none.yaml")


def test_a_study_with_an_unknown_task_names_the_place_and_the_nearest(tmp_path: Path) -> None:
    text = "models: [{name: a, path: b}]\ntargets: [reviews]\nintermediates: [none, reviws]\n"
    root = folder(tmp_path, tasks__reviews=TASK, studies__small=text)
    with pytest.raises(SpecError, match=r"small\.yaml:3:23: intermediates\[1\]: .*'reviews'\?"):
        Catalogue([root]).study("small")


COUNTER = """
import json, sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
from t2t_xfer.cli import main
try:
    main(sys.argv[1:])
finally:
    print(json.dumps([name for name in opened if name.endswith(".yaml")]), file=sys.stderr)
"""


def test_a_command_opens_no_other_tasks_than_its_own(tmp_path: Path) -> None:
    folder(tmp_path, **{f"tasks__own_{number}": TASK for number in range(5)})
    for name, files in (("own_3", ["own_3.yaml"]), ("xnli", ["xnli.yaml", "nli.yaml"])):
        command = [sys.executable, "-c", COUNTER, "tasks", "show", name]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert [Path(each).name for each in json.loads(done.stderr.splitlines()[-1])] == files


def test_a_task_written_later_is_found(tmp_path: Path) -> None:
    catalogue = Catalogue([tmp_path])
    assert catalogue.task_names() == []
    folder(tmp_path, tasks__late=TASK)
    assert catalogue.task("late").answer == "label"


# What ships.


@pytest.mark.parametrize("name", SHIPPED.task_names())
def test_every_shipped_task_loads_with_its_prompt(name: str) -> None:
    task = SHIPPED.task(name)
    prompt = SHIPPED.prompt_of(task)
    assert tuple(prompt.words) == task.worded
    assert task.note, "a reader of the numbers is told what to know about the data"
    assert task.train_task is None or task.train_task in SHIPPED.task_names()


@pytest.mark.parametrize("path", sorted((shipped_root() / "prompts").glob("*.yaml")))
def test_every_shipped_prompt_loads(path: Path) -> None:
    assert load_yaml(path, PromptSpec).prompt == path.stem


def test_the_shipped_tasks_of_this_version() -> None:
    assert {"mnli", "xnli", "paws_x", "udpos"} <= set(SHIPPED.task_names())


@pytest.mark.parametrize(
    ("name", "languages", "raw"),
    [
        # By hand from the hub's data cards: an inverted label would turn a score around.
        ("xnli", 15, {"entailment": 0, "neutral": 1, "contradiction": 2}),
        ("mnli", 1, {"entailment": 0, "neutral": 1, "contradiction": 2}),
        ("paws_x", 7, {"different": 0, "paraphrase": 1}),
        ("udpos", 33, {}),
    ],
)
def test_languages_and_raw_labels_of_the_shipped_tasks(
    name: str, languages: int, raw: dict[str, int]
) -> None:
    task = SHIPPED.task(name)
    assert len(task.languages) == languages
    assert {label: each.value for label, each in task.labels.items()} == raw


def test_udpos_has_the_seventeen_tags_in_the_hubs_order() -> None:
    tags = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X"
    task = SHIPPED.task("udpos")
    assert task.tags == tuple(tags.split())
    assert task.data.hub is not None
    assert task.data.hub.config_for("zh") == "udpos.Chinese"
    assert set(task.languages) < set(LANGUAGES)


def test_xnli_and_mnli_share_their_prompt_and_xnli_its_training_rows() -> None:
    xnli, mnli = SHIPPED.task("xnli"), SHIPPED.task("mnli")
    assert xnli.train_task == "mnli"
    assert SHIPPED.prompt_of(xnli) == SHIPPED.prompt_of(mnli)
    assert mnli.data.hub is not None
    assert mnli.data.hub.splits_for("validation") == ("validation_matched",)
