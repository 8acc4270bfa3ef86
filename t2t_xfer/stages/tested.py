"""What is predicted and scored, and what must be predicted beside it for the score.

Test("xnli", "de", "test", None).beside(context, Readout.rank)   # {} or tuning, null
"""

from __future__ import annotations

from typing import NamedTuple

from t2t_xfer.data.examples import missing_languages
from t2t_xfer.metrics import Tuned
from t2t_xfer.records import Readout, Split
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.ranks import needs_null


class Test(NamedTuple):
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

    def beside(self, context: Context, readout: Readout) -> dict[str, Test]:
        """What else is predicted for the score, by the role that it has there."""
        tuning = self.tuning(context)
        found = {} if tuning is None else {"tuning": tuning}
        if needs_null(context.task(self.task), readout):
            found["null"] = self._replace(null=True)
        return found

    def tuning(self, context: Context) -> Test | None:
        """The validation rows that a threshold is chosen on; None if nothing is, or there are
        none: then it is the best one of the tested rows themselves, and the signature says so."""
        task = context.task(self.task)
        if self.split != "test" or not isinstance(task.metric, Tuned):
            return None
        if missing_languages(task.spec, context.source, [self.language], "validation"):
            return None
        return self._replace(split="validation", limit=self.tuning_limit, scored_only=False)
