"""From a study to its stages: every piece of work once, however many cells share it.

For each model, seed and intermediate task: the base is trained on the intermediate (or not), then
on the target's English data (pairs have none), and tested in every language. Stages with the same
identity are one stage, so an intermediate checkpoint serves all targets, and XNLI without an
intermediate is the same training as the intermediate MNLI.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from t2t_xfer.records import Pair, Readout
from t2t_xfer.specs.data import TextSpec
from t2t_xfer.specs.model import ModelSpec
from t2t_xfer.specs.study import TEXT, StudySpec, intermediate_name, tasks_of, training_for
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.stages.base import Stage
from t2t_xfer.stages.bases import (
    AdapterState,
    Base,
    base_of,
    check_continues,
    existing_adapter,
    lacks_head,
    planned_adapter,
    resolve,
)
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.model import plan_merge, plan_model
from t2t_xfer.stages.predict import (
    Baseline,
    Evaluated,
    ModelEngine,
    PredictStage,
    plan_baseline,
    plan_predict,
    readouts_of,
)
from t2t_xfer.stages.score import plan_score
from t2t_xfer.stages.task import Task
from t2t_xfer.stages.train import check_same_form, plan_training
from t2t_xfer.study.plan_file import Cell, Plan, bases_together
from t2t_xfer.study.tested import (
    check_languages,
    shares_training_rows,
    split_notes,
    tested_languages,
    trains_on_translations,
)


@dataclass(frozen=True)
class Tip:
    """The checkpoint that a chain of stages has reached."""

    label: str
    base: Base
    stage_id: str | None
    """The stage that holds the whole weights. None: the base itself, which exists already."""
    adapter_id: str | None = None
    """The stage that holds the adapter over them."""
    adapter: AdapterState | None = None
    """The settings of the adapter over them, whether a stage holds it or a directory."""

    @property
    def trained_id(self) -> str:
        """The `train` stage that the chain ends with."""
        found = self.adapter_id or self.stage_id
        assert found is not None
        return found


@dataclass
class Builder:
    """Collects stages, each once."""

    context: Context
    stages: dict[str, Stage] = field(default_factory=dict)
    naive: dict[str, int] = field(default_factory=dict)
    """How many stages of each kind there would be without sharing."""

    def add(self, stage: Stage) -> str:
        """The id of the stage; the first label of equal stages stays."""
        self.naive[stage.kind] = self.naive.get(stage.kind, 0) + 1
        return self.stages.setdefault(stage.digest, stage).id

    def start(self, model: ModelSpec, adapter: str | None = None) -> Tip:
        """The base of a model, with an adapter that exists if one is named."""
        base = base_of(model, adapter)
        if base.new is None:
            found = None if base.adapter is None else existing_adapter(base.adapter)
            return Tip(model.name, base, None, adapter=found)
        stage = plan_model(self.context, base.new).named(model.name, {}, self._how)
        return Tip(model.name, base, self.add(stage))

    def train(
        self,
        tip: Tip,
        tasks: Sequence[str],
        training: TrainingSpec,
        limit: int | None,
        seed: int,
        text: TextSpec | None = None,
    ) -> Tip:
        """The tip, trained on a task or on a mixture of several, with raw text if there is any.

        Raises:
            UserError: the training cannot go on with the tip's adapter; see `check_continues`.
        """
        if tip.adapter is not None and training.chain == "merge":
            tip = self.merge(tip)
        label = f"{tip.label}>{'+'.join([*tasks, TEXT] if text else tasks)}"
        if tip.adapter is not None:
            check_continues(tip.adapter, training, label)
        first = tip.stage_id is None
        planned = plan_training(self.context, tip.base, first, tasks, training, limit, seed, text)
        stage_id = self.add(planned.named(f"{label}@{seed}", *self._source(tip)))
        if training.adapter == "none":
            return Tip(label, tip.base, stage_id)
        return Tip(label, tip.base, tip.stage_id, stage_id, planned_adapter(training))

    def merge(self, tip: Tip) -> Tip:
        """The tip with its adapter added to its weights."""
        stage = plan_merge(tip.base, tip.stage_id is None)
        named = stage.named(f"{tip.label}+merged", *self._source(tip))
        return Tip(tip.label, tip.base, self.add(named))

    def test_at(
        self, tip: Tip, test: Evaluated, max_input_tokens: int, engine: ModelEngine = "transformers"
    ) -> list[tuple[str, str]]:
        """Ids of the scores of a tip's predictions with their readouts, the main one first."""
        tested = self.context.task(test.task)
        scores: list[tuple[str, str]] = []
        for readout in self._readouts(tip, tested):
            stage = self._read(tip, test, readout, max_input_tokens, engine)
            beside = {
                role: self._read(tip, other, readout, max_input_tokens, engine)
                for role, other in test.beside(self.context, readout).items()
            }
            scores.append((self._score(stage, test, beside), readout.value))
        return scores

    def _readouts(self, tip: Tip, tested: Task) -> Sequence[Readout]:
        """Those of the task; of a model without an LM head that nothing has trained, the states."""
        found = readouts_of(tip.base.architecture, tested)
        if tip.adapter is None and tip.stage_id is None and Readout.embed in found:
            how = tip.base.how
            if how.path is not None and lacks_head(how.path, how.revision):
                return (Readout.embed,)
        return found

    def _read(
        self,
        tip: Tip,
        test: Evaluated,
        readout: Readout,
        max_input_tokens: int,
        engine: ModelEngine,
    ) -> PredictStage:
        """The `predict` stage of a readout, with the one that it goes on from."""
        stage = self._predict(tip, test, readout, max_input_tokens, engine)
        if self.context.task(test.task).answer.asks is not Pair or readout is not Readout.rank:
            return stage
        embed = self._predict(tip, test, Readout.embed, max_input_tokens, engine)
        needs: dict[str, str] = {**stage.needs, "candidates": self.add(embed)}
        return stage.named(f"{stage.label}.rank", needs, {})

    def _predict(
        self,
        tip: Tip,
        test: Evaluated,
        readout: Readout,
        max_input_tokens: int,
        engine: ModelEngine,
    ) -> PredictStage:
        first = tip.stage_id is None
        stage = plan_predict(self.context, tip.base, first, test, readout, max_input_tokens, engine)
        label = f"{tip.label}={test.task}.{test.language}{test.suffix}"
        return stage.named(label, *self._source(tip))

    def baseline(self, engine: Baseline, test: Evaluated, train_limit: int | None) -> str:
        """Id of a baseline's score."""
        label = f"{engine}={test.task}.{test.language}{test.suffix}"
        stage = plan_baseline(self.context, engine, test, train_limit).named(label, {}, self._how)
        tuning = test.tuning(self.context)
        if tuning is None:
            return self._score(stage, test, {})
        tuned = plan_baseline(self.context, engine, tuning, train_limit)
        return self._score(
            stage, test, {"tuning": tuned.named(f"{label}.validation", {}, self._how)}
        )

    def _score(
        self, predict: PredictStage, test: Evaluated, beside: Mapping[str, PredictStage]
    ) -> str:
        stages: dict[str, PredictStage] = {"predictions": predict, **beside}
        needs = {role: self.add(stage) for role, stage in stages.items()}
        stage = plan_score(self.context, test)
        return self.add(stage.named(predict.label, needs, self._how))

    @property
    def _how(self) -> dict[str, Any]:
        return {"data": self.context.data}

    def _source(self, tip: Tip) -> tuple[dict[str, str], dict[str, Any]]:
        """What a stage that starts from a tip needs, and how it is done."""
        needs: dict[str, str] = {}
        how = self._how
        if tip.stage_id is not None:
            needs["checkpoint"] = tip.stage_id
        else:
            how |= tip.base.how.plain()
        if tip.adapter_id is not None:
            needs["adapter"] = tip.adapter_id
            how.pop("adapter", None)  # the one that training went on from
        return needs, how


