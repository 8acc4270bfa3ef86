"""The transfer gap over the distance of a language to English, where distances are known.

The rule: the distance was known before any model was trained. Few languages make a weak line: the
page shows the points and says so.

    distance_parts(page)        # a picture and its table; nothing without distances
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from markupsafe import Markup

from t2t_xfer.languages import LANGUAGES
from t2t_xfer.report.document import (
    INCOMPLETE,
    Cell,
    Part,
    Picture,
    Table,
    columns,
    listing,
    missing,
    plain_sign,
)
from t2t_xfer.report.given import PageInput
from t2t_xfer.report.grid import Grid, average
from t2t_xfer.report.pictures import INK, MARKERS, SERIES, as_svg, drawing

LEAST = 2
"""Languages without which there is nothing to draw."""


def distance_parts(page: PageInput) -> list[Part]:
    """Gap by language, from near to far."""
    codes = {code for target in page.grid.targets for code in page.grid.others(target)}
    known = sorted((page.distances[code], code) for code in codes if code in page.distances)
    if len(known) < LEAST:
        return []
    gaps = {
        model: [(distance, code, gap_of(page, model, code)) for distance, code in known]
        for model in page.grid.models
    }
    rows = [
        [
            Cell(code, small=LANGUAGES[code].name if code in LANGUAGES else "", heading=True),
            Cell(f"{distance:.2f}", key=distance),
            *(
                _cell(gaps[model][place][2], _partly(page.grid, model, code))
                for model in page.grid.models
            ),
        ]
        for place, (distance, code) in enumerate(known)
    ]
    heads = columns("language", "distance", *page.grid.models, text=1)
    legend = [
        "Distance: share of features of grammar in which the language differs from English. Gap: "
        "mean over the targets that have the language, and over all intermediates. Targets differ "
        "between languages, and few languages make no law."
    ]
    table = Table("gaps-distance", "Gap by distance to English", heads, rows, legend)
    caption = "Transfer gap by language, over its distance to English."
    picture = Picture(_draw(gaps), _in_words(known, gaps), caption)
    return [picture, table]


def gap_of(page: PageInput, model: str, code: str) -> float | None:
    """Mean gap of one language, over the targets that have it and over all intermediates."""
    grid = page.grid
    found = []
    for target in grid.targets:
        if code not in grid.others(target):
            continue
        for intermediate in grid.intermediates:
            source = grid.mean(model, intermediate, target, [grid.source(target)])
            there = grid.mean(model, intermediate, target, [code])
            if source is not None and there is not None:
                found.append(source - there)
    return average(found)


def _partly(grid: Grid, model: str, code: str) -> str:
    """The mark of a mean that lacks a gap."""
    targets = [target for target in grid.targets if code in grid.others(target)]
    whole = all(
        grid.complete(model, intermediate, target, [grid.source(target), code])
        for intermediate, target in product(grid.planned_intermediates, targets)
    )
    return "" if whole else INCOMPLETE


def _cell(value: float | None, marks: str) -> Cell:
    return missing() if value is None else Cell(plain_sign(value) + marks, key=value)


def _in_words(
    known: Sequence[tuple[float, str]],
    gaps: Mapping[str, Sequence[tuple[float, str, float | None]]],
) -> str:
    order = listing(code for _, code in known)
    ends = [
        f"{model} from {plain_sign(line[0][2])} to {plain_sign(line[-1][2])} points"
        for model, line in gaps.items()
    ]
    return (
        f"Chart of the transfer gap of {len(gaps)} models over the distance to English of "
        f"{order}, from near to far: {'; '.join(ends)}. All numbers are in the table below it."
    )


def _draw(gaps: Mapping[str, Sequence[tuple[float, str, float | None]]]) -> Markup:
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
