"""A section of the page: does the change depend on the model?

contrasts_section(numbers.main)     # '## Differences between models ...'; empty for one model
"""

from __future__ import annotations

from t2t_xfer.report.document import STAR, between, signed, star, table, text
from t2t_xfer.report.findings import LEVEL
from t2t_xfer.report.marks import mean_marks
from t2t_xfer.report.numbers import Analysed


def contrasts_section(numbers: Analysed) -> str:
    """The change of one model minus that of another, over the pairs that both have, and by target.

    Empty where no two models have a pair in common.
    """
    whole = [each for each in numbers.analysis.contrasts if each.intermediate is None]
    if not any(each.target is None for each in whole):
        return ""
    targets = [*numbers.grid.targets, None]
    by_place = {(each.first, each.second, each.target): each for each in whole}
    shown = [target for target in targets if any(key[2] == target for key in by_place)]
    rows = []
    for first, second in dict.fromkeys(key[:2] for key in by_place):
        cells = []
        for target in shown:
            found = by_place.get((first, second, target))
            cells.append(
                ""
                if found is None
                else f"{signed(found.interval.value)} {between(found.interval)}"
                f"{star(found.significant)}"
                + mean_marks(
                    numbers.grid,
                    (first, second),
                    numbers.grid.targets if target is None else [target],
                )
            )
        rows.append([f"{text(first)} minus {text(second)}", *cells])
    header = ["models", *("all pairs" if target is None else text(target) for target in shown)]
    return "\n\n".join(
        [
            "## Differences between models",
            table(header, rows, left=1),
            "Zero-shot change of the first model minus that of the second, in points, on the "
            "languages, seeds and examples that both have (the interaction of model and "
            f"intermediate training); in brackets the 95 % interval. {STAR} adjusted p below "
            f"{LEVEL:g} (Holm). It is about these models: their pretraining may differ in more "
            "than the architecture.",
        ]
    )