def plan_study(study: StudySpec, context: Context, *, skip_missing: bool = False) -> Plan:
    """The stage graph of a study.

    Raises:
        AbsentError: the data lacks languages or splits, and `skip_missing` is off.
        UserError: whatever else cannot work, before anything has run.
    """
    absent: list[str] = []
    check_languages(study, context)
    languages = {
        target: tested_languages(study, target, context, skip_missing, absent)
        for target in study.targets
    }
    builder = Builder(context)
    cells: list[Cell] = []
    baselines: dict[str, str] = {}
    for target in study.targets:
        if not context.task(target).answer.closed:
            continue
        for language in languages[target]:
            test = _test(study, target, language)
            scored = builder.baseline("majority", test, study.limit.train)
            baselines[f"{target}/{language}"] = scored
    for model in study.models:
        axes = product(study.seeds, study.intermediates, study.targets)
        included = [cell for cell in axes if study.includes(model.name, *cell)]
        if not included:
            continue
        start = builder.start(model)
        for seed, intermediate, target in included:
            # Once for each target, so that `naive` counts what sharing saves.
            tasks = tasks_of(intermediate)
            tip = _intermediate(builder, study, model, start, tasks, seed)
            cells += _cells(builder, study, model, tip, tasks, target, languages[target], seed)
    return Plan(
        study.study,
        bases_together(builder.stages.values()),
        tuple(cells),
        baselines=baselines,
        sources={name: context.task(name).spec.source_language for name in study.targets},
        notes=split_notes(study, context, languages),
        absent=tuple(absent),
        synthetic=context.data == "microworld",
        naive=builder.naive,
    )


