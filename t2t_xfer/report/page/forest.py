"""Forest plots: marks with their intervals around a line at 0.

groups = [Group("xnli", [Dot("micro-encoder", 1.2, -0.3, 2.8)])]
draw_forest(groups, ["micro-encoder"], "change, points")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from t2t_xfer.report.page.drawing import INK, LINES, MARKERS, SERIES, as_svg, drawing


@dataclass(frozen=True)
class Dot:
    """A number with its interval."""

    series: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Group:
    """The marks of one row."""

    name: str
    dots: Sequence[Dot]


def draw_forest(
    groups: Sequence[Group], series: Sequence[str], label: str, name: str = "forest"
) -> Markup:
    """One row for each group, from the top; one marker and colour for each series."""
    step = 0.8 / max(1, len(series))
    height = 0.9 + len(groups) * max(0.3, 0.15 * len(series)) + 0.14 * len(series)
    with drawing(height) as figure:
        axes = figure.subplots()
        axes.axvline(0, color=INK, linewidth=0.8)
        for place, model in enumerate(series):
            shown = [
                (row + step * (place - (len(series) - 1) / 2), dot)
                for row, group in enumerate(groups)
                for dot in group.dots
                if dot.series == model
            ]
            if not shown:
                continue
            kind = place % len(SERIES)
            axes.hlines(
                [y for y, _ in shown],
                [dot.low for _, dot in shown],
                [dot.high for _, dot in shown],
                colors=SERIES[kind],
                linestyles=LINES[kind],
                linewidth=1.3,
            )
            axes.plot(
                [dot.value for _, dot in shown],
                [y for y, _ in shown],
                MARKERS[kind],
                color=SERIES[kind],
                markersize=5,
                label=model,
            )
        for row in range(1, len(groups)):
            axes.axhline(row - 0.5, color=INK, linewidth=0.25, alpha=0.5)
        axes.set_yticks(range(len(groups)), [group.name for group in groups])
        axes.set_ylim(len(groups) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(label)
        figure.legend(loc="outside upper left", ncols=1)
        return as_svg(figure, name)
