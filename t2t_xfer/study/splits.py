"""What a reader must know where a study tests on validation rows.

The rule: rows of target languages are scored and choose nothing. Those of the source language may
be the ones that weights were chosen on (`select`), as in Phang et al.'s table on development sets;
then this is said.

    split_notes(study, context, {"paws_x": ["en", "de"]})
    # ('paws_x is tested on validation rows.', 'paws_x in en: weights were chosen on the ...')
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from t2t_xfer.data.examples import missing_languages
from t2t_xfer.specs.study import TEXT, StudySpec, tasks_of, training_for
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.plans import trained_on


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
    if context.task(target).answer.name == "pair":
        chains = [tasks_of(each) for each in study.intermediates]
    else:
        chains = [*map(tasks_of, study.intermediates), (target,)]
    for chain in chains:
        named = dict.fromkeys(trained_on(context, task) for task in chain if task != TEXT)
        settings = next(iter(named)) if len(named) == 1 else ""
        if any(training_for(study, m, settings).select is not None for m in study.models):
            yield from named
