"""The prompt of one task: one template, or another for some languages, checked for regions.

Slots and shortening work on regions, so a field that they need must stand bare in the prompt:
behind a filter or a `~` its text is there but nobody knows where.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from t2t_xfer.errors import SpecError, nearest
from t2t_xfer.prompts import Rendered, Template
from t2t_xfer.records import Example, Value
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.task import TaskSpec


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
