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

from t2t_xfer.report.opening import scope
from t2t_xfer.report.page.given import PageInput
from t2t_xfer.report.page.view import bounds, excludes_zero, plain_sign
from t2t_xfer.report.phrases import listing

if TYPE_CHECKING:
    from t2t_xfer.report.analysis import Change

LEVEL = 0.05
"""Of the adjusted p-values."""
NAMED = 3
"""How many single pairs a sentence names."""


def answer(page: PageInput) -> list[str]:
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
    return [_overall(page, overall), *_pairs(page), *_between_models(page), plain(scope(page.grid))]


def plain(markdown: str) -> str:
    """What `phrases.text` wrote for Markdown, as the text that it stands for."""
    return html.unescape(re.sub(r"\\([\\`*~|\[\]_])", r"\1", markdown))


def verdict(change: Change) -> str:
    """`rose`, `fell`, or that neither can be told."""
    if change.adjusted < LEVEL and excludes_zero(change.interval):
        return "rose" if change.interval.value > 0 else "fell"
    return "no change can be told from chance"


def p_text(p: float) -> str:
    """`p < 0.001`, `p = 0.04`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def told(change: Change) -> str:
    """All that is known of a change, on one line."""
    return (
        f"{plain_sign(change.interval.value)} points, 95 % interval {bounds(change.interval)}, "
        f"{p_text(change.p)}, adjusted {p_text(change.adjusted)}, effect size "
        f"{change.effect:+.2f}, n = {change.n}, seeds: {change.seeds}"
    )


def _overall(page: PageInput, overall: Sequence[Change]) -> str:
    each = listing(
        f"{plain_sign(change.interval.value)} for {change.model} ({change.architecture}), 95 % "
        f"interval {bounds(change.interval)}: {_found(change)}"
        for change in overall
    )
    same = len({page.grid.compared(change.model) for change in overall}) == 1
    over = (
        "the same pairs of intermediate and target for every model"
        if same
        else "different finished cells for different models, so that they do not compare the models"
    )
    return (
        "Against no intermediate training, the zero-shot score (mean over all languages but the "
        f"source language) changed by these points: {each}. These are means over {over}."
    )


def _found(change: Change) -> str:
    return {"rose": "a gain", "fell": "a loss"}.get(
        verdict(change), "not distinguishable from no change"
    )


def _pairs(page: PageInput) -> list[str]:
    """How many single pairs moved beyond chance, and the largest of them."""
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
        f"{many}, {len(rose)} rose and {len(fell)} fell beyond chance (adjusted p < {LEVEL}); of "
        f"the other {len(pairs) - len(rose) - len(fell)} neither can be said."
    )
    for kind, found in (("gains", rose), ("losses", fell)):
        if found:
            text += f" Largest {kind}: {listing(map(_pair, found[:NAMED]))}."
    return [text]


def _pair(change: Change) -> str:
    value = plain_sign(change.interval.value)
    return f"{change.intermediate} before {change.target} with {change.model} ({value})"


def _between_models(page: PageInput) -> list[str]:
    found = [c for c in page.analysis.contrasts if c.target is None and c.intermediate is None]
    if not found:
        return []
    each = []
    for contrast in found:
        value = contrast.interval.value
        more, less = contrast.first, contrast.second
        interval = bounds(contrast.interval)
        if value < 0:
            interval = (
                f"{plain_sign(-contrast.interval.high)} to {plain_sign(-contrast.interval.low)}"
            )
            more, less = less, more
        sure = contrast.adjusted < LEVEL and excludes_zero(contrast.interval)
        each.append(
            f"{more} by {abs(value):.1f} points more than {less} (95 % interval {interval}, "
            f"{'a difference' if sure else 'not distinguishable from none'})"
        )
    return [
        "Did the change depend on the model? On the cells that both have, it raised "
        f"{listing(each)}."
    ]
