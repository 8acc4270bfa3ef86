"""XTREME's averages: over the languages of a task, over the tasks of a group, over all nine tasks.

The rule: every mean is unweighted, English counts like any other language, and a mean over a group
is one only if nothing of the group is missing. The overall score is the mean of the nine tasks, not
of the four groups (which weigh 2, 2, 3 and 2 tasks); some papers report the other one.

>>> averages({"tatoeba": {"de": 90.0, "fr": 80.0}}).tasks
{'tatoeba': 85.0}
>>> averages({"tatoeba": {"de": 90.0, "fr": 80.0}}).groups["retrieval"] is None
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

GROUPS: Mapping[str, tuple[str, ...]] = {
    "classification": ("paws_x", "xnli"),
    "tagging": ("udpos", "panx"),
    "qa": ("xquad", "mlqa", "tydiqa"),
    "retrieval": ("bucc", "tatoeba"),
}
"""The tasks of XTREME's groups, by our names."""

LANGUAGES: Mapping[str, tuple[str, ...]] = {
    name: tuple(codes.split())
    for name, codes in {
        "paws_x": "de en es fr ja ko zh",
        "xnli": "ar bg de el en es fr hi ru sw th tr ur vi zh",
        "udpos": "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th"
        " tl tr ur vi yo zh",
        "panx": "ar he vi id jv ms tl eu ml ta te af nl en de el bn hi mr ur fa fr it pt es bg ru"
        " ja ka ko th sw yo my zh kk tr et fi hu",
        "xquad": "en es de el ru tr ar vi th zh hi",
        "mlqa": "en es de ar hi vi zh",
        "tydiqa": "en ar bn fi id ko ru sw te",
        "bucc": "de fr ru zh",
        "tatoeba": "ar he vi id jv tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja"
        " ka ko th sw zh kk tr et fi hu",
    }.items()
}
"""The languages that XTREME tests each task in, in its order."""


@dataclass(frozen=True)
class Averages:
    """XTREME's means, each 0 to 100."""

    tasks: Mapping[str, float]
    """Over the languages that are there; compare it with published ones only if none is missing."""
    missing: Mapping[str, tuple[str, ...]]
    """The languages that a task of `tasks` lacks, where it lacks any."""
    groups: Mapping[str, float | None]
    """None: a task or a language of the group is missing."""
    all_task: float | None
    """None: one of the nine tasks, or one of their languages, is missing."""


def averages(scores: Mapping[str, Mapping[str, float]]) -> Averages:
    """The means of one model's scores by task and language, 0 to 100 each.

    The score of a task in a language is XTREME's: accuracy, span F1, the mean of exact match and
    F1, or F1 of pairs. Tasks and languages that XTREME does not have are passed over.
    """
    tasks: dict[str, float] = {}
    missing: dict[str, tuple[str, ...]] = {}
    for task, codes in LANGUAGES.items():
        there = [scores[task][code] for code in codes if code in scores.get(task, {})]
        if there:
            tasks[task] = fmean(there)
        if 0 < len(there) < len(codes):
            missing[task] = tuple(code for code in codes if code not in scores[task])
    whole = {task: score for task, score in tasks.items() if task not in missing}
    groups = {group: _mean(whole, members) for group, members in GROUPS.items()}
    return Averages(tasks, missing, groups, _mean(whole, tuple(LANGUAGES)))


def _mean(scores: Mapping[str, float], names: tuple[str, ...]) -> float | None:
    return fmean(scores[name] for name in names) if all(name in scores for name in names) else None
