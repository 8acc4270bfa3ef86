"""The distance of the world's languages from English, and the report's section about it."""

from __future__ import annotations

import pytest

from t2t_xfer.microworld import LANGUAGES
from t2t_xfer.microworld.lexicon import FEATURES, distance, features

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