def _test(study: StudySpec, target: str, language: str) -> Evaluated:
    split = study.split_of(target)
    limit = getattr(study.limit, split)
    return Evaluated(target, language, split, limit, study.limit.validation)


def _intermediate(
    builder: Builder,
    study: StudySpec,
    model: ModelSpec,
    start: Tip,
    tasks: Sequence[str],
    seed: int,
) -> Tip:
    if not tasks:
        return start
    named = [task for task in tasks if task != TEXT]
    trained = tuple(dict.fromkeys(builder.context.trained_on(task) for task in named))
    # A mixture is one training: `task_training` speaks of tasks that are trained on alone.
    training = training_for(study, model, trained[0] if len(trained) == 1 else "")
    text = study.text if TEXT in tasks else None
    return builder.train(start, trained, training, study.limit.train, seed, text)


def _cells(
    builder: Builder,
    study: StudySpec,
    model: ModelSpec,
    tip: Tip,
    intermediates: Sequence[str],
    target: str,
    languages: Sequence[str],
    seed: int,
) -> list[Cell]:
    task = builder.context.task(target)
    trained = builder.context.trained_on(target)
    training = training_for(study, model, trained)
    ready = tip
    check_same_form(tip.base.architecture, builder.context.task(trained), task)
    if task.answer.asks is not Pair:  # pairs are read from the states of the model as it is
        ready = builder.train(tip, (trained,), training, study.limit.train, seed)
    translated = any(trains_on_translations(builder.context, t) for t in (*intermediates, target))
    same_data = any(shares_training_rows(builder.context, task, target) for task in intermediates)
    length = resolve(tip.base, (trained,), training).training.max_input_tokens
    cells = []
    for language in languages:
        test = _test(study, target, language)
        cells += [
            Cell(
                study.study,
                model.name,
                tip.base.architecture,
                intermediate_name(tuple(intermediates)),
                target,
                language,
                seed,
                readout,
                score_id,
                same_data=same_data,
                translate_train=translated,
            )
            for score_id, readout in builder.test_at(ready, test, length)
        ]
    return cells
