"""The example browser: `examples.html`, and the examples of each target and language beside it.

The rules: a page that was opened from a file may not fetch, so each file of data is a script that
hands its examples to the page, and is loaded when it is asked for. No file holds more than
`EXAMPLES` examples: of each target and language those come first that models of one intermediate
were scored differently on, then those without a readable answer, and only these are read from the
logs. Logs keep answers, not inputs: an input is rendered again, and shown only if the task, its
prompt and the data are those of the run; else the reader is told why there is none.

    chunks = browse(Results.read(directory), Inputs(Catalogue()))
    write_examples(directory, "quickstart", chunks)
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from t2t_xfer.errors import AbsentError, DataError, UserError
from t2t_xfer.files import replaced_folder, write_text
from t2t_xfer.metrics import METRICS
from t2t_xfer.records import Json, Status
from t2t_xfer.report.given import first_text
from t2t_xfer.report.numbers import EMBED, aside_name, read_twice
from t2t_xfer.report.page import environment
from t2t_xfer.stages.predict import PredictStage
from t2t_xfer.stages.score import ScoreStage
from t2t_xfer.study.plan_file import Cell
from t2t_xfer.study.record import Record
from t2t_xfer.study.results import Floats, Log, Result, Results

if TYPE_CHECKING:
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.stages.context import Context


EXAMPLES = 50
"""The most examples of one target and language."""
ANSWERS = 2400
"""The most answers of one target and language: with many runs there are fewer examples."""
CHARACTERS = 3000
"""Of a text; what is longer is cut, and says so."""
FOLDER = "examples"
PAGE = "examples.html"
OWN = re.compile(r"(\d{4,}|index)\.js")
"""The names of our files in the folder; others there are somebody's own."""


@dataclass(frozen=True)
class Run:
    """One column of answers."""

    model: str
    architecture: str
    intermediate: str
    seed: int
    readout: str


@dataclass(frozen=True)
class BrowsedAnswer:
    """What one run made of an example."""

    raw: str
    """What the model gave, before any parsing."""
    value: str
    """The answer read from it; empty if none could be read."""
    status: str
    points: float
    """The metric of this example alone, 0 to 100."""


@dataclass(frozen=True)
class Browsed:
    """One example with the answers of all runs."""

    id: str
    input: str | None
    gold: str
    answers: Sequence[BrowsedAnswer | None]
    """In the order of the chunk's runs; None: the run does not have the example."""
    disagree: bool
    """Models differ in points on it, after the same intermediate training."""


@dataclass(frozen=True)
class Chunk:
    """Some examples of a target in a language."""

    target: str
    language: str
    total: int
    """Examples that were scored."""
    disagreements: int
    """Those among them that models disagree on."""
    runs: Sequence[Run]
    examples: Sequence[Browsed]
    note: str = ""
    """Why the inputs are not shown, if they are not."""


def write_examples(directory: Path, study: str, chunks: Iterable[Chunk]) -> Path | None:
    """Writes the page and its data in place of an earlier browser's. None: there is no example.

    Args:
        chunks: each is written before the next one is asked for.

    Raises:
        UserError: the directory cannot be written; the earlier browser is as it was.
    """
    with replaced_folder(directory / FOLDER, OWN) as folder:
        index = _write_chunks(folder, chunks)
    path = directory / PAGE
    if not index:
        path.unlink(missing_ok=True)
        return None
    page = environment().get_template("examples.html.jinja").render(study=study, cap=EXAMPLES)
    write_text(path, page + "\n")
    return path


def _write_chunks(folder: Path, chunks: Iterable[Chunk]) -> list[Json]:
    """Writes the data and, if there is any, its index."""
    index: list[Json] = []
    for number, chunk in enumerate(chunks):
        name = f"{number:04d}.js"
        text = f"received({number}, {as_script(_body(chunk))});\n"
        (folder / name).write_text(text, encoding="utf-8")
        index.append(
            {
                "target": chunk.target,
                "language": chunk.language,
                "file": f"{FOLDER}/{name}",
                "shown": len(chunk.examples),
                "total": chunk.total,
                "disagreements": chunk.disagreements,
            }
        )
    if index:
        (folder / "index.js").write_text(f"indexed({as_script(index)});\n", encoding="utf-8")
    return index


