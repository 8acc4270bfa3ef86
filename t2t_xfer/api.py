"""For scripts of your own: load a task, evaluate it on a model, read the scores as a table.

The rule: these three do what `t2t-xfer evaluate` does, through the same stages and the same store,
so a number that the command has computed is not computed again here. Importing this imports no
torch; that comes with the first prediction.

    import t2t_xfer

    xnli = t2t_xfer.load_task("xnli", data="mirror:data")
    scores = t2t_xfer.evaluate(xnli, "Qwen/Qwen3-1.7B-Base", adapters=["none", "runs/a"])
    scores.table()      # [{"model": …, "adapter": "none", "language": "ar", "score": 61.2, …}, …]
    print(scores)       # the same as text; scores.to_csv("scores.csv") as a file
"""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2t_xfer.errors import UserError
from t2t_xfer.files import write_text
from t2t_xfer.progress import quiet_libraries
from t2t_xfer.records import Example, Prompted, Split
from t2t_xfer.report.cells import no_formula
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.context import Context
from t2t_xfer.study.as_is import NONE, EngineName, Evaluation, Lost, plan_evaluation, run_evaluation
from t2t_xfer.study.results import Result
from t2t_xfer.study.store import Store

log = logging.getLogger(__name__)

COLUMNS = (
    *("model", "adapter", "task", "language", "metric", "score", "n", "invalid_rate", "readout"),
    "signature",
)
"""The columns of a table of scores, in this order."""


@dataclass(frozen=True)
class LoadedTask:
    """A task with its data at hand."""

    name: str
    data: str
    """`hub`, `mirror:DIR` or `microworld`."""
    answer: str
    """`label`, `choice`, `span`, `tags` or `pair`."""
    metric: str
    languages: tuple[str, ...]
    """Those that the task has; the data may lack some."""

    def examples(
        self, language: str, split: Split = "test", limit: int | None = None
    ) -> list[tuple[Example, Prompted]]:
        """The rows of a split, each with the text that a model is given.

        Raises:
            DataError: the data has no such split, or a row does not hold what the task says.
        """
        context = Context(Catalogue(), self.data)
        return list(zip(*context.prompted(self.name, language, split, limit), strict=True))


@dataclass(frozen=True)
class Scores:
    """What an evaluation gave."""

    rows: tuple[dict[str, Any], ...]
    """One for each adapter, task, readout and language that could be scored; see `COLUMNS`."""
    failed: tuple[Lost, ...]
    """What could not be scored, and why."""

    def table(self) -> list[dict[str, Any]]:
        """The rows as dicts of your own; `pandas.DataFrame(scores.table())` takes them.

        `score` is 0 to 100, `n` counts examples, `invalid_rate` is the share of them, 0 to 1,
        without a readable answer.
        """
        return [dict(row) for row in self.rows]

    def to_csv(self, path: str | Path) -> Path:
        """Writes the table as csv, whole or not at all.

        Raises:
            UserError: the file cannot be written.
        """
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in self.rows:
            writer.writerow({key: no_formula(value) for key, value in row.items()})
        write_text(Path(path), text.getvalue())
        return Path(path)

    def __str__(self) -> str:
        from tabulate import tabulate

        shown = COLUMNS[:-1]  # signatures are too wide for a terminal
        rows = [[row[column] for column in shown] for row in self.rows]
        return tabulate(rows, shown, floatfmt=".2f")


def load_task(name: str, data: str = "hub") -> LoadedTask:
    """A task by its name: of `./tasks`, or one that ships with the program.

    Args:
        name: the file's stem.
        data: where rows come from: `hub`, `mirror:DIR` or `microworld`.

    Raises:
        UserError: there is no such task or data, or the task's file is wrong.
    """
    spec = Context(Catalogue(), data).task(name).spec
    return LoadedTask(name, data, spec.answer, spec.metric, tuple(spec.languages))


def evaluate(
    tasks: LoadedTask | Sequence[LoadedTask],
    model: str | None = None,
    *,
    adapters: Sequence[str | None] = (NONE,),
    languages: str | Sequence[str] = "all",
    engine: EngineName = "auto",
    limit: int | None = None,
    max_input_tokens: int = 256,
    skip_missing: bool = False,
    output: str | Path = "eval_outputs",
    say: Callable[[str], None] = log.info,
) -> Scores:
    """Tests a model on tasks, zero-shot. The base is loaded once for all adapters and tasks.

    Args:
        tasks: one or several, all of the same `data`.
        model: a directory, a hub id or `micro:…`; not needed by `oracle` and `majority`.
        adapters: directories of LoRA adapters; None or `none`: the model without one.
        languages: codes, or `all`. Of several tasks each is tested in those that it has.
        engine: `auto` (vLLM where it pays, see docs/vllm.md), `transformers`, `vllm`, `oracle` or
            `majority`.
        limit: rows of a split, the same in every language.
        max_input_tokens: longer inputs are shortened, or read through windows.
        skip_missing: leave out languages that the data lacks.
        output: the directory of the store; what is finished there is not done again.
        say: is told of each stage, in a line.

    Returns:
        All that could be scored, in the order asked for; `failed` holds the rest. A cell that
        fails stops no other.

    Raises:
        UserError: what was asked for cannot work; or nothing could be scored, and you can mend it.
    """
    quiet_libraries()
    several = [tasks] if isinstance(tasks, LoadedTask) else list(tasks)
    sources = {task.data for task in several}
    if len(sources) != 1:
        found = ", ".join(sorted(sources)) or "no task at all"
        raise UserError(
            f"`evaluate` takes one or more tasks of one data source, but was given {found}. Call it"
            " once for each source."
        )
    asked = Evaluation(
        model,
        tuple(adapter or NONE for adapter in adapters) or (NONE,),
        tuple(task.name for task in several),
        (languages,) if isinstance(languages, str) else tuple(languages),
        engine,
        limit,
        max_input_tokens,
        skip_missing,
    )
    context, store = Context(Catalogue(), sources.pop()), Store(Path(output) / "store")
    plan = plan_evaluation(context, asked, log.warning, store)
    results, lost = run_evaluation(plan, context, store, say)
    return Scores(tuple(map(_row, results.finished)), tuple(lost))


def _row(result: Result) -> dict[str, Any]:
    """The columns of `COLUMNS`."""
    return {
        "model": result.model,
        "adapter": result.intermediate,
        "task": result.target,
        "language": result.language,
        "metric": result.metric,
        "score": result.score,
        "n": result.n,
        "invalid_rate": result.invalid_rate,
        "readout": result.readout,
        "signature": result.signature,
    }
