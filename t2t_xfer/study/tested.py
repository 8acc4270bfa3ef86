"""Which languages a study tests a target in: what it asks for, the task has, and the data holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from t2t_xfer.data.examples import fingerprint, missing_languages
from t2t_xfer.errors import AbsentError, UserError, nearest
from t2t_xfer.languages import nearest_language
from t2t_xfer.records import Split
from t2t_xfer.specs.study import StudySpec
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
        codes = list(spec.languages)
        if "all" not in asked:
            codes = [code for code in dict.fromkeys(asked) if code in spec.languages]
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
