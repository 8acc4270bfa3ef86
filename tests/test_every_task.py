"""Every task of the catalogue trains and answers a few examples on all three architectures.

Nothing is learnt in three steps; what is shown is that rows, in English and in another script, go
through prompt, tokens, loss, reading, parser and metric without a special case. A task that is
added to the catalogue is covered by that: on the embedded microworld with the pretrained micro
models, and on real data with new ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from t2t_xfer.architectures import way_of
from t2t_xfer.data.examples import missing_languages
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import ArchitectureName, Split
from t2t_xfer.specs.catalogue import Catalogue, shipped_root
from t2t_xfer.specs.model import ModelSpec
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.predict import Evaluated
from t2t_xfer.stages.run import StageRunner
from t2t_xfer.stages.train import check_trainable
from t2t_xfer.study.plan import Builder
from t2t_xfer.study.plan_file import Plan
from t2t_xfer.study.run import run_plan
from t2t_xfer.study.store import Store

from .studydata import ARCHITECTURES, one_thread

SHIPPED = Catalogue([shipped_root()])
TASKS = [name for name in SHIPPED.task_names() if not SHIPPED.task(name).train_languages]
"""All but those trained on translations, which the mirror does not have (test_translate_train)."""
UNTRAINED = {"pair"}
"""Formats of which nothing is trained: a model is read as it is."""
STEPS = 3
TRAINED, TESTED = 6, 4
TRAINING = TrainingSpec(steps=STEPS, examples_per_step=4, learning_rate=1e-3)
SCRIPTS = ("ar", "zh", "hi", "th", "ru", "de")
"""Which language is tested beside English: the first that the data has."""
SOURCES = ("microworld", pytest.param("mirror", marks=pytest.mark.slow))


class Workshop(NamedTuple):
    """One data source and one store for all cells: equal stages are done once, as in a study."""

    context: Context
    store: Store
    training: TrainingSpec
    """With inputs as long as rows there are, and as the models hold."""


@pytest.fixture(scope="module", params=SOURCES)
def workshop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workshop]:
    one_thread()
    data, max_input_tokens = request.param, 192
    if data == "mirror":
        data, max_input_tokens = f"mirror:{request.getfixturevalue('shared_hub')}", 320
    context = Context(Catalogue([shipped_root()]), data)
    training = TRAINING.model_copy(update={"max_input_tokens": max_input_tokens})
    yield Workshop(context, Store(tmp_path_factory.mktemp("every") / "store"), training)
    context.forget_model()


def small_model(architecture: str, data: str) -> ModelSpec:
    if data == "microworld":
        return ModelSpec(name=f"micro-{architecture}", path=f"micro:{architecture}")
    size = {"vocabulary": 1200, "hidden": 32, "layers": 1, "heads": 2, "text_lines": 100}
    new = {"architecture": architecture, "languages": ["en", "ar", "zh"], **size}
    return ModelSpec.model_validate({"name": f"new-{architecture}", "new": new})


def places(context: Context, name: str) -> list[tuple[str, Split]]:
    """English and one other language, in the split that the task is tested on."""
    spec = context.task(name).spec
    found: list[tuple[str, Split]] = []
    for codes in ((spec.source_language,), SCRIPTS):
        own = [code for code in codes if code in spec.languages]
        absent = missing_languages(spec, context.source, own, "test")
        found += [(code, "test") for code in own if code not in absent][:1]
    return found or [(spec.source_language, "validation")]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", TASKS)
def test_a_few_steps_and_a_score(
    workshop: Workshop, name: str, architecture: ArchitectureName
) -> None:
    context, _, training = workshop
    builder = Builder(context)
    task = context.task(name)
    assert way_of(architecture, task.answer.asks).readouts, "no shipped task is left out"
    tip = builder.start(small_model(architecture, context.data))
    if task.answer.name not in UNTRAINED:
        tip = builder.train(tip, (context.trained_on(name),), training, TRAINED, seed=0)
    scores: list[str] = []
    for language, split in places(context, name):
        test = Evaluated(name, language, split, TESTED, TESTED)
        scores += [score for score, _ in builder.test_at(tip, test, training.max_input_tokens)]
    plan = Plan("every", tuple(builder.stages.values()), ())
    summary = run_plan(plan, workshop.store, StageRunner(context, progress=False), say=len)
    assert not summary.failed, "".join(log.read_text() for log in summary.logs.values())
    assert not summary.blocked
    if task.answer.name not in UNTRAINED:
        trained = _results(workshop, tip.trained_id)
        assert trained["steps"] == STEPS
        assert math.isfinite(trained["final_loss"])
        assert trained["final_loss"] > 0
    for score in scores:
        results = _results(workshop, score)
        assert 0 <= results["score"] <= 100
        assert 0 < results["n"] <= TESTED
        assert results["metric"] == task.spec.metric
        # No readout of a plan lets a model write what is no answer.
        assert results["invalid_rate"] == 0


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_cannot_be_trained_is_refused_by_name(
    workshop: Workshop, architecture: ArchitectureName
) -> None:
    left_out = [n for n in TASKS if workshop.context.task(n).answer.name in UNTRAINED]
    assert "tatoeba" in left_out
    for name in left_out:
        with pytest.raises(UnsupportedError, match=f"task '{name}'.*nothing to train on"):
            check_trainable(architecture, workshop.context.task(name))


def _results(workshop: Workshop, stage_id: str) -> Any:
    record = workshop.store.record(stage_id)
    assert record is not None, stage_id
    return record.results
