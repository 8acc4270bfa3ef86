"""Find tasks, prompts and studies by name.

The rule: a name is a file's stem, the user's own `./tasks`, `./prompts` and `./studies` come
before the shipped ones, and only the files that are asked for are parsed.

    catalogue = Catalogue()
    task = catalogue.task("xnli")
    prompt = catalogue.prompt_of(task)
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

from t2t_xfer.errors import SpecError, nearest
from t2t_xfer.specs.claims import ClaimsSpec
from t2t_xfer.specs.load import S, load_yaml, place_of
from t2t_xfer.specs.prompt import DEFAULT, PromptSpec, ResolvedPrompt
from t2t_xfer.specs.study import StudySpec
from t2t_xfer.specs.task import TaskSpec

Kind: TypeAlias = Literal["task", "prompt", "study", "claims file"]
FOLDERS: dict[Kind, str] = {
    "task": "tasks",
    "prompt": "prompts",
    "study": "studies",
    "claims file": "studies/claims",
}


def shipped_root() -> Path:
    """The folder of the shipped catalogue: inside the package, or the top of a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "shipped"
    return inside if inside.is_dir() else package.parent


class Catalogue:
    """The tasks, prompts and studies under some folders, the first folder winning.

    Args:
        roots: folders that hold `tasks/`, `prompts/` and `studies/`. None: the working directory,
            then what ships with the program.
    """

    def __init__(self, roots: Sequence[Path] | None = None) -> None:
        self.roots = tuple(roots) if roots is not None else (Path(), shipped_root())
        self._tasks: dict[str, TaskSpec] = {}
        self._listed: dict[Kind, dict[str, Path]] = {}

    def task(self, name: str) -> TaskSpec:
        """The task with this name.

        Raises:
            SpecError: no such task (names the nearest), or what is wrong in its file.
        """
        if name not in self._tasks:
            path = self._path("task", name)
            self._tasks[name] = load_yaml(path, TaskSpec, tasks=self.task_names())
        return self._tasks[name]

    def prompt_of(self, task: TaskSpec) -> ResolvedPrompt:
        """A task's wording, words and synonyms, from its own file and the prompt it uses.

        Raises:
            SpecError: no such prompt or variant, or words that do not fit the task's labels.
        """
        shared = None
        if task.prompt.use is not None:
            with self._at(task.task, ("prompt", "use")):
                self._path("prompt", task.prompt.use)
            shared = self._load("prompt", task.prompt.use, PromptSpec)
        with self._at(task.task, ("prompt", "variant" if shared else "input")):
            return resolve_prompt(task, shared)

    def task_names(self) -> list[str]:
        """All tasks by name, sorted. No file is parsed."""
        return [*self._files("task")]

    def task_file(self, name: str) -> Path:
        """The file of a task. Raises `SpecError` where there is none."""
        return self._path("task", name)

    def study(self, path_or_name: str | Path) -> StudySpec:
        """A study from its file, or by its name in `studies/`.

        Raises:
            SpecError: no such study, or what is wrong in its file, unknown tasks included.
        """
        return self._named("study", path_or_name, StudySpec)

    def claims(self, path_or_name: str | Path) -> ClaimsSpec:
        """Claims from their file, or by their name in `studies/claims/`.

        Raises:
            SpecError: no such file, or what is wrong in it, unknown tasks included.
        """
        return self._named("claims file", path_or_name, ClaimsSpec)

    def _named(self, kind: Kind, path_or_name: str | Path, spec: type[S]) -> S:
        path = Path(path_or_name)
        if path.suffix not in (".yaml", ".yml") and len(path.parts) == 1:
            path = self._path(kind, str(path_or_name))
        return load_yaml(path, spec, tasks=self.task_names())

    @contextmanager
    def _at(self, task: str, keys: Sequence[str]) -> Iterator[None]:
        """Puts the place in the task's file before what is wrong between it and its prompt."""
        try:
            yield
        except SpecError as e:
            if task not in self._files("task"):  # not from a file
                raise
            raise SpecError(f"{place_of(self._path('task', task), keys)}: {e}") from e

    def _load(self, kind: Kind, name: str, spec: type[S]) -> S:
        return load_yaml(self._path(kind, name), spec, tasks=self.task_names())

    def _path(self, kind: Kind, name: str) -> Path:
        if name not in self._files(kind):
            self._listed.pop(kind)  # it may have been written since
        files = self._files(kind)
        if name in files:
            return files[name]
        hint = nearest(name, [*files]) or f" There are: {', '.join(files) or 'none'}."
        raise SpecError(f"unknown {kind} {name!r}.{hint}{self._misnamed(kind, name)}")

    def _files(self, kind: Kind) -> dict[str, Path]:
        """Name -> file, sorted. Folders are listed once: a task that is loaded asks for all names,
        and hundreds of tasks would list hundreds of files each."""
        if kind not in self._listed:
            folders = [root / FOLDERS[kind] for root in reversed(self.roots)]
            found = {
                name.removesuffix(".yaml"): folder / name
                for folder in folders
                if folder.is_dir()
                for name in os.listdir(folder)
                if name.endswith(".yaml") and (folder / name).is_file()
            }
            self._listed[kind] = dict(sorted(found.items()))
        return self._listed[kind]

    def _misnamed(self, kind: Kind, name: str) -> str:
        """A word about `x.yml`, which is where a missing `x.yaml` often is."""
        for root in self.roots:
            for file in (root / FOLDERS[kind]).glob("*.yml"):
                if file.stem == name:
                    return f" {file} must be called {file.stem}.yaml to be found."
        return ""


