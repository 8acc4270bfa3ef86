"""Tags in one pass beside our own constrained generation: what `evaluation.py tags` measures.

`score`: a shipped micro model is trained in each of the two forms on the same English sentences of
the microworld's UDPOS, in the same order, and read in the form it was trained in; the interval is a
bootstrap over sentences. `speed`: random weights and a vocabulary of 131k on sentences of some 20
words, three of the microworld's in a row; each form with the batch that it is fastest with.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from random import Random
from typing import Any

from evaluation_cases import Case, case_of, prepare
from evaluation_sides import quiet, timed
from tagging import trained

from t2t_xfer.architectures.loading import load
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.microworld.checkpoints import checkpoint
from t2t_xfer.records import Example, Prompted, Readout
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.score import score_examples
from t2t_xfer.stages.task import Task, render

FORMS = (Readout.slots, Readout.generate)
LANGUAGES = ("en", "de", "tr")
RESAMPLES = 1000


def speed(case: Case, batches: list[int]) -> dict[str, Any]:
    """Seconds of each form by batch."""
    context = Context(Catalogue(), "microworld")
    task = context.task("udpos")
    examples, _ = context.prompted("udpos", "en", "test", 3 * case.items)
    prompted = [_joined(task, examples[i : i + 3]) for i in range(0, len(examples) - 2, 3)]
    engine = TransformersEngine(load(str(case.model), max_input_tokens=case.context))
    found: dict[str, Any] = {
        "words": sum(len(p.slot_targets) for p in prompted),
        "items": len(prompted),
    }
    for form in FORMS:
        engine.answer(prompted[:2], form)
        found[form.value] = {}
        for batch in batches:
            engine.batch_tokens = batch
            _, times = timed(lambda form=form: engine.answer(prompted, form))  # type: ignore[misc]
            found[form.value][str(batch)] = times["seconds"]
    return found


def _joined(task: Task, examples: list[Example]) -> Prompted:
    """One sentence out of several."""
    words = [word for each in examples for word in each.fields["words"]]  # type: ignore[union-attr]
    tags = tuple(tag for each in examples for tag in each.gold or ())
    fields = {**examples[0].fields, "words": tuple(words)}
    return render(task, replace(examples[0], fields=fields, gold=tags))  # type: ignore[arg-type]


def score(case: Case, steps: int) -> dict[str, Any]:
    """F1 of both forms in each language, with the interval of generation, and reading times."""
    context = Context(Catalogue(), "microworld")
    task = context.task("udpos")
    train, test = (16, 6) if case.tiny else (2000, case.items)
    _, prompted = context.prompted("udpos", "en", "train", train)
    found: dict[str, Any] = {}
    for form in FORMS:
        path = str(checkpoint(f"micro:{case.architecture}"))
        loaded = load(path, max_input_tokens=128)
        trained(loaded, task, prompted, form, steps, 0)
        engine = TransformersEngine(loaded)
        for language in LANGUAGES:
            examples, asked = context.prompted("udpos", language, "test", test)
            read, times = timed(lambda: engine.answer(asked, form))  # noqa: B023
            rows = score_examples(task, examples, asked, {g.id: g for g in read}).rows
            low, middle, high = _interval(task, rows)
            found.setdefault(language, {})[form.value] = {
                "f1": middle,
                "low": low,
                "high": high,
                "seconds": times["seconds"],
            }
    return found


def _interval(task: Task, rows: list[dict[str, Any]]) -> tuple[float, float, float]:
    """2.5 %, the score itself and 97.5 %, of sentences drawn with replacement."""
    statistics = [tuple(row["statistics"]) for row in rows]
    rng = Random(0)
    drawn = sorted(
        task.metric.scored(rng.choices(statistics, k=len(statistics))).value
        for _ in range(RESAMPLES)
    )
    low, high = drawn[RESAMPLES // 40], drawn[-1 - RESAMPLES // 40]
    return low, task.metric.scored(statistics).value, high


def answered(told: dict[str, Any]) -> dict[str, Any]:
    """What the parent asks for."""
    quiet(told["threads"])
    case = case_of(told["case"])
    if told["side"] == "speed":
        prepare(case)
        return speed(case, told["batches"])
    return score(case, told["steps"])


if __name__ == "__main__":
    print(json.dumps(answered(json.loads(sys.argv[1]))))
