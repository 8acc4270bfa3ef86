"""Drawings as SVG inside the page: they take their colours from it, light and dark.

The rule: lines and letters are `currentColor`, series take the page's variables, and what a series
is shows in its marker and line style too, so that nothing depends on colour. The same drawing is
the same bytes.

    groups = [ForestRow("xnli", [Dot("micro-encoder", 1.2, -0.3, 2.8)])]
    draw_forest(groups, ["micro-encoder"], "change, points")      # Markup('<svg ...>')
"""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure


WIDTH = 4.6
"""Inches. On a screen of 400 pixels the letters keep their size."""
INK = "#010101"
"""Stands for the page's own text colour until `as_svg`."""
SERIES = ("#020200", "#020201", "#020202", "#020203", "#020204", "#020205")
"""Stand for the page's variables `--series-0` and so on until `as_svg`."""
MARKERS = ("o", "s", "^", "D", "v", "P")
LINES: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.", "-", "--")

_INKED = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
_STYLE: dict[Any, Any] = {
    **dict.fromkeys(_INKED, INK),
    "svg.fonttype": "none",
    "svg.hashsalt": "t2t_xfer",
    "text.parse_math": False,  # a name with dollars is no formula
    "font.family": "sans-serif",
    "font.size": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "legend.frameon": False,
}


@contextmanager
def drawing(height: float) -> Iterator[Figure]:
    """A figure of the page's width, `height` inches high, to draw on in the page's style."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its font cache
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield Figure(figsize=(WIDTH, height), layout="constrained")


def as_svg(figure: Figure, name: str) -> Markup:
    """The drawing as an element of a page; to be called while its style holds.

    Args:
        name: begins every id in it, so that several drawings can stand in one page.
    """
    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(
        r'<svg [^>]*viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" aria-hidden="true">', svg
    )
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'xlink:href="#', f'href="#{name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg)
    svg = svg.replace(INK, "currentColor")
    for place, colour in enumerate(SERIES):
        svg = svg.replace(colour, f"var(--series-{place})")
    return Markup(svg)


@dataclass(frozen=True)
class Dot:
    """A number with its interval."""

    series: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ForestRow:
    """The marks of one row."""

    name: str
    dots: Sequence[Dot]


def draw_forest(
    groups: Sequence[ForestRow], series: Sequence[str], label: str, name: str = "forest"
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


def draw_distances(gaps: Mapping[str, Sequence[tuple[float, str, float | None]]]) -> Markup:
    """Transfer gaps over distances: for each model its languages, as distance, code and gap."""
    with drawing(2.6 + 0.14 * len(gaps)) as figure:
        axes = figure.subplots()
        for place, (model, line) in enumerate(gaps.items()):
            there = [(distance, gap) for distance, _, gap in line if gap is not None]
            kind = place % len(SERIES)
            axes.plot(
                [distance for distance, _ in there],
                [gap for _, gap in there],
                MARKERS[kind],
                color=SERIES[kind],
                markersize=5,
                label=model,
            )
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set_xlabel("distance to English")
        axes.set_ylabel("gap, points")
        top = axes.secondary_xaxis("top")
        places: dict[float, list[str]] = {}
        for distance, code, _ in next(iter(gaps.values())):
            places.setdefault(distance, []).append(code)
        top.set_xticks(list(places), [", ".join(codes) for codes in places.values()])
        top.tick_params(length=2)
        figure.legend(loc="outside upper left", ncols=1)
        return as_svg(figure, "distance")
