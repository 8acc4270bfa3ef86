"""Two runs beside each other: what moved on the same examples, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from t2t_xfer.report.compare import Comparison, compare
from t2t_xfer.report.comparison import comparison
from t2t_xfer.report.draws import only, side_of
from t2t_xfer.report.text import render_markdown
from t2t_xfer.study.results import Result

from .observing import with_ids
from .reported import observed, stored
from .studydata import t2t

N = 100
ROW = Result(
    *("made", "enc", "encoder", "none", "xnli", "de", 0, "accuracy", 60.0, N, 0.0, "slots", "a|v:1")
)


def cells(worse: int = 0, **changes: object) -> list[Result]:
    """Two languages and two intermediates; in `sw` after `qqp`, `worse` answers turn wrong."""
    found = []
    for intermediate in ("none", "qqp"):
        for language in ("de", "sw"):
            row = replace(ROW, intermediate=intermediate, language=language)
            moved = worse if (intermediate, language) == ("qqp", "sw") else 0
            row = replace(row, score=60.0 - moved, **changes)  # type: ignore[arg-type]
            found.append(observed(row))
    return found


def render_comparison(found: Comparison) -> str:
    return render_markdown(comparison(found))


def compared(first: Sequence[Result], second: Sequence[Result], data: str = "rows") -> Comparison:
    other = [replace(each, rows=data) for each in second]
    return compare(
        ("a", [replace(each, rows="rows") for each in first]), ("b", other), replicates=200
    )


def test_a_run_does_not_differ_from_itself() -> None:
    found = compared(cells(), cells())
    assert [(line.intermediate, line.language) for line in found.lines] == [
        *(("none", None), ("qqp", None)),
        *(("none", "de"), ("none", "sw"), ("qqp", "de"), ("qqp", "sw")),
    ]
    assert {line.interval.value for line in found.lines} == {0.0}
    assert {line.p for line in found.lines} == {1.0}
    assert all(line.interval.low < 0 < line.interval.high for line in found.lines)
    assert (found.refused, found.alone) == ((), ())
    assert "None differs beyond the choice of test examples" in render_comparison(found)


def test_what_moved_is_found_in_its_language_alone() -> None:
    found = compared(cells(), cells(worse=20))
    by_place = {(line.intermediate, line.language): line for line in found.lines}
    moved = by_place["qqp", "sw"]
    assert (moved.first, moved.second, moved.n, moved.seeds) == (60.0, 40.0, N, (0,))
    assert moved.interval.value == -20
    # Twenty of a hundred turned, none came back: the paired interval, by the normal one of a share
    assert moved.interval.low == pytest.approx(-20 - 1.96 * 4.0, abs=2)
    assert moved.adjusted < 0.01
    assert by_place["qqp", "de"].adjusted == 1.0
    assert by_place["qqp", None].interval.value == -10
    page = render_comparison(found)
    assert "1 differs beyond the choice of test examples" in page
    assert "1 lower" in page
    assert "another seed would move scores too" in page


@pytest.mark.parametrize(
    ("others", "data", "words"),
    [
        (cells(metric="span_f1"), "rows", "other metrics: accuracy and span_f1"),
        (cells(signature="a|v:2"), "rows", "other signatures: a|v:1 and a|v:2"),
        (cells(), "other", "other test rows: rows and other"),
        (cells(seed=1), "rows", "seeds 0 and 1"),
        (
            [with_ids(each, tuple(f"x{id}" for id in each.ids)) for each in cells()],
            "rows",
            "no example in common",
        ),
    ],
)
def test_what_is_not_the_same_measure_is_refused(
    others: list[Result], data: str, words: str
) -> None:
    found = compared(cells(), others, data)
    assert found.lines == ()
    assert len(found.refused) == 4
    assert found.refused[0] == f"enc, none, xnli, de: {words}"
    page = render_comparison(found)
    assert "Nothing can be compared" in page
    assert "## Not comparable" in page


def test_only_shared_examples_count() -> None:
    """The first run has the first 60 examples alone, all of them right on both sides."""
    some = [only(each, lambda id: int(id) <= 60) for each in cells()]
    first = [each for each in some if each is not None]
    found = compared(first, cells())
    assert {(line.n, line.of) for line in found.lines} == {(60, 100)}
    assert {(line.first, line.second) for line in found.lines} == {(100.0, 100.0)}
    assert "60 of 100" in render_comparison(found)


def test_single_models_are_matched_and_others_by_name() -> None:
    found = compared(cells(model="old"), cells(model="new"))
    assert {line.model for line in found.lines} == {"old → new"}
    found = compared([*cells(), *cells(model="x")], [*cells(), *cells(model="y")])
    assert {line.model for line in found.lines} == {"enc"}
    assert found.alone[0] == "only in a: x, none, xnli in de, sw"
    assert found.alone[-1] == "only in b: y, qqp, xnli in de, sw"


def test_seeds_are_those_that_both_have() -> None:
    found = compared([*cells(), *cells(seed=1)], [*cells(seed=1), *cells(seed=2)])
    assert {line.seeds for line in found.lines} == {(1,)}


def test_halves_are_parts_of_the_whole() -> None:
    (cell, *_) = cells()
    halves = [only(cell, lambda id, side=side: side_of(id) == side) for side in (0, 1)]  # type: ignore[misc]
    sizes = [len(each.ids) for each in halves if each is not None]
    assert sum(sizes) == N
    assert min(sizes) > 30
    assert only(cell, lambda id: False) is None


def test_the_command_compares_two_studies(tmp_path: Path) -> None:
    first = stored(tmp_path, cells(), study="one")
    second = stored(tmp_path / "two", cells(worse=20), study="other")
    done = t2t("report", first, second, "--replicates", 200)
    assert done.code == 0
    path = first / "compared_with_other.md"
    assert done.out.strip().endswith(str(path))
    page = path.read_text(encoding="utf-8")
    assert "| enc     | qqp            | xnli     | sw         | 100 |    60.0 |     40.0 |" in page
    assert "-20.0*" in page
    refused = stored(tmp_path / "three", cells(), study="third", data="other rows")
    done = t2t("report", first, refused)
    assert "other test rows: xnli/de (" in done.out


def test_the_command_compares_what_evaluate_wrote(tmp_path: Path) -> None:
    for engine, limit in (("majority", 30), ("oracle", 20)):
        done = t2t(
            *("evaluate", "--engine", engine, "--task", "xnli", "--data", "microworld"),
            *("--language", "de", "--limit", limit, "--output", tmp_path / engine),
        )
        assert done.code == 0, done.err
    done = t2t("report", tmp_path / "majority", tmp_path / "oracle", "--replicates", 200)
    assert done.code == 0, done.err
    assert "| majority → oracle | none           | xnli     | de         | 20 of 30 |" in done.out
    assert "|    100.0 |" in done.out


def test_the_command_refuses_claims_of_two_and_no_run(tmp_path: Path) -> None:
    first = stored(tmp_path, cells(), study="one")
    done = t2t("report", first, first, "--claims", "phang2020")
    assert done.code == 2
    assert "--claims judges one study" in done.err
    done = t2t("report", first, tmp_path / "nothing")
    assert done.code == 2
    assert "nothing was run there" in done.err


def test_numbers_of_both_sides_are_of_the_same_draws() -> None:
    """Answers that differ by chance in half of 100 examples: paired, and no more."""
    rng = np.random.default_rng(0)
    one, two = (observed(ROW, rng.random(N) < 0.5) for _ in range(2))
    found = compared([one], [two])
    (line,) = found.lines
    spread = np.std(two.statistics - one.statistics) * 100 / np.sqrt(N)
    assert line.interval.high - line.interval.low == pytest.approx(2 * 1.96 * spread, rel=0.2)


def test_a_comparison_says_over_how_many_languages_a_mean_is() -> None:
    second = [each for each in cells() if (each.intermediate, each.language) != ("qqp", "sw")]
    second += [observed(replace(each, language="tr")) for each in second[:1]]
    first = [*cells(), *(observed(replace(each, language="ar")) for each in cells()[:1])]
    found = compare(("a", first), ("b", second), replicates=200)
    means = {line.intermediate: line.languages for line in found.lines if line.language is None}
    assert means == {"none": (2, 4)}
    page = render_comparison(found)
    assert "2 of 4 †" in page
    assert "† Not every language of the two runs is in the mean" in page
    assert "all 2" in render_comparison(compare(("a", cells()), ("b", cells())))
