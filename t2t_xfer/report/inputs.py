"""What a model was shown, rendered again: the logs keep answers, not inputs.

The rule: an input is shown only if the task, its prompt and the data are those of the run. Else the
reader is told why there is none.

    inputs = Inputs(Catalogue())
    inputs.of(record, {"1", "7"})       # ({"1": "premise: …"}, "")
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from t2t_xfer.errors import AbsentError, DataError, UserError
from t2t_xfer.study.record import Record

if TYPE_CHECKING:
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.stages.context import Context

GONE = "Inputs are not shown: the answers' own record is gone."
CHANGED = "Inputs are not shown: the task, its prompt or its data changed since these answers."


class Inputs:
    """Renders examples of finished `predict` stages."""

    def __init__(self, catalogue: Catalogue, warm: Context | None = None) -> None:
        """`warm`: the context of the run, if it is this process's own."""
        self._catalogue = catalogue
        self._contexts = {} if warm is None else {warm.data: warm}
        self._lost: dict[str, str] = {}
        """Data sources that cannot be read are not asked again: a hub without a network is slow."""

    def of(self, predict: Record | None, ids: Collection[str]) -> tuple[dict[str, str], str]:
        """The inputs by id, and why there are none."""
        if predict is None:
            return {}, GONE
        data = str(predict.how.get("data", ""))
        if data in self._lost:
            return {}, self._lost[data]
        try:
            return self._rendered(predict, ids)
        except UserError as error:
            reason = f"Inputs are not shown: {next(iter(str(error).splitlines()), '')}"
            if isinstance(error, DataError) and not isinstance(error, AbsentError):
                self._lost[data] = reason
            return {}, reason

    def _rendered(self, predict: Record, ids: Collection[str]) -> tuple[dict[str, str], str]:
        spec: Any = predict.spec
        context = self._context(str(predict.how.get("data", "")))
        name, language, split = spec["shown"]["task"], spec["language"], spec["split"]
        task = context.task(name)
        if task.shown() != spec["shown"]:
            return {}, CHANGED
        if context.fingerprint(name, language, split, tested=True) != spec["data"]:
            return {}, CHANGED
        _, prompted = context.prompted(name, language, split, spec["limit"], tested=True)
        return {text.id: text.input for text in prompted if text.id in ids}, ""

    def _context(self, data: str) -> Context:
        from t2t_xfer.stages.context import Context

        if data not in self._contexts:
            self._contexts[data] = Context(self._catalogue, data)
        return self._contexts[data]
