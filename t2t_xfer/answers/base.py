"""What an answer format is, and the prompt that it is asked with.

A format holds both directions between gold answers and text. `render` and `parse` are inverses:
whatever the gold answer, parsing the target text gives it back.

Slots and shortening work on regions, so a field that they need must stand bare in the prompt:
behind a filter or a `~` its text is there but nobody knows where.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from t2t_xfer.errors import DataError, SpecError, nearest
from t2t_xfer.prompts import Rendered, Template
from t2t_xfer.records import (
    Example,
    Generation,
    Gold,
    Prediction,
    Prompted,
    Question,
    Readout,
    Value,
)
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.task import TaskSpec


class AnswerFormat(Protocol):
    """One kind of answer of one task."""

    @property
    def name(self) -> str:
        """What people call it: `label`, `choice`, `cloze`, `separate`, `span`, `tags`, `pair`."""
        ...

    @property
    def asks(self) -> type[Question]:
        """The kind of question: an architecture that answers such questions can do the task."""
        ...

    @property
    def options(self) -> tuple[str, ...]:
        """The texts of the answers in the order of the task's YAML; none if they are not closed."""
        ...

    @property
    def words(self) -> tuple[str, ...]:
        """What a model is asked to say whatever the example: its options, or yes and no."""
        ...

    @property
    def closed(self) -> bool:
        """Whether the answers are the same few for every example: they have a majority baseline."""
        ...

    @property
    def shuffles(self) -> bool:
        """Whether the text of an example is another in every epoch of training."""
        ...

    def render(self, example: Example, epoch: int | None = None) -> Prompted:
        """The example as text.

        Args:
            example: what to render.
            epoch: given in training only; what is shuffled is a function of the example's id and
                the epoch. None: the data's own order.

        Raises:
            SpecError: the prompt loses a region that the answer needs.
            DataError: the prompt names a field that the example lacks.
        """
        ...

    def parse(self, generation: Generation, prompted: Prompted) -> Prediction:
        """The answer that was read from the model. No text raises.

        Raises:
            ValueError: scores or choices do not fit the options or slots: a bug of ours.
        """
        ...

    def reading(self, readout: Readout) -> str:
        """How a score is made of what this readout gives, for the signature; mostly nothing."""
        ...

    def constant(self, golds: Iterable[Gold]) -> str:
        """The text of the most frequent option (for each slot): what the majority engine says."""
        ...


def most_frequent(options: Sequence[str], answers: Iterable[str]) -> str:
    """The most frequent answer; the first in the order of the options if several are.

    Raises:
        DataError: there are no answers to count.
    """
    counts = Counter(answers)
    if not counts:
        raise DataError("the majority baseline needs at least one example with a gold answer.")
    return max(options, key=lambda option: counts[option])


def best_option(scores: Sequence[float], options: Sequence[str]) -> int:
    """Index of the highest score; the first one if several are equal.

    Raises:
        ValueError: not one score for each option, or a score is not a number.
    """
    if len(scores) != len(options):
        raise ValueError(f"{len(scores)} scores for {len(options)} options {options}")
    if any(score != score for score in scores):
        raise ValueError(f"a score is NaN: {scores}")
    return max(range(len(scores)), key=scores.__getitem__)


class Wording:
    """Renders the examples of one task.

    Raises:
        SpecError: a template is not valid, or lacks a required or a shortenable field.
    """

    def __init__(
        self, task: TaskSpec, prompt: ResolvedPrompt, required: tuple[str, ...] = ()
    ) -> None:
        self._task = task.task
        self._shortenable = task.shortenable
        self._default = Template(prompt.input)
        self._languages = {code: Template(source) for code, source in prompt.languages.items()}
        for template in (self._default, *self._languages.values()):
            for field in (*required, *task.shortenable):
                if field not in template.names:
                    raise SpecError(
                        f"task {self._task!r}: the prompt {template.source!r} lacks the field"
                        f" {{{{ {field} }}}}.{nearest(field, sorted(template.names))}"
                    )

    @property
    def text(self) -> str:
        """What all wordings say themselves."""
        return "\n".join(each.source for each in (self._default, *self._languages.values()))

    @property
    def names(self) -> frozenset[str]:
        """Every field that a wording shows."""
        return frozenset().union(
            *(template.names for template in (self._default, *self._languages.values()))
        )

    def render(
        self,
        example: Example,
        slots: Iterable[str] = (),
        fields: Mapping[str, Value] | None = None,
    ) -> Rendered:
        """The input text.

        Args:
            example: what to render.
            slots: regions that must be there exactly once, because one answer belongs to each.
            fields: what the template may name, if it is not the example's own fields.

        Raises:
            SpecError: the prompt loses a region, or shows a slot twice.
        """
        template = self._languages.get(example.language, self._default)
        rendered = template.render(example.fields if fields is None else fields)
        counts = Counter(region.field for region in rendered.regions)
        for field in self._shortenable:
            if not counts[field] and not counts[f"{field}[0]"]:
                raise SpecError(self._lost(field, template))
        for slot in slots:
            if not counts[slot]:
                raise SpecError(self._lost(slot, template))
            if counts[slot] > 1:
                raise SpecError(
                    f"task {self._task!r}: the prompt {template.source!r} shows {slot}"
                    f" {counts[slot]} times. Show it once: one answer belongs to it."
                )
        return rendered

    def _lost(self, region: str, template: Template) -> str:
        field = region.partition("[")[0]
        return (
            f"task {self._task!r}: the prompt {template.source!r} loses the place of {region} in"
            f" the text. Write {{{{ {field} }}}} bare, without a filter, `~` or `join`."
        )