def resolve_prompt(task: TaskSpec, prompt: PromptSpec | None) -> ResolvedPrompt:
    """The wording, words and synonyms that a task uses.

    Args:
        task: its own `input` and `word`s beat everything.
        prompt: the shared prompt that `task.prompt.use` names; None for a task without one.

    Raises:
        SpecError: unknown variant; a word or synonym for a label that the task lacks; a label
            without a word; one word for two labels.
    """
    if prompt is None:
        assert task.prompt.input is not None, "a task that uses a prompt is resolved with it"
        return ResolvedPrompt(input=task.prompt.input, words=_words(task, {}, "its own prompt"))
    name = task.prompt.variant
    if name not in prompt.variants:
        raise SpecError(
            f"task {task.task!r}: the prompt {prompt.prompt!r} has no variant {name!r}; it has"
            f" {', '.join(prompt.variants)}.{nearest(name, list(prompt.variants))}"
        )
    variant = prompt.variants[name]
    where = f"the prompt {prompt.prompt!r}, variant {name!r}"
    words = _words(task, prompt.words.get(name, prompt.words.get(DEFAULT, {})), where)
    for language, synonyms in prompt.synonyms.items():
        _check_synonyms(task, words, synonyms, f"{where}, synonyms in {language}")
    return ResolvedPrompt(
        input=variant.input, words=words, synonyms=prompt.synonyms, languages=variant.languages
    )


def _words(task: TaskSpec, shared: Mapping[str, str], where: str) -> dict[str, str]:
    _check_labels(task, shared, where)
    words: dict[str, str] = {}
    for label in task.worded:
        own = task.labels[label].word if label in task.labels else None
        word = own or shared.get(label)
        if word is None and task.answer in ("choice", "pair"):
            word = label  # a letter, yes, no
        if word is None:
            raise SpecError(
                f"task {task.task!r}: the label {label!r} has no word in {where}. Give it one in"
                f" the prompt's `words`, or in the task: labels: {{{label}: {{word: …}}}}"
            )
        words[label] = word
    _check_one_label_each({label: (word,) for label, word in words.items()}, task, where)
    return words


def _check_synonyms(
    task: TaskSpec, words: Mapping[str, str], synonyms: Mapping[str, tuple[str, ...]], where: str
) -> None:
    _check_labels(task, synonyms, where)
    texts = {label: (word, *synonyms.get(label, ())) for label, word in words.items()}
    _check_one_label_each(texts, task, where)


def _check_labels(task: TaskSpec, given: Mapping[str, object], where: str) -> None:
    for label in given:
        if label not in task.worded:
            known = ", ".join(task.worded) or f"none (the answer is {task.answer})"
            raise SpecError(
                f"task {task.task!r}: {where} has words for the label {label!r}, which is outside"
                f" the task's labels: {known}.{nearest(label, task.worded)}"
            )


def _check_one_label_each(texts: Mapping[str, tuple[str, ...]], task: TaskSpec, where: str) -> None:
    owners: dict[str, str] = {}
    for label, each in texts.items():
        for text in each:
            owner = owners.setdefault(text.casefold(), label)
            if owner != label:
                raise SpecError(
                    f"task {task.task!r}: in {where}, {text!r} stands for both {owner!r} and"
                    f" {label!r}; an answer could not be told apart"
                )
