"""Which rows a study tests, and what a reader must know of them.

Languages are what the study asks for, the task has and the data holds. Two rules on rows:

Rows of target languages are scored and choose nothing. Validation rows of the source language may
be the ones that weights were chosen on (`select`), as in Phang et al.'s table on development sets;
then this is said (`split_notes`).

An intermediate is "same data" if it trains on any row that trains the target: the whole target or a
part of it. Both read the same split of the same data set (anli_plus holds the MNLI that trains
xnli), or a task says that it `contains` another one's rows under another name (squad_v2 those of
squad_v1). Why: docs/decisions/005-same-data.md.

    shares_training_rows(context, "mnli", "xnli")      # True
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from t2t_xfer.data.examples import fingerprint, missing_languages
from t2t_xfer.data.places import locations
from t2t_xfer.data.sources import SplitRef
from t2t_xfer.errors import AbsentError, UserError, nearest
from t2t_xfer.languages import nearest_language
from t2t_xfer.records import Pair, Split
from t2t_xfer.specs.study import TEXT, StudySpec, tasks_of, training_for
from t2t_xfer.stages.context import Context


def tested_languages(
    study: StudySpec, target: str, context: Context, skip_missing: bool, absent: list[str]
) -> list[str]:
    """The languages to test a target in; those the data lacks are added to `absent`.

    Raises:
        AbsentError: the data lacks some, and `skip_missing` is off.
        UserError: none is left, or the study asks for one that the task does not have.
    """
    spec = context.task(target).spec
    wanted = wanted_languages(study, target, spec.languages)
    split: Split = study.split_of(target)
    missing = missing_languages(spec, context.source, wanted, split, tested=True)
    if missing and not skip_missing:
        raise absent_error(
            context,
            target,
            missing,
            split,
            "Leave these languages out of the study, or pass --skip-missing; the report will say"
            " so.",
        )
    absent += [f"{target}: no {split} data in {code} ({context.source.name})" for code in missing]
    found = [code for code in wanted if code not in missing]
    if not found:
        why = "the data has none of them" if missing else f"it has {', '.join(spec.languages)}"
        raise UserError(f"the study {study.study!r} tests {target} in no language: {why}.")
    return found


def absent_error(
    context: Context, task: str, languages: Sequence[str], split: Split, advice: str
) -> AbsentError:
    """Names the languages without such data, and why the first of them has none."""
    why = ""
    try:
        fingerprint(context.task(task).spec, context.source, languages[0], split, tested=True)
    except AbsentError as e:
        why = f" ({str(e).rstrip('.')})"
    return AbsentError(
        f"the data source {context.data!r} has no {split} data of {task} in"
        f" {', '.join(languages)}{why}. {advice}"
    )


def check_languages(study: StudySpec, context: Context) -> None:
    """Refuses a language of the common list that no target has: it would vanish silently.

    Raises:
        UserError: there is one; names it and the nearest known.
    """
    if study.languages is None or isinstance(study.languages, dict):
        return
    specs = [context.task(target).spec for target in study.targets]
    known = {code for spec in specs for code in spec.languages}
    # English belongs on every list, also where it is only the other side of the pairs.
    known |= {spec.source_language for spec in specs}
    strange = [code for code in study.languages if code not in known]
    if strange:
        raise UserError(
            f"the study {study.study!r} asks for the language {strange[0]!r}, which none of its"
            f" targets has.{nearest(strange[0], sorted(known))} They have:"
            f" {', '.join(sorted(known))}."
        )


def wanted_languages(study: StudySpec, target: str, own: Sequence[str]) -> list[str]:
    """The languages a study asks for: its list cut down to the task's own, or its list by task.

    Raises:
        UserError: the list by task names a language that the task does not have.
    """
    chosen = study.languages
    if isinstance(chosen, dict):
        listed = chosen.get(target, tuple(own))
        strange = [code for code in listed if code not in own]
        if strange:
            raise UserError(
                f"the study {study.study!r} asks for {target} in {', '.join(strange)}, but the"
                f" task has only {', '.join(own)}."
            )
        return list(listed)
    return [code for code in own if chosen is None or code in chosen]


def asked_languages(own: Sequence[str], asked: Sequence[str]) -> list[str]:
    """Those of a task that an evaluation asks for: codes, or `all`."""
    return list(own) if "all" in asked else [code for code in dict.fromkeys(asked) if code in own]


def evaluated_languages(
    context: Context,
    tasks: Sequence[str],
    asked: Sequence[str],
    skip_missing: bool,
    say: Callable[[str], None],
) -> dict[str, list[str]]:
    """The languages to evaluate each task in.

    Args:
        asked: codes, or `all`. Of several tasks each is evaluated in those that it has.
        say: is told of each language that the data lacks, in a line.

    Raises:
        AbsentError: the data lacks some, and `skip_missing` is off; or none is left.
        UserError: no task has one of the codes, or a task has none of them.
    """
    specs = {task: context.task(task).spec for task in tasks}
    known = dict.fromkeys(code for spec in specs.values() for code in spec.languages)
    strange = [code for code in asked if code != "all" and code not in known]
    if strange:
        who = f"the task {tasks[0]} has" if len(tasks) == 1 else "the tasks have"
        hint = nearest_language(strange[0]) or nearest(strange[0], list(known))
        raise UserError(f"--language {strange[0]}: {who} {', '.join(known)}.{hint}")
    found: dict[str, list[str]] = {}
    for task, spec in specs.items():
        codes = asked_languages(spec.languages, asked)
        if not codes:
            raise UserError(
                f"the task {task} has none of the languages that were asked for"
                f" ({', '.join(asked)}); it has {', '.join(spec.languages)}. Evaluate it apart from"
                " the others."
            )
        missing = missing_languages(spec, context.source, codes, "test")
        if missing and not skip_missing:
            advice = "Name other languages, or pass --skip-missing."
            raise absent_error(context, task, missing, "test", advice)
        for code in missing:
            say(f"left out: {task} in {code}: not in {context.data}")
        found[task] = [code for code in codes if code not in missing]
        if not found[task]:
            raise AbsentError(f"no language of {task} is left to test.")
    return found


def split_notes(
    study: StudySpec, context: Context, languages: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """Sentences for the top of a report; none where all targets are tested on test rows.

    Args:
        languages: that each target is tested in.
    """
    validated = [target for target in study.targets if study.split_of(target) == "validation"]
    if not validated:
        return ()
    others = [target for target in study.targets if target not in validated]
    rest = f" Test rows: {', '.join(others)}." if others else ""
    chosen = [
        f"{target} in {code}"
        for target in validated
        for code in languages[target]
        if code == context.task(target).spec.source_language
        and _chosen_on(study, context, target, code)
    ]
    notes = [f"Tested on validation rows: {', '.join(validated)}.{rest}"]
    if chosen:
        notes.append(
            f"Weights were chosen (`select`) on the very rows that are tested: {', '.join(chosen)}."
            " These scores, the means with them and the transfer gaps from them are too high;"
            " zero-shot means leave them out."
        )
    return tuple(notes)


def _chosen_on(study: StudySpec, context: Context, target: str, language: str) -> bool:
    """Whether the target's validation rows in a language choose the weights of a training."""
    tested = context.fingerprint(target, language, "validation", tested=True)
    return any(
        context.task(name).spec.source_language == language
        and context.fingerprint(name, language, "validation") == tested
        for name in _selecting(study, context, target)
        if not missing_languages(context.task(name).spec, context.source, [language], "validation")
    )


