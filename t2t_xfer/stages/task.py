"""A task ready to use: its spec, its prompt, its answer format, its metric, and its training rows.

The rule of the rows: a task that is trained in the source language has the identity that it always
had; one with `train_languages` names each language with its own rows, so other translations are
other data.

    training_data(context, task)    # {"language": "en", "place": …, "data": …}
                                    # {"languages": ["de", "ru"], "rows": {"de": {…}, "ru": {…}}}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from t2t_xfer.answers import AnswerFormat, answer_format
from t2t_xfer.data.examples import with_inventory
from t2t_xfer.data.places import described
from t2t_xfer.data.sources import Source
from t2t_xfer.errors import DataError, UserError
from t2t_xfer.metrics import Metric, metric_of
from t2t_xfer.records import Example, Json, Prompted, Split
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.task import KEYS, TaskSpec

if TYPE_CHECKING:
    from t2t_xfer.stages.context import Context

READS = ("task", "answer", "source_language", "fields", "id_field", "shortenable")
"""What of a task's spec changes what a model is shown, beside the `KEYS` of its answer. The data
itself counts by its hash."""


@dataclass(frozen=True)
class Task:
    """What stages need of a task."""

    spec: TaskSpec
    prompt: ResolvedPrompt
    answer: AnswerFormat
    metric: Metric

    @property
    def name(self) -> str:
        """The file's stem."""
        return self.spec.task

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the answers in the order of the answer format's options."""
        return tuple(self.spec.labels) or self.spec.tags

    def shown(self) -> dict[str, Json]:
        """Identity of what a model is shown and asked: for training and prediction."""
        spec = self.spec.canonical()
        prompt, keys = self.prompt.canonical(), KEYS[self.spec.answer]
        return {
            **{key: spec[key] for key in (*READS, *keys.needed, *keys.shown)},
            "input": prompt["input"],
            "words": prompt["words"],
            "localized": prompt.get("languages"),
            # Gold is made legal under a scheme, for training and for scoring.
            **({} if self.spec.tag_scheme is None else {"tag_scheme": self.spec.tag_scheme}),
            **({} if self.spec.few_shot is None else {"few_shot": spec["few_shot"]}),
        }

    def parsed(self) -> dict[str, Json]:
        """Identity of how answers are read from text and scored."""
        prompt = self.prompt.canonical()
        return {
            "task": self.name,
            "labels": self.spec.canonical()["labels"],
            "form": self.spec.form,
            "tags": list(self.spec.tags),
            "default_tag": self.spec.default_tag,
            "unanswerable": self.spec.unanswerable,
            **({} if self.spec.tag_scheme is None else {"tag_scheme": self.spec.tag_scheme}),
            **({"tag_reading": "legal"} if self.spec.tag_reading == "legal" else {}),
            "words": prompt["words"],
            "synonyms": prompt["synonyms"],
            "metric": self.metric.signature,
            **self.spec.rank.identity(self.spec.cloze),
        }


def load_task(catalogue: Catalogue, name: str, source: Source) -> Task:
    """A task by its name.

    Args:
        catalogue: where tasks and prompts are found.
        name: the file's stem.
        source: where the tags come from if the task takes them from its data (`tags_from`).

    Raises:
        SpecError: no such task, or its YAML or prompt is wrong.
        AbsentError, DataError: the tags cannot be read.
    """
    spec = with_inventory(catalogue.task(name), source)
    prompt = catalogue.prompt_of(spec)
    return Task(
        spec,
        prompt,
        answer_format(spec, prompt),
        metric_of(spec),
    )


def check_unchanged(task: Task, planned: object, current: object) -> None:
    """Refuses to do what was planned for another wording or another reading of a task.

    Raises:
        UserError: the two differ.
    """
    if planned != current:
        raise UserError(
            f"the task {task.name!r} or its prompt has changed since this run was planned."
            " Start it again."
        )


def render(task: Task, example: Example) -> Prompted:
    """An example as text.

    Raises:
        DataError: the prompt fails on it; names the example.
    """
    try:
        return task.answer.render(example)
    except DataError as e:
        where = f"task {task.name!r}, {example.language}, {example.split}, example {example.id!r}"
        raise DataError(f"{where}: {e}") from e


def rows_of(
    context: Context, task: Task, language: str, split: Split, tested: bool = False
) -> dict[str, Json]:
    """Which rows: their places on the hub (paths of files do not count), filters and content."""
    return {
        **described(task.spec, language, split),
        "data": context.fingerprint(task.name, language, split, tested),
    }


def training_data(context: Context, task: Task) -> dict[str, Json]:
    """Identity of a task's training rows, with their language or languages."""
    if not task.spec.train_languages:
        language = task.spec.source_language
        return {"language": language, **rows_of(context, task, language, "train")}
    return {
        "languages": [*task.spec.train_languages],
        "rows": {code: rows_of(context, task, code, "train") for code in task.spec.train_languages},
    }


def read_training(
    context: Context, task: str, languages: tuple[str, ...], limit: int | None
) -> tuple[list[Example], list[Prompted]]:
    """The training examples, language after language, with their text.

    Args:
        limit: most rows of each language, the same ones in all of them.

    Raises:
        DataError: as `read_examples`.
    """
    examples: list[Example] = []
    prompted: list[Prompted] = []
    for language in languages:
        found = context.prompted(task, language, "train", limit)
        examples += found[0]
        prompted += found[1]
    return examples, prompted
