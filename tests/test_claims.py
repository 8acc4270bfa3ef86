"""Claims files, and the verdicts that a study's numbers give on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2t_xfer.errors import SpecError
from t2t_xfer.report.claims import Verdict, judge, partial_conjunction
from t2t_xfer.report.numbers import Grid, redraw
from t2t_xfer.report.statements import Evidence
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.claims import ClaimsSpec
from t2t_xfer.specs.load import load_yaml
from t2t_xfer.study.results import Result

from .conftest import REPOSITORY
from .reported import REPLICATES, observed, page, stored
from .studydata import t2t

N = 200
MODELS = {"enc": "encoder", "dec": "causal"}
GAINS = {"none": 0, "mnli": 20, "qqp": 0, "squad_v1": -20, "mnli+qqp": 10}
"""In points; 0 is as many examples lost as won."""
TARGETS = ("xnli", "udpos", "tydiqa")
LANGUAGES = ("en", "de", "sw")
BASE = Result(
    *("made", "enc", "encoder", "none", "xnli", "en", 0, "accuracy", 50.0, N, 0.0, "slots", "a|v:1")
)


def answers(gain: int) -> list[bool]:
    """Half are right; then `gain` points more, besides ten points that come and ten that go."""
    right = [i % 2 == 0 for i in range(N)]
    if gain is not None:
        moved = N * 10 // 100
        for i in range(0, 2 * moved, 2):
            right[i] = False
            right[i + 1] = True
        change = abs(gain) * N // 100
        for i in range(2 * moved + (1 if gain > 0 else 0), 2 * (moved + change), 2):
            right[i] = gain > 0
    return right


def cells(
    models: Iterable[str] = ("enc",),
    intermediates: Iterable[str] = tuple(GAINS),
    targets: Iterable[str] = TARGETS,
    languages: Iterable[str] = LANGUAGES,
    extra: int = 0,
) -> list[Result]:
    """`mnli` before `xnli` is a same-data pair. `dec` gains `extra` points more from `mnli`."""
    found = []
    for model in models:
        for intermediate in intermediates:
            for target in targets:
                for language in languages:
                    same = "mnli" in intermediate and target == "xnli"
                    gain = GAINS[intermediate]
                    gain += extra if (model, intermediate) == ("dec", "mnli") else 0
                    right = (
                        [i % 2 == 0 for i in range(N)] if intermediate == "none" else answers(gain)
                    )
                    row = replace(BASE, model=model, architecture=MODELS[model], same_data=same)
                    row = replace(row, intermediate=intermediate, target=target, language=language)
                    row = replace(row, score=100 * float(np.mean(right)))
                    found.append(observed(row, right))
    return found


def evidence(
    there: Sequence[Result],
    unfinished: Sequence[Result] = (),
    *,
    synthetic: bool = False,
    replicates: int = REPLICATES,
) -> Evidence:
    rows = [*there, *unfinished]
    planned = frozenset((r.model, r.intermediate, r.target, r.language, r.seed) for r in rows)
    grid = Grid(there, redrawn=redraw(there, replicates=replicates))
    return Evidence(grid, there, planned, {row.model: row.architecture for row in rows}, synthetic)


STUDY = evidence(cells())


def verdict(statement: dict[str, Any], study: Evidence = STUDY, **others: Any) -> Verdict:
    stated = {"claim": "c", "text": "says", "source": "us", **statement}
    claims = ClaimsSpec.model_validate({"claims": "x", "statements": [stated], **others})
    (found,) = judge(claims, study)
    return found


def change(intermediate: Any, target: Any = "udpos", **others: Any) -> dict[str, Any]:
    return {"change": {"intermediate": intermediate, "target": target, **others}}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({**change("mnli"), "above": 0}, "supported"),
        ({**change("squad_v1"), "above": 0}, "contradicted"),
        ({**change("qqp"), "above": 0}, "undecided"),
        ({**change("mnli"), "above": 40}, "contradicted"),
        ({**change("mnli"), "above": 20}, "undecided"),
        ({**change("squad_v1"), "below": 0}, "supported"),
        ({**change("qqp"), "within": 15}, "supported"),
        ({**change("qqp"), "within": 1}, "undecided"),
        ({**change("mnli"), "within": 1}, "contradicted"),
        ({**change("squad_v1"), "outside": 0}, "supported"),
        ({**change("qqp"), "outside": 15}, "contradicted"),
        ({**change("qqp"), "outside": 0}, "undecided"),
    ],
)
def test_one_number_is_judged_by_its_bound(statement: dict[str, Any], expected: str) -> None:
    found = verdict(statement)
    assert found.verdict == expected
    assert found.interval is not None
    assert found.interval.low < found.interval.value < found.interval.high


@pytest.mark.parametrize(
    ("names", "holds_for", "expected"),
    [
        (["mnli", "mnli+qqp"], "each", "supported"),
        (["mnli", "qqp"], "each", "undecided"),
        (["mnli", "squad_v1"], "each", "contradicted"),
        (["mnli", "qqp", "squad_v1"], "any", "supported"),
        (["qqp", "squad_v1"], "any", "undecided"),
        (["squad_v1"], "any", "contradicted"),
        (["mnli", "mnli+qqp", "squad_v1"], "most", "supported"),
        (["mnli", "qqp", "squad_v1"], "most", "undecided"),
        ("all", "most", "undecided"),
    ],
)
def test_several_parts_are_judged_together(names: Any, holds_for: str, expected: str) -> None:
    found = verdict({**change(names), "above": 0, "holds_for": holds_for})
    assert found.verdict == expected


def test_the_weakest_part_decides_and_all_are_told() -> None:
    found = verdict({**change(["mnli", "mnli+qqp"]), "above": 0})
    assert found.interval is not None
    assert found.interval.value == pytest.approx(10)
    assert "decided by mnli+qqp / udpos" in found.why
    assert "mnli / udpos: +20.0 [" in found.why


def test_a_mixture_is_found_in_any_order() -> None:
    assert verdict({**change("qqp+mnli"), "above": 0}).verdict == "supported"


def test_the_partial_conjunction_is_that_of_benjamini_and_heller() -> None:
    p = [0.01, 0.2, 0.04]
    assert partial_conjunction(p, 3) == 0.2  # every one: the largest
    assert partial_conjunction(p, 2) == pytest.approx(2 * 0.04)
    assert partial_conjunction(p, 1) == pytest.approx(3 * 0.01)  # any: Bonferroni's
    assert partial_conjunction([0.9, 0.8], 1) == 1.0


def test_same_data_pairs_stay_out_and_are_named() -> None:
    found = verdict({**change("mnli", "average"), "above": 0})
    assert found.verdict == "supported"
    assert found.interval is not None
    assert found.interval.value == pytest.approx(20)
    assert "Left out (same-data or translate-train" in found.why
    assert "mnli before xnli" in found.why
    alone = verdict({**change("mnli", "xnli"), "above": 0})
    assert alone.verdict == "not tested here"
    assert "No cell counts in mnli / xnli" in alone.why


def test_translated_training_counts_only_where_it_is_asked_for() -> None:
    there = cells(intermediates=("none", "mnli", "qqp"))
    there = [replace(each, translate_train=each.intermediate == "qqp") for each in there]
    study = evidence(there)
    versus = {
        "first": {"intermediate": "mnli", "target": "udpos"},
        "second": {"intermediate": "qqp"},
    }
    assert verdict({"difference": versus, "above": 0}, study).verdict == "not tested here"
    versus["first"]["translated"] = True  # type: ignore[assignment]
    assert verdict({"difference": versus, "above": 0}, study).verdict == "supported"
    assert "qqp" not in verdict({**change("all"), "above": 0}, study).why


def test_the_largest_is_compared_with_all_the_rest_on_the_same_cells() -> None:
    stated = {
        "first": {"intermediate": "mnli", "target": "average"},
        "second": {"intermediate": "rest"},
    }
    found = verdict({"difference": stated, "above": 0})
    assert found.verdict == "supported"
    assert "of 3 parts" in found.why
    assert "mnli minus squad_v1 / mean over targets: +40.0" in found.why
    assert "xnli" in found.why.split("Left out")[1]  # for qqp too: mnli has no xnli that counts
    stated["first"] = {"intermediate": "mnli+qqp", "target": "average"}
    assert verdict({"difference": stated, "above": 0}).verdict == "contradicted"


def test_architectures_are_compared_on_the_same_cells() -> None:
    study = evidence(cells(models=("enc", "dec"), extra=15))
    stated = {
        "first": {"intermediate": ["mnli", "qqp"], "target": "udpos", "architecture": "causal"},
        "second": {"architecture": "encoder"},
    }
    found = verdict({"difference": stated, "above": 0, "holds_for": "any"}, study)
    assert found.verdict == "supported"
    assert "mnli / udpos / causal minus encoder: +15.0" in found.why
    assert "qqp / udpos / causal minus encoder: 0.0 [-1.5, +1.5]" in found.why
    assert "of 2 parts" in found.why


def test_an_average_over_models_is_one_number() -> None:
    study = evidence(cells(models=("enc", "dec"), extra=10))
    found = verdict({**change("mnli"), "above": 0}, study)
    assert found.interval is not None
    assert found.interval.value == pytest.approx(25)
    each = verdict({**change("mnli", model="all"), "above": 0}, study)
    assert "mnli / udpos / dec: +30.0" in each.why


def test_the_best_of_several_is_not_flattered_by_the_choice() -> None:
    """Nine intermediates that change nothing: the largest of their changes is above 0 by chance."""
    stated = {"intermediate": "all", "target": "udpos"}
    flattered, found = [], []
    rng = np.random.default_rng(0)
    for _ in range(20):
        # All but `none` by chance, so that the change of each is 0 over many studies.
        there = [observed(replace(BASE, target="udpos", language="de"), answers(0))]
        for name in "abcdefghi":
            row = replace(BASE, intermediate=name, target="udpos", language="de")
            there.append(observed(row, rng.random(N) < 0.5))
        study = evidence(there, replicates=200)
        found.append(verdict({"best": stated, "above": 0}, study))
        changes = [study.grid.change("enc", name, "udpos", ["de"]) for name in "abcdefghi"]
        flattered.append(max(change for change in changes if change is not None))
    values = [each.interval.value for each in found if each.interval is not None]
    assert np.mean(flattered) > 4
    assert abs(np.mean(values)) < 2.5  # three standard errors
    assert [each.verdict for each in found].count("supported") <= 2


def test_the_best_is_chosen_for_each_target() -> None:
    found = verdict({"best": {"intermediate": "all", "target": "average"}, "above": 0})
    assert found.verdict == "supported"
    assert "best of 4 / mean over targets" in found.why


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (change("hellaswag"), "does not have the intermediate hellaswag"),
        (change("mnli", "mlqa"), "does not have the target mlqa"),
        (change("mnli", architecture="seq2seq"), "no model of the architecture seq2seq"),
        (change("mnli", model="mt5"), "does not have the model mt5"),
        (change("mnli", languages=["de", "fi"]), "does not test udpos in fi"),
    ],
)
def test_what_the_study_lacks_is_said(statement: dict[str, Any], words: str) -> None:
    found = verdict({**statement, "above": 0})
    assert found.verdict == "not tested here"
    assert found.interval is None
    assert words in found.why


def test_targets_of_the_file_must_all_be_there() -> None:
    found = verdict({**change("mnli", "average"), "above": 0}, targets=["udpos", "mlqa"])
    assert found.verdict == "not tested here"
    assert "does not have the target mlqa" in found.why


def test_an_unfinished_study_claims_nothing_of_what_is_missing() -> None:
    whole = cells()
    gone = ("mnli", "udpos", "sw")
    there = [e for e in whole if (e.intermediate, e.target, e.language) != gone]
    unfinished = [e for e in whole if e not in there]
    study = evidence(there, unfinished)
    assert (
        "Not finished: enc, mnli, udpos, sw, 0"
        in verdict({**change("mnli"), "above": 0}, study).why
    )
    assert verdict({**change("mnli", "tydiqa"), "above": 0}, study).verdict == "supported"
    assert verdict({**change("mnli", languages=["de"]), "above": 0}, study).verdict == "supported"
    nothing = evidence([], whole)
    assert verdict({**change("mnli"), "above": 0}, nothing).why == "No cell is finished."


def test_one_language_and_no_baseline_test_nothing() -> None:
    english = evidence(cells(languages=["en"]))
    found = verdict({**change("mnli"), "above": 0}, english)
    assert (found.verdict, found.why) == (
        "not tested here",
        "The study does not test udpos in a zero-shot language.",
    )
    bare = evidence(cells(intermediates=["mnli"]))
    assert "leaves out udpos after none" in verdict({**change("mnli"), "above": 0}, bare).why
    seeds = cells(intermediates=["none"]) + [
        replace(each, seed=1) for each in cells(intermediates=["mnli"])
    ]
    assert "other seeds" in verdict({**change("mnli"), "above": 0}, evidence(seeds)).why


def test_synthetic_data_tests_no_claim() -> None:
    found = verdict({**change("mnli"), "above": 0}, evidence(cells(), synthetic=True))
    assert found.verdict == "not tested here"
    assert "synthetic" in found.why


def test_few_examples_without_any_difference_support_little() -> None:
    """Nothing moved in 20 examples: a loss of 10 points may have gone unseen, one of 30 not."""
    rows = [
        replace(BASE, intermediate=name, language="de", n=20, score=50.0)
        for name in ("none", "mnli")
    ]
    study = evidence([observed(row) for row in rows])
    for bound, expected in ((10, "undecided"), (30, "supported")):
        stated = {**change("mnli", "xnli"), "within": bound}
        assert verdict(stated, study).verdict == expected


def test_the_section_escapes_and_counts() -> None:
    found = [
        verdict({**change("mnli"), "above": 0, "text": "<b>|x", "published": "+5"}),
        verdict({**change("hellaswag"), "above": 0}),
    ]
    shown = page([BASE], verdicts=found)
    assert "2 claims: 1 supported (one seed) and 1 not tested here" in shown
    assert "<b>" not in shown
    assert "&lt;b>\\|x" in shown
    assert "## Claims" not in page([BASE])


def test_a_claims_file_says_all_its_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("""\
statements:
  - {claim: a, text: x, source: y, change: {intermediate: mnly, target: [all, xnli]}, above: 0}
  - {claim: b, text: "", change: {intermediate: none, target: xnli, languages: fr}, above: 0}
  - {claim: c, text: x, source: y, change: {intermediate: rest, target: xnli}, above: 0}
  - {claim: d, text: x, source: y, change: {intermediate: mnli, target: xnli}, above: 0, below: 1}
  - {claim: e, text: x, source: y, above: 0}
  - {claim: f, text: x, source: y, best: {intermediate: mnli, target: xnli}, above: 0}
  - claim: g
    text: x
    source: y
    difference:
      first: {intermediate: mnli, target: xnli, architecture: encoder, model: m}
      second: {}
    within: 0
