"""The answer in words, made from the numbers, before any table.

The rule: a sentence says no more than its interval. "Rose" and "fell" stand only where the adjusted
test excludes no change; a difference between models is never one between architectures.

    answer(page)        # ['Against no intermediate training, ...', ...]
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from t2t_xfer.report.document import (
    INTERVAL,
    Lines,
    Part,
    beyond,
    bounds,
    listing,
    p_number,
    plain_sign,
)
from t2t_xfer.report.findings import LEVEL
from t2t_xfer.report.given import PageInput
from t2t_xfer.report.opening import covered, scope

if TYPE_CHECKING:
    from t2t_xfer.report.findings import Change, Contrast

NAMED = 3
"""How many single pairs a sentence names."""


def answer(page: PageInput) -> list[Part]:
    """The first paragraphs of the page."""
    if not page.grid.rows:
        return ["No cell of this study is finished: there is nothing to report yet."]
    overall = [
        change
        for model in page.grid.models
        if (change := page.analysis.change(model, None, None)) is not None
    ]
    if not overall:
        return [
            "These cells cannot say whether intermediate training helps zero-shot transfer: no "
            "model has zero-shot scores of one target both with and without it (same-data and "
            "translate-train cells do not count).",
            plain(scope(page.grid)),
        ]
    return [
        *_overall(page, overall),
        *_pairs(page),
        *_between_models(page),
        plain(scope(page.grid)),
    ]


def plain(markdown: str) -> str:
    """What `phrases.text` wrote for Markdown, as the text that it stands for."""
    return html.unescape(re.sub(r"\\([\\`*~|\[\]_])", r"\1", markdown))


def verdict(change: Change) -> str:
    """`rose`, `fell`, or that neither can be told."""
    if change.significant:
        return "rose" if change.interval.value > 0 else "fell"
    return "no change can be told"


def p_text(p: float) -> str:
    """`p < 0.001`, `p = 0.042`."""
    shown = p_number(p)
    return f"p {shown}" if shown.startswith("<") else f"p = {shown}"


def effect_text(effect: float) -> str:
    """`−0.05`."""
    return plain_sign(effect, 2)


def told(change: Change) -> str:
    """All that is known of a change, on one line."""
    return (
        f"{plain_sign(change.interval.value)} points, {INTERVAL} {bounds(change.interval)}, "
        f"{p_text(change.p)}, adjusted {p_text(change.adjusted)}, effect size "
        f"{effect_text(change.effect)}, n = {change.n}, seeds: {change.seeds}"
    )


def _overall(page: PageInput, overall: Sequence[Change]) -> list[Part]:
    same = len({page.grid.compared(change.model) for change in overall}) == 1
    over = (
        "Means over the same pairs of intermediate and target for every model."
        if same
        else "Means over different finished cells for different models: they do not compare the "
        "models."
    )
    opened = (
        "Against no intermediate training, the zero-shot score changed by these points "
        f"(with {INTERVAL}s):"
    )
    each = [
        f"{change.model} ({change.architecture}): {plain_sign(change.interval.value)} "
        f"({bounds(change.interval)}), {_found(change)}"
        for change in overall
    ]
    zero_shot = "Zero-shot: mean over all languages but the source language. "
    return [opened, Lines(each), f"{zero_shot}{over} {plain(covered(page.grid, overall))}"]


def _found(change: Change) -> str:
    words = {"rose": "a gain", "fell": "a loss"}
    if verdict(change) not in words:
        return "not distinguishable from no change"
    return f"{words[verdict(change)]} {beyond(change.seeds)}"


def _pairs(page: PageInput) -> list[str]:
    """How many single pairs moved significantly, and the largest of them."""
    pairs = [
        change
        for change in page.analysis.changes
        if change.language is None
        and change.intermediate is not None
        and change.target is not None
        and change.counts
    ]
    if not pairs:
        return []
    rose = sorted((c for c in pairs if verdict(c) == "rose"), key=lambda c: -c.interval.value)
    fell = sorted((c for c in pairs if verdict(c) == "fell"), key=lambda c: c.interval.value)
    many = f"Of {len(pairs)} single changes (a model, an intermediate, a target)"
    if len(pairs) == 1:
        many = "Of the one single change (a model, an intermediate, a target)"
    text = (
        f"{many}, {len(rose)} rose and {len(fell)} fell "
        f"{beyond(min(c.seeds for c in pairs))} (adjusted p < {LEVEL}); "
        f"{len(pairs) - len(rose) - len(fell)} cannot be told from no change."
    )
    for kind, found in (("gains", rose), ("losses", fell)):
        if found:
            text += f" Largest {kind}: {listing(map(_pair, found[:NAMED]))}."
    return [text]


def _pair(change: Change) -> str:
    value = plain_sign(change.interval.value)
    return f"{change.intermediate} before {change.target} with {change.model} ({value})"


def _between_models(page: PageInput) -> list[Part]:
    found = [c for c in page.analysis.contrasts if c.target is None and c.intermediate is None]
    if not found:
        return []
    each = [
        f"{contrast.first} minus {contrast.second}: {plain_sign(contrast.interval.value)} "
        f"({bounds(contrast.interval)}), {_told_apart(contrast)}"
        for contrast in found
    ]
    return [
        "Did the change depend on the model? The change of one minus the change of the other, on "
        "the cells that both have:",
        Lines(each),
    ]


def _told_apart(contrast: Contrast) -> str:
    if not contrast.significant:
        return "not distinguishable from no difference"
    return f"a difference {beyond(contrast.seeds)}"
