"""What is predicted and scored, and what must be predicted beside it for the score.

    Evaluated("xnli", "de", "test", None).beside(context, Readout.rank)   # {} or tuning, null

Scores of options without their example, which `pmi` and `contextual` compare with, are a `predict`
stage of their own, in the role `null` of a `score` stage. So another normalisation decodes at most
these few prompts and scores again. With fixed options there is one prompt for each text that says
nothing, whatever the rows, limits and (unless a prompt is worded by language) languages; with
`cloze` one for each example, whose choices are its own.

    label, contextual    premise: N/A … relation:      entailment | neutral | contradiction
    cloze, pmi           answer:                       the example's own choices
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from t2t_xfer.data.examples import missing_languages
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.metrics import Tuned
from t2t_xfer.prompts import Template
from t2t_xfer.records import (
    ArchitectureName,
    Example,
    Generation,
    Json,
    Prompted,
    Readout,
    Split,
    Value,
)
from t2t_xfer.stages.task import Task

if TYPE_CHECKING:
    from t2t_xfer.stages.context import Context


class Evaluated(NamedTuple):
    """What is predicted and scored."""

    task: str
    language: str
    split: Split
    limit: int | None
    tuning_limit: int | None = None
    """Of the validation rows that a threshold is chosen on."""
    null: bool = False
    """Options are scored without their example; see `stages.ranks`."""
    scored_only: bool = True
    """Nothing is chosen by these rows: neither weights nor a threshold."""

    @property
    def suffix(self) -> str:
        """What labels say of predictions that are not those of the test split."""
        return ".null" if self.null else "" if self.split == "test" else f".{self.split}"

    def beside(self, context: Context, readout: Readout) -> dict[str, Evaluated]:
        """What else is predicted for the score, by the role that it has there."""
        tuning = self.tuning(context)
        found = {} if tuning is None else {"tuning": tuning}
        if needs_null(context.task(self.task), readout):
            found["null"] = self._replace(null=True)
        return found

    def tuning(self, context: Context) -> Evaluated | None:
        """The validation rows that a threshold is chosen on; None if nothing is, or there are
        none: then it is the best one of the tested rows themselves, and the signature says so."""
        task = context.task(self.task)
        if self.split != "test" or not isinstance(task.metric, Tuned):
            return None
        if missing_languages(task.spec, context.source, [self.language], "validation"):
            return None
        return self._replace(split="validation", limit=self.tuning_limit, scored_only=False)


def check_ranked(architecture: ArchitectureName, task: Task, readout: Readout) -> None:
    """Refuses a way of comparing ranked options where options are not ranked.

    Raises:
        UnsupportedError: the readout is another.
    """
    if readout is not Readout.rank and not task.spec.rank.is_default(task.spec.cloze):
        raise UnsupportedError(
            f"task {task.name!r}: `rank` says how the scores of ranked options are compared, but"
            f" the architecture {architecture!r} reads this task by {readout.value!r}. Leave out"
            f" `rank`, or set `readout: {{{architecture}: rank}}` where the architecture can do it."
        )


def check_chosen_on_rows_alone(task: Task) -> None:
    """Refuses to choose weights on scores that need more than the dev rows.

    Raises:
        UnsupportedError: options are compared with what they are worth without their example.
    """
    if task.spec.rank.needs_null:
        raise UnsupportedError(
            f"task {task.name!r}: `rank` compares options with their scores without an example,"
            " which are not read again at every dev score of a training. Set `select: null`, or"
            " `rank: {normalise: sum}`."
        )


def needs_null(task: Task, readout: Readout) -> bool:
    """Whether a `score` stage of this readout compares with scores without the example."""
    return readout is Readout.rank and task.spec.rank.needs_null


def null_spec(task: Task, language: str) -> dict[str, Json]:
    """What the identity of a prediction of fixed options without examples says of its prompts."""
    shots = task.spec.few_shot
    worded = language in task.prompt.languages or (shots is not None and shots.language == "same")
    return {
        "null": task.spec.rank.null(),
        "language": language if worded else task.spec.source_language,
    }


def read_prompts(
    context: Context, task: Task, spec: Mapping[str, Any]
) -> tuple[list[Example], list[Prompted]]:
    """What a `predict` stage answers: the examples, or what stands in their place.

    Raises:
        DataError: as `Context.prompted`; or the prompt fails on a text that says nothing.
    """
    if "null" not in spec:
        return context.prompted(
            task.name, spec["language"], spec["split"], spec["limit"], tested=True
        )
    domain = spec["null"].get("domain")
    if task.spec.cloze:
        examples, prompted = context.prompted(
            task.name, spec["language"], spec["split"], spec["limit"], tested=True
        )
        return examples, [_behind(domain, text) for text in prompted]
    texts = spec["null"].get("content_free", [""])
    examples = [_empty(task, spec["language"], f"null:{i}", text) for i, text in enumerate(texts)]
    prompted = context.render(task, examples)
    return examples, prompted if domain is None else [_behind(domain, text) for text in prompted]


def _behind(domain: str, prompted: Prompted) -> Prompted:
    """The same question for the same options behind another text."""
    return replace(prompted, input=domain, regions=(), shortenable=(), target="")


def _empty(task: Task, language: str, id: str, text: str) -> Example:
    """An example whose every field is one text."""
    source = task.prompt.languages.get(language, task.prompt.input)
    fields: dict[str, Value] = dict.fromkeys(Template(source).names, text)
    if task.spec.answer == "choice":
        fields["choices"] = (text,) * len(task.options)
    return Example(id, task.name, language, "test", fields, None)


def with_null(
    task: Task, generations: Mapping[str, Generation], null: Mapping[str, Generation]
) -> dict[str, Generation]:
    """The generations with the scores of the same options without their example.

    Args:
        null: by example id with `cloze`, else one for each text that says nothing, in their order.
    """

    def alone(id: str) -> Iterable[Generation]:
        return (null[id],) if task.spec.cloze else null.values()

    return {
        id: replace(each, without_context=tuple(other.scores for other in alone(id)))
        for id, each in generations.items()
    }
