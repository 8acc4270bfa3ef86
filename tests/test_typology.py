"""The distance of the world's languages from English, and the report's section about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from t2t_xfer.microworld import LANGUAGES
from t2t_xfer.microworld.lexicon import FEATURES, distance, features
from t2t_xfer.report.document import Document, Section
from t2t_xfer.report.given import Report
from t2t_xfer.report.text import render_markdown
from t2t_xfer.report.transfer import distance_section, spearman
from t2t_xfer.study.results import Result

from .reported import numbers
from .test_report import ROW, line_of

KNOWN = {
    # What a grammar book says, feature by feature.
    "verb before object": {"en", "ar", "zh", "sw"},
    "subject before verb": {"en", "de", "tr", "zh", "sw"},
    "by before agent": {"en", "de", "ar", "zh", "sw"},  # tarafından follows the agent
    "adjective before noun": {"en", "de", "tr", "zh"},
    "owner before noun": {"en", "de", "tr", "zh"},
    "question word in place": {"tr", "zh", "sw"},
    "case of objects": {"de", "tr", "ar"},
    "classifiers": {"zh"},
    "passive with an auxiliary": {"en", "de", "ar"},  # wurde, تم
    "a word for is": {"en", "de", "sw"},
}


@pytest.mark.parametrize("name", KNOWN)
def test_features_are_read_from_the_lexicon(name: str) -> None:
    assert {code for code in LANGUAGES if features(code)[name] is True} == KNOWN[name]


def test_every_feature_tells_some_language_from_another() -> None:
    for name in FEATURES:
        assert len({features(code)[name] for code in LANGUAGES}) > 1, name


def test_distance_is_a_share_of_features() -> None:
    assert distance("en") == 0
    assert distance("de", "tr") == distance("tr", "de") > 0
    # German differs in the orders of verb and object and of verb and place, in case, and in the
    # agreement of adjectives.
    assert distance("de") == 4 / len(FEATURES)
    others = [code for code in LANGUAGES if code != "en"]
    assert min(others, key=distance) == "de"
    assert max(map(distance, others)) <= 1


def test_spearman_of_numbers_worked_by_hand() -> None:
    # Ranks 0 1 2 3 and 3 2 0 1: differences -3 -1 2 2, so 1 - 6 * 18 / (4 * 15).
    assert spearman([0.2, 0.4, 0.5, 0.6], [80, 70, 60, 65]) == pytest.approx(-0.8)
    # Equal values share a rank: 0 1.5 1.5 and 2 1 0, so -1.5 / sqrt(1.5 * 2).
    assert spearman([1, 2, 2], [9, 5, 1]) == pytest.approx(-1.5 / 3**0.5)
    assert spearman([1, 2, 3], [7, 7, 7]) is None
    assert spearman([1], [1]) is None


def far(rows: list[Result]) -> Section | None:
    distances = {row.language: distance(row.language) for row in rows}
    return distance_section(Report("s", numbers(rows), distances=distances))


def test_the_section_orders_languages_and_correlates_zero_shot_scores_only() -> None:
    rows = [
        replace(ROW, model=model, intermediate=intermediate, language=code, score=score)
        for model, sign in (("enc", -1), ("dec", 1))
        for intermediate, more in (("none", 0), ("qqp", 4))
        for code in LANGUAGES
        # English breaks the rule; it is no zero-shot language.
        for score in [0.0 if code == "en" else 50 + sign * 40 * distance(code) + more]
    ]
    section = far(rows)
    assert section is not None
    page = render_markdown(Document("s", [section]))
    assert "Synthetic" in page
    table = page.split("**Score by distance to English**")[1].split("\n\n")[1].splitlines()[2:]
    order = [line.split("|")[1].strip() for line in table]
    assert order[:2] == ["en", "de"]
    assert sorted(order, key=distance) == order
    # Both models and both intermediates: 50 + 2.
    scores = page.split("**Score by distance to English**")[1]
    assert line_of(scores, "de", f"{distance('de'):.2f}")[2] == "52.0"
    assert line_of(page, "enc (encoder)")[1] == "-1.00"
    assert line_of(page, "dec (encoder)")[1] == "+1.00"
    assert line_of(page, "all")[1] in ("–", "0.00")


def test_no_section_without_zero_shot_languages() -> None:
    assert far([ROW]) is None
    assert far([ROW, replace(ROW, language="de")]) is None