def as_script(value: Json) -> str:
    """JSON that may stand inside a script: no text in it can end the script or a line of it.

    Halves of surrogate pairs, which a model's broken text may hold, become question marks.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = text.encode("utf-8", "replace").decode("utf-8")
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def shortened(text: str) -> str:
    """A text that fits the page."""
    if len(text) <= CHARACTERS:
        return text
    return f"{text[:CHARACTERS]}… ({len(text) - CHARACTERS} more characters)"


def _body(chunk: Chunk) -> Json:
    runs: list[Json] = [
        [run.model, run.architecture, run.intermediate, run.seed, run.readout] for run in chunk.runs
    ]
    return {
        "target": chunk.target,
        "language": chunk.language,
        "note": chunk.note,
        "runs": runs,
        "examples": [_example(example) for example in chunk.examples],
    }


def _example(example: Browsed) -> Json:
    answers: list[Json] = [
        None
        if each is None
        else [each.status, shortened(each.value), shortened(each.raw), round(each.points, 1)]
        for each in example.answers
    ]
    return {
        "id": example.id,
        "input": None if example.input is None else shortened(example.input),
        "gold": shortened(example.gold),
        "differ": example.disagree,
        "answers": answers,
    }


SHOWN_SCORES = 5
"""Options or neighbours whose scores stand for a raw output that is no text."""


def browse(results: Results, inputs: Inputs) -> Iterator[Chunk]:
    """One chunk for each target and language, in the order of the cells."""
    for (target, language), cells in _places(results.finished, results.plan.cells).items():
        chosen = _choose(cells)
        answers = [_answers(each, chosen.ids) for each in cells]
        logs = [each.log for each in cells if each.log is not None]
        predict = next((log.predict for log in logs if log.predict), None)
        shown, note = inputs.of(predict, chosen.ids)
        golds = _golds(logs[0], chosen.ids) if logs else {}
        yield Chunk(
            target=target,
            language=language,
            total=chosen.total,
            disagreements=chosen.disagreements,
            runs=[
                Run(each.model, each.architecture, each.intermediate, each.seed, each.readout)
                for each in cells
            ],
            examples=[
                Browsed(
                    id,
                    shown.get(id),
                    golds.get(id, ""),
                    [by_id.get(id) for by_id in answers],
                    id in chosen.differ,
                )
                for id in chosen.ids
            ],
            note=note,
        )


class _Chosen(NamedTuple):
    ids: tuple[str, ...]
    differ: frozenset[str]
    total: int
    disagreements: int


def _places(
    finished: Sequence[Result], planned: Sequence[Cell]
) -> dict[tuple[str, str], list[Result]]:
    """The numbers of each target (as the report names it) and language, of the first seed only."""
    embedded = read_twice(planned)
    first = min((each.seed for each in finished), default=0)
    places: dict[tuple[str, str], list[Result]] = {}
    for each in finished:
        if each.seed == first:
            again = each.target in embedded and each.readout != EMBED
            target = aside_name(each) if again else each.target
            places.setdefault((target, each.language), []).append(each)
    return places


def _choose(cells: Sequence[Result]) -> _Chosen:
    """The examples to show: disagreements, then unreadable answers, then the order of the data."""
    order = {id: place for place, id in enumerate(dict.fromkeys(i for c in cells for i in c.ids))}
    differ = np.zeros(len(order), dtype=np.int64)
    invalid = np.zeros(len(order), dtype=np.int64)
    by_intermediate: dict[str, list[Result]] = {}
    for cell in cells:
        by_intermediate.setdefault(cell.intermediate, []).append(cell)
        places = [order[id] for id in cell.ids]
        invalid[places] += np.array([status == Status.invalid for status in cell.statuses])
    for same in by_intermediate.values():
        low = np.full(len(order), np.inf)
        high = np.full(len(order), -np.inf)
        for cell in same:
            places = [order[id] for id in cell.ids]
            points = example_points(cell)
            low[places] = np.minimum(low[places], points)
            high[places] = np.maximum(high[places], points)
        differ += (high - low > 1e-6).astype(np.int64)
    names = list(order)
    ranked = np.lexsort((np.arange(len(names)), -invalid, -differ))
    most = min(EXAMPLES, max(1, ANSWERS // len(cells)))
    chosen = tuple(names[place] for place in ranked[:most])
    return _Chosen(
        chosen,
        frozenset(name for name in chosen if differ[order[name]]),
        len(names),
        int((differ > 0).sum()),
    )


def example_points(cell: Result) -> Floats:
    """The metric of each example alone, 0 to 100, `[examples]`."""
    return METRICS[cell.metric]().score(cell.statistics, np.ones(len(cell.ids)))


def _answers(cell: Result, ids: Sequence[str]) -> dict[str, BrowsedAnswer]:
    if cell.log is None:
        return {}
    raw = {row["id"]: row for row in cell.log.answered(ids)}
    points = dict(zip(cell.ids, example_points(cell).tolist(), strict=True))
    names = _option_names(cell.log)
    return {
        row["id"]: BrowsedAnswer(
            raw=_raw(raw.get(row["id"], {}), names),
            value=_text(row["value"]),
            status=row["status"],
            points=points[row["id"]],
        )
        for row in cell.log.scored(ids)
        if row["id"] in points
    }


def _option_names(log: Log) -> list[str]:
    return [str(label["name"]) for label in log.score.stage(ScoreStage).parsed.labels]


def _raw(line: Mapping[str, Any], names: Sequence[str]) -> str:
    """What the model gave: its text, or the scores that it gave to options or neighbours."""
    if not line:
        return "(the log of answers is gone)"
    if line["text"] is not None:
        return str(line["text"])
    named = line.get("neighbours") or names
    values = line["scores"]
    if len(named) != len(values):
        named = [str(place) for place in range(len(values))]
    ranked = sorted(zip(values, named, strict=True), reverse=True)[:SHOWN_SCORES]
    if not ranked:
        return "(read at its slots)" if line["choices"] else ""
    return ", ".join(f"{name} {value:.3f}" for value, name in ranked)


def _golds(log: Log, ids: Sequence[str]) -> dict[str, str]:
    return {row["id"]: _text(row["gold"]) for row in log.scored(ids)}


def _text(value: Json) -> str:
    """An answer as one text: tags in a row, accepted answers each on its line."""
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            return "\n".join(dict.fromkeys(first_text(each) for each in value))
        return " ".join(map(str, value))
    return first_text(value)


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
        stage = predict.stage(PredictStage)
        context, task = self._context(stage.how.data), stage.shown.task
        if context.task(task).shown() != stage.shown.plain():
            return {}, CHANGED
        if context.fingerprint(task, stage.language, stage.split, tested=True) != stage.data:
            return {}, CHANGED
        rows = (task, stage.language, stage.split, stage.limit)
        _, prompted = context.prompted(*rows, tested=True)
        return {text.id: text.input for text in prompted if text.id in ids}, ""

    def _context(self, data: str) -> Context:
        from t2t_xfer.stages.context import Context

        if data not in self._contexts:
            self._contexts[data] = Context(self._catalogue, data)
        return self._contexts[data]
