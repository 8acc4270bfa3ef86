"""XTREME's averages in a report: whole groups only, and the numbers of the evaluator."""

from __future__ import annotations

from dataclasses import replace

from t2t_xfer.metrics.aggregate import LANGUAGES
from t2t_xfer.study.results import Result

from .reported import page as render


def cell(target: str, language: str, score: float, seed: int = 0) -> Result:
    run = ("full", "xlmr", "encoder", "none", target, language, seed)
    return Result(*run, "accuracy", score, 100, 0.0, "slots", "accuracy|v:1", same_data=False)


def rows(target: str, score: float, leave_out: str = "") -> list[Result]:
    return [cell(target, code, score) for code in LANGUAGES[target] if code != leave_out]


def test_a_whole_group_has_its_average() -> None:
    # xnli 60 in all 15 languages, paws_x 80 in all 7: the mean of the tasks, not of the languages
    page = render([*rows("xnli", 60), *rows("paws_x", 80)])
    assert "## XTREME's averages" in page
    assert "other numbers of rows than XTREME's were tested in xnli (down to 100)" in page
    line = next(line for line in page.splitlines() if line.count("–") == 4 and "xlmr" in line)
    assert "70.0" in line


def test_a_missing_language_leaves_the_group_without_one() -> None:
    page = render([*rows("xnli", 60, "sw"), *rows("paws_x", 80)])
    assert "## XTREME's averages" not in page


def test_seeds_are_averaged_before_anything_else() -> None:
    codes = LANGUAGES["xnli"]
    xnli = [cell("xnli", code, 50 + 20 * seed, seed) for code in codes for seed in (0, 1)]
    page = render([*xnli, *rows("paws_x", 80)])
    # xnli (50 + 70) / 2 = 60 with paws_x 80
    section = page.partition("## XTREME's averages")[2]
    assert "70.0" in section.partition("##")[0]


def test_validation_rows_are_in_no_average_of_xtreme() -> None:
    validated = [replace(row, split="validation") for row in rows("xnli", 60)]
    assert "## XTREME's averages" not in render([*validated, *rows("paws_x", 80)])
