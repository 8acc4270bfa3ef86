"""A made-up study for the tests of the report's page: its cells, its answers, and a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import pytest

from t2t_xfer.report.browser import Browsed, BrowsedAnswer, Chunk, Run
from t2t_xfer.report.claims import Outcome, Verdict
from t2t_xfer.report.findings import study_numbers
from t2t_xfer.report.given import Cost, Drift, Report
from t2t_xfer.report.intervals import Interval
from t2t_xfer.study.results import Examples, Result

MODELS = {"enc": "encoder", "s2s": "seq2seq", "<b>dec</b>": "causal"}
GAINS: Mapping[str, float] = {"none": 0.0, "mnli": 0.2, "squad": -0.4}
"""Added to the chance of a right answer."""
EXAMPLES = 60
ATTACK = "</script><script>document.title = 'taken'</script>"
ARABIC = "يرى المعلم البيت"


def observed(*, models: int = 3, languages: tuple[str, ...] = ("en", "de", "ar")) -> list[Result]:
    """The cells of two targets; mnli before xnli is a same-data pair."""
    rng = np.random.default_rng(0)
    ids = tuple(str(number) for number in range(EXAMPLES))
    luck = rng.random(EXAMPLES)
    found = []
    for model in list(MODELS)[:models]:
        for intermediate, gain in GAINS.items():
            for target in ("xnli", "paws_x"):
                for language in languages:
                    chance = (0.6 if language == "en" else 0.5) + gain
                    right = (luck < chance) ^ (rng.random(EXAMPLES) < 0.1)
                    cut = np.where(np.arange(EXAMPLES) < 3, 7, 0)
                    statistics = right.astype(np.float64)[:, None]
                    row = Result(
                        *("made-up", model, MODELS[model], intermediate, target, language, 0),
                        *("accuracy", 100 * float(right.mean()), EXAMPLES, 0.0, "slots"),
                        signature="accuracy|v:1",
                        same_data=(intermediate, target) == ("mnli", "xnli"),
                        chosen=Examples(ids, statistics, ("scored",) * EXAMPLES, cut),
                    )
                    found.append(row)
    return found


def page_of(cells: list[Result], **others: Any) -> Report:
    """What the page of these cells is made of."""
    others.setdefault("notes", ("Synthetic data.",))
    numbers = study_numbers(cells, replicates=200)
    return Report(others.pop("study", "made-up"), numbers, finished=cells, **others)


def judged(claim: str, verdict: Outcome, interval: Interval | None = None) -> Verdict:
    """A verdict on one seed, whose texts attack."""
    says = (f"mnli helps {ATTACK}", "+5.4", "Somebody 2020")
    return Verdict(claim, *says, verdict, interval, "the interval is above 0", seeds=1)


@cache
def full_page() -> Report:
    """Every section has something to show, and every free text attacks."""
    return page_of(
        observed(),
        study=f"made-up {ATTACK}",
        notes=[ATTACK],
        costs=[
            Cost("train/x", "train", ATTACK, 12.5, 1000, 2**30),
            Cost("score/y", "score", "y", 1),
        ],
        drift=[Drift("enc", "mnli", "xquad", "ar", 100, 40, 90, 9)],
        unfinished={"train/z": f"failed: {ATTACK}"},
        distances={"de": 0.2, "ar": 0.5},
        verdicts=[
            judged("c1", "supported", Interval(4.0, 3.0, 5.0)),
            judged("c2", "not tested here"),
        ],
    )


def chunks() -> list[Chunk]:
    """Two targets; the answers of the first hold markup and Arabic."""
    runs = [Run(model, name, "none", 0, "generate") for model, name in MODELS.items()]
    right = BrowsedAnswer(f"{ARABIC} \u2028", ARABIC, "exact", 100.0)
    wrong = BrowsedAnswer(ATTACK, "", "invalid", 0.0)
    first = [
        Browsed("1", f"question: {ARABIC}\n{ATTACK}", ARABIC, [right, wrong, None], True),
        Browsed("2", "half a pair: \ud800", ARABIC, [right, right, right], False),
    ]
    second = [
        Browsed(str(n), f"input {n}", "gold", [right, right, right], False) for n in range(12)
    ]
    return [
        Chunk("xquad", "ar", 190, 77, runs, first),
        Chunk("xnli", "de", 12, 0, runs, second, "Inputs are made up."),
    ]


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium of the system; skips where there is none, and fails in CI."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        missing = "no Chromium on the PATH (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    quiet = ("quic", "background-networking", "component-update", "sync", "gpu")
    arguments = ["--no-sandbox", "--no-first-run", *(f"--disable-{each}" for each in quiet)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()