def _selecting(study: StudySpec, context: Context, target: str) -> Iterator[str]:
    """The tasks before a target whose dev scores choose weights."""
    if context.task(target).answer.asks is Pair:
        chains = [tasks_of(each) for each in study.intermediates]
    else:
        chains = [*map(tasks_of, study.intermediates), (target,)]
    for chain in chains:
        named = dict.fromkeys(context.trained_on(task) for task in chain if task != TEXT)
        settings = next(iter(named)) if len(named) == 1 else ""
        if any(training_for(study, m, settings).select is not None for m in study.models):
            yield from named


def shares_training_rows(context: Context, intermediate: str, target: str) -> bool:
    """Whether some of the rows that train the target train the intermediate task as well.

    Raw text is of no task. Nothing is opened: data sets are compared by name, files by path.

    Raises:
        SpecError: a task's YAML is wrong.
    """
    if intermediate == TEXT:
        return False
    first, second = (_family(context, name) for name in (intermediate, target))
    if first & second:
        return True
    pools = (_training_places(context, family) for family in (first, second))
    return bool(set.intersection(*pools))


def trains_on_translations(context: Context, task: str) -> bool:
    """Whether the rows that train a task are in other languages than its source language."""
    if task == TEXT:
        return False
    spec = context.catalogue.task(task)
    return bool(context.catalogue.task(spec.train_task or task).train_languages)


def _family(context: Context, task: str) -> set[str]:
    """The task that a task is trained on, and all that it contains, at any depth."""
    found: set[str] = set()
    left = [context.catalogue.task(task).train_task or task]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left.extend(context.catalogue.task(name).contains)
    return found


def _training_places(context: Context, family: set[str]) -> set[SplitRef | Path]:
    """Where the rows of some tasks lie, whatever revision of them."""
    found: set[SplitRef | Path] = set()
    for name in family:
        spec = context.catalogue.task(name)
        for part in spec.data.sources:
            try:
                by_language = [locations(spec, part, code, "train") for code in spec.trained_in]
            except AbsentError:
                continue  # nothing trains on it
            found.update(
                SplitRef(place.id, place.config, place.split)
                if isinstance(place, SplitRef)
                else place
                for places in by_language
                for place in places
            )
    return found
