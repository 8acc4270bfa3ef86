"""A section of the page: what the study's numbers say to the claims of a file.

claims_section(judge(claims, evidence))     # '## Claims ...'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from t2t_xfer.report.claims import OUTCOMES, Verdict
from t2t_xfer.report.document import between, listing, signed, table, text
from t2t_xfer.report.intervals import Interval

ONE_SEED = (
    "*One seed*: the verdict goes beyond the choice of test examples, not beyond these training"
    " runs. "
)
HEADER = ("claim", "says", "published", "verdict")


def claims_section(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as a table, and the numbers behind each; empty without any."""
    if not verdicts:
        return ""
    ordered = sorted(verdicts, key=lambda each: OUTCOMES.index(each.verdict))
    counts = Counter(each.in_words for each in ordered)
    summary = listing(f"{count} {name}" for name, count in counts.items())
    rows = [
        [
            text(each.claim),
            text(each.text),
            text(each.published or ""),
            f"**{each.in_words}**",
            "" if each.interval is None else _number(each.interval),
        ]
        for each in verdicts
    ]
    reasons = "\n".join(
        f"- **{text(each.claim)}**: {each.in_words}. {text(each.why)} Source: {text(each.source)}."
        for each in verdicts
    )
    return "\n\n".join(
        [
            "## Claims",
            f"{len(verdicts)} claims: {summary}. A verdict is about the models, languages and rows "
            "of this study, with the error of a 95 % interval for each claim by itself: of twenty "
            "claims at the bound, one is judged wrongly by chance. "
            f"{ONE_SEED if any(each.seeds == 1 for each in verdicts) else ''}"
            "How verdicts are made: docs/claims.md.",
            table([*HEADER, "deciding number"], rows, left=4),
            reasons,
        ]
    )


def _number(interval: Interval) -> str:
    return f"{signed(interval.value)} {between(interval)}"
