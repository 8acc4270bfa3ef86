"""`tasks preview`: input, target and answer slots for each architecture, plain in a pipe."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from t2t_xfer.check.examples import layouts
from t2t_xfer.cli import cli
from t2t_xfer.data.examples import read_examples
from t2t_xfer.data.sources import open_source
from t2t_xfer.records import Cloze, Copied, Readout, Slots, Split
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.task import load_task, render

MICRO = open_source("microworld")


def shown(*arguments: str, color: bool = False) -> str:
    done = CliRunner().invoke(
        cli, ["tasks", "preview", *arguments, "-n", "1", "--data", "microworld"], color=color
    )
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(
    ("task", "split", "ends"),
    [("xnli", "test", "relation: "), ("mnli", "validation", "relation: ")],
)
def test_the_target_is_marked_where_it_sits(task: str, split: Split, ends: str) -> None:
    loaded = load_task(Catalogue(), task, MICRO)
    (example,) = read_examples(loaded.spec, MICRO, "en", split, 1)
    text = render(loaded, example)
    views = {view.architecture: view.text for view in layouts(loaded.answer.asks, text, {})}
    assert views["encoder"].endswith(f"{ends}⟦{text.target}⟧")
    assert views["causal"].endswith(f"{ends}⟦{text.target}⟧")
    assert views["seq2seq"] == f"⟦{text.target}⟧"


def test_separate_choices_have_a_yes_or_no_each() -> None:
    loaded = load_task(Catalogue(), "hellaswag", MICRO)
    (example,) = read_examples(loaded.spec, MICRO, "en", "validation", 1)
    views = layouts(loaded.answer.asks, render(loaded, example), {})
    verdicts = [re.findall("⟦(.*?)⟧", view.text) for view in views]
    right = ["yes" if letter == example.gold else "no" for letter in "ABCD"]
    assert verdicts == [right] * 3
    assert views[2].text.count("right: ⟦") == 4
    assert "row 4 of 4" in (out := shown("hellaswag", "--model=micro:causal"))
    assert len(re.findall("⟦: → ▁yes or ▁no⟧", out)) == 4


def test_every_word_has_its_tag() -> None:
    loaded = load_task(Catalogue(), "udpos", MICRO)
    (example,) = read_examples(loaded.spec, MICRO, "zh", "test", 1)
    words, gold = example.fields["words"], example.gold
    assert isinstance(words, tuple)
    assert isinstance(gold, tuple)
    beside = " ".join(f"{word}⟦{tag}⟧" for word, tag in zip(words, gold, strict=True))
    encoder, seq2seq, causal = layouts(Slots, render(loaded, example), {})
    assert (encoder.text, causal.text) == (beside, beside)
    assert f"<1> {words[1]} ⟦{gold[1]}⟧" in seq2seq.text


def test_a_span_is_marked_in_its_text() -> None:
    loaded = load_task(Catalogue(), "xquad", MICRO)
    (example,) = read_examples(loaded.spec, MICRO, "de", "test", 1)
    prompted = render(loaded, example)
    assert prompted.answer is not None
    before = prompted.input[prompted.answer.start - 5 : prompted.answer.start]
    (encoder, *_) = layouts(Copied, prompted, {})
    assert f"{before}⟦{prompted.target}⟧" in encoder.text


def test_what_an_architecture_cannot_do_says_why() -> None:
    loaded = load_task(Catalogue(), "hellaswag", MICRO)
    (example,) = read_examples(loaded.spec, MICRO, "en", "validation", 1)
    (encoder, *_) = layouts(Cloze, render(loaded, example), {})
    assert (encoder.readout, encoder.text) == ("", "")
    assert "same mask slots" in encoder.how


def test_the_task_s_own_readout_is_shown() -> None:
    loaded = load_task(Catalogue(), "udpos", MICRO)
    (example,) = read_examples(loaded.spec, MICRO, "tr", "test", 1)
    views = layouts(Slots, render(loaded, example), {"causal": Readout.generate})
    assert [view.readout for view in views] == ["slots", "slots", "generate"]


def test_colour_on_a_terminal_and_plain_text_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    plain, coloured = shown("xnli"), shown("xnli", color=True)
    assert click.unstyle(plain) == plain
    assert "\x1b[32m⟦entailment⟧\x1b[0m" in coloured
    assert click.unstyle(coloured) == plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert shown("xnli", color=True) == plain


def test_tokens_of_three_models_with_what_each_place_predicts() -> None:
    out = shown(
        "udpos",
        "--language",
        "ar",
        *(f"--model=micro:{a}" for a in ("encoder", "seq2seq", "causal")),
    )
    counts = dict(re.findall(r"micro:\w+ \((\w+)\): (\d+ tokens, \d+ with loss)", out))
    assert {*counts} == {"encoder", "seq2seq", "causal"}
    words = len(re.findall(r"^→ (.*)$", out, re.MULTILINE)[0].split())
    assert all(each.endswith(f" {words} with loss") for each in counts.values())
    tokens = out[out.index("micro:encoder") :]
    assert tokens.count("= PUNCT⟧") == 3  # once for each architecture
    assert "لدى" in tokens  # bytes are shown as the characters that they are


def test_a_pointer_says_where_it_points() -> None:
    out = shown("squad_v1", "--model", "micro:encoder")
    places = [int(place) for place in re.findall(r"⟦<mask> → \S+ at (\d+)⟧", out)]
    assert len(places) == 2
    assert places[0] <= places[1]
