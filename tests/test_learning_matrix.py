"""The guard that everything leans on: architecture × answer format × readout really learns.

A small model overfits 64 examples to at least 95 % of the metric and carries the rule over to
examples it has not seen. The same with permuted answers falls to chance on those, and so does a
reader whose words were shuffled under it: wrongly aligned losses or parsers cannot pass.
"""

from pathlib import Path

import pytest

from t2t_xfer.architectures import ANSWER_READOUTS
from t2t_xfer.records import ArchitectureName, Decoding, Readout

from .learning import EXAMPLES, answers, learn, permuted, score, shuffled_words

CELLS = [
    pytest.param(architecture, kind, id=f"{architecture}-{kind}")
    for architecture, kind in ANSWER_READOUTS
]


@pytest.mark.parametrize(("architecture", "kind"), CELLS)
def test_learns_64_examples_and_their_rule(
    architecture: ArchitectureName, kind: str, tmp_path: Path
) -> None:
    answer = answers(kind)
    seen, unseen = EXAMPLES[kind](64, 1), EXAMPLES[kind](96, 2)
    loaded = learn(architecture, answer, seen, tmp_path)
    for readout in ANSWER_READOUTS[architecture, kind]:
        assert score(loaded, answer, seen, readout)["score"] >= 95, readout
        assert score(loaded, answer, unseen, readout)["score"] >= 75, readout
    if Readout.generate in ANSWER_READOUTS[architecture, kind]:
        # Written without help: targets end where they should, and parse.
        free = Decoding(constrained=False)
        assert score(loaded, answer, seen, Readout.generate, free)["score"] >= 95
    if kind == "tags":
        slipped = score(loaded, answer, shuffled_words(unseen, 3), Readout.slots)
        assert slipped["token_accuracy"] <= 45


@pytest.mark.parametrize(("architecture", "kind"), CELLS)
def test_falls_to_chance_when_answers_are_permuted(
    architecture: ArchitectureName, kind: str, tmp_path: Path
) -> None:
    answer = answers(kind)
    unseen = EXAMPLES[kind](192, 2)
    loaded = learn(architecture, answer, permuted(EXAMPLES[kind](64, 1), 4), tmp_path)
    for readout in ANSWER_READOUTS[architecture, kind]:
        found = score(loaded, answer, unseen, readout)
        # Three balanced labels: 33 % ± 3 standard errors. Tags: NOUN is 2 of 7 words. Spans: one
        # word of at least 8.
        kept = found["token_accuracy"] if kind == "tags" else found["score"]
        assert kept <= {"label": 44, "tags": 45, "span": 30}[kind]