""")
    with pytest.raises(SpecError) as error:
        load_yaml(path, ClaimsSpec, tasks=["mnli", "xnli"])
    told = str(error.value)
    for words in (
        ':2:59: statements[0].change.intermediate: found "mnly"',
        "Did you mean 'mnli'?",
        "expected names, or 'all' without anything beside it",
        "statements[1].source: missing",
        'statements[1].text: found ""',
        "every change is one from `none` already",
        "statements[1].change.languages: found \"fr\", expected 'others', 'all' or 'source'",
        "`rest` only in `second`",
        "exactly one of above, below, within, outside (the bound in points) in 'd', not above and",
        "exactly one of change, difference, best (what changes) in 'e', not none",
        "several intermediates to choose from",
        "`architecture` or `model`, not both",
        "at least one key that differs from `first`",
        "statements[6].within: found 0, expected more than 0",
    ):
        assert words in told


def test_the_shipped_claims_load_and_quote_a_source() -> None:
    for path in sorted((REPOSITORY / "studies" / "claims").glob("*.yaml")):
        found = Catalogue().claims(path.stem)
        assert all(each.source for each in found.statements)
    with pytest.raises(SpecError, match="Did you mean 'phang2020'"):
        Catalogue().claims("phang2002")


def test_the_claims_of_the_paper_fit_the_study_of_its_conditions() -> None:
    """Every intermediate that they name is in the study that repeats the paper, but translations,
    and architectures that the paper does not have."""
    spec = Catalogue().study(REPOSITORY / "studies" / "xstilts_xlmr_large.yaml")
    names = ["none"] + ["+".join([x] if isinstance(x, str) else x) for x in spec.intermediates[1:]]
    there = []
    for name in names:
        for target in spec.targets:
            for language in ("de", "fr") if target in ("bucc", "tatoeba") else ("en", "de"):
                right = answers(10 if name != "none" else 0)
                row = replace(BASE, intermediate=name, target=target, language=language)
                there.append(observed(replace(row, score=100 * float(np.mean(right))), right))
    found = {each.claim: each for each in judge(Catalogue().claims("phang2020"), evidence(there))}
    untested = {name for name, each in found.items() if each.verdict == "not tested here"}
    assert untested == {
        "translations-are-no-better",
        "english-beats-translations",
        "helps-each-architecture",
        "architecture-matters",
    }
    assert found["three-tasks-help"].verdict == "supported"
    assert found["mixture-is-best"].verdict == "undecided"


def test_the_example_of_the_docs_gets_its_verdicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (REPOSITORY / "docs" / "claims.md").read_text(encoding="utf-8")
    example = text.split("```yaml\n")[1].split("```")[0]
    (tmp_path / "mine.yaml").write_text(example, encoding="utf-8")
    there = cells(intermediates=("none", "mnli", "qqp"), languages=("en", "de"))
    directory = stored(tmp_path, there)
    monkeypatch.chdir(tmp_path)
    done = t2t("report", directory, "--claims", "mine.yaml", "--replicates", 200)
    assert done.code == 0
    assert done.out.splitlines()[:3] == [
        "supported (one seed): mnli-helps",
        "undecided: qqp-helps-somewhere",
        "not tested here: best-of-all",
    ]
    page = (directory / "report.md").read_text(encoding="utf-8")
    assert (
        "## Claims\n\n3 claims: 1 supported (one seed), 1 undecided and 1 not tested here." in page
    )
