"""Which languages a study tests a target in: what it asks for, the task has, and the data holds."""

from __future__ import annotations

from collections.abc import Sequence

from t2t_xfer.data.examples import fingerprint, missing_languages
from t2t_xfer.errors import AbsentError, UserError, nearest
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
    split: Split = "test"
    missing = missing_languages(spec, context.source, wanted, split)
    if missing and not skip_missing:
        raise absent_error(
            context,
            target,
            missing,
            "Leave these languages out of the study, or pass --skip-missing; the report will say"
            " so.",
        )
    absent += [f"{target}: no test data in {code} ({context.source.name})" for code in missing]
    found = [code for code in wanted if code not in missing]
    if not found:
        why = "the data has none of them" if missing else f"it has {', '.join(spec.languages)}"
        raise UserError(f"the study {study.study!r} tests {target} in no language: {why}.")
    return found


def absent_error(context: Context, task: str, languages: Sequence[str], advice: str) -> AbsentError:
    """Names the languages without test data, and why the first of them has none."""
    why = ""
    try:
        fingerprint(context.task(task).spec, context.source, languages[0], "test")
    except AbsentError as e:
        why = f" ({str(e).rstrip('.')})"
    return AbsentError(
        f"the data source {context.data!r} has no test data of {task} in"
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
