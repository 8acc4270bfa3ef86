"""BUCC from plan to report: threshold from one set, score on another, in a vector space made here.

The model is a decoder whose token vectors are set by hand (`wordvectors.py`): each foreign word has
the vector of its English translation, and a sentence's vector is the mean of its words'.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from t2t_xfer.architectures.loading import load
from t2t_xfer.metrics import BuccF1
from t2t_xfer.report.cells import read_cells

from .studydata import make_mirror, new_model, one_thread, t2t, write_study
from .test_data_pools import write_mirror
from .test_mine import naive
from .wordvectors import save_model, word, write_task

NUM_WORDS = 120
Pools = tuple[dict[str, str], dict[str, str], list[tuple[str, str]]]


def made_up_pools(num_pairs: int, alone: int, seed: int) -> Pools:
    """Pairs share five words of six; distractors share up to three with a sentence of a pair."""
    rng = random.Random(seed)

    def sentence(ids: list[int], language: str) -> str:
        return " ".join(word(id, language) for id in ids)

    foreign, english, gold = {}, {}, []
    for i in range(num_pairs):
        words = rng.sample(range(NUM_WORDS), 6)
        foreign[f"de-{i}"] = sentence(words, "d")
        english[f"en-{i}"] = sentence([*words[:5], rng.randrange(NUM_WORDS)], "e")
        gold.append((f"de-{i}", f"en-{i}"))
        if i % 3 == 0:
            near = [*words[:3], *rng.sample(range(NUM_WORDS), 3)]
            foreign[f"de-near{i}"] = sentence(near, "d")
    for i in range(alone):
        foreign[f"de-alone{i}"] = sentence(rng.sample(range(NUM_WORDS), 6), "d")
        english[f"en-alone{i}"] = sentence(rng.sample(range(NUM_WORDS), 6), "e")
    # A sentence that stands there twice belongs to nobody.
    foreign["de-again"] = foreign["de-1"]
    return foreign, english, gold


@pytest.fixture(scope="module", autouse=True)
def _threads() -> None:
    one_thread()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    vectors = torch.randn(NUM_WORDS, 64, generator=torch.Generator().manual_seed(0)) + 0.3
    return save_model(tmp_path_factory.mktemp("model"), vectors)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a task `bucc` that reads layer 0, and data to mine."""
    monkeypatch.chdir(tmp_path)
    write_task(tmp_path, "bucc")
    return tmp_path


def write_pools(folder: Path, prefix: str, pools: Pools) -> None:
    foreign, english, gold = pools
    write_mirror(folder, prefix, "de", foreign, english, gold)


def evaluate(folder: Path, model: Path, *more: str) -> dict[str, Any]:
    command = ["--task", "bucc", "--language", "de", "--data", f"mirror:{folder}"]
    done = t2t("evaluate", "--model", model, *command, "--output", folder / "out", "--json", *more)
    assert done.code == 0, done.err
    results: dict[str, Any] = json.loads(done.out)["languages"]["de"]
    return results


def expected(model: Path, dev: Pools, test: Pools) -> tuple[float | None, float]:
    """Threshold and F1 by the naive miner, sets and loops: XTREME's protocol in few lines."""
    table = load(str(model)).model.get_input_embeddings().weight.detach().numpy()
    tokenizer = load(str(model)).tokenizer

    def mined(pools: Pools) -> dict[tuple[str, str], float]:
        foreign, english, _ = pools
        sides = []
        for pool in (foreign, english):
            texts = list(dict.fromkeys(pool.values()))
            ids = [tokenizer(text)["input_ids"] for text in texts]
            sides.append((texts, np.stack([table[one].mean(0) for one in ids])))
        (ours, x), (theirs, y) = sides
        out = {}
        for i, j, margin in naive(x, y, 4):
            left = [id for id, text in foreign.items() if text == ours[i]]
            right = [id for id, text in english.items() if text == theirs[j]]
            if len(left) == len(right) == 1:
                out[left[0], right[0]] = margin
        return out

    def f1(found: set[tuple[str, str]], gold: set[tuple[str, str]]) -> float:
        return 200 * len(found & gold) / (len(found) + len(gold))

    candidates = sorted(mined(dev).items(), key=lambda item: -item[1])
    margins = [margin for _, margin in candidates]
    scores = [
        f1({pair for pair, _ in candidates[:count]}, set(dev[2]))
        for count in range(1, len(candidates))
    ]
    best = int(np.argmax(scores))
    threshold = (margins[best] + margins[best + 1]) / 2
    stands = {pair for pair, margin in mined(test).items() if margin >= threshold}
    return threshold, f1(stands, set(test[2]))


def test_the_threshold_of_the_sample_set_is_applied_to_the_scored_set(
    place: Path, model: Path
) -> None:
    dev, test = made_up_pools(25, 40, 1), made_up_pools(40, 30, 2)
    write_pools(place, "sample_", dev)
    write_pools(place, "", test)
    found = evaluate(place, model)
    threshold, score = expected(model, dev, test)
    assert found["details"]["threshold"] == pytest.approx(threshold, abs=1e-6)
    assert found["score"] == pytest.approx(score, abs=1e-6)
    assert 60 < found["score"] < 100  # one gold pair cannot be mined: its sentence stands twice
    assert "|threshold-chosen-on:validation|" in found["signature"]
    assert "|mine:ratio-margin-of-4-max-one-to-one" in found["signature"]
    assert found["n"] == len(test[0])
    # Chosen on the scored set itself it would be another.
    own, _ = expected(model, test, test)
    assert own != pytest.approx(threshold, abs=1e-3)


def test_distractors_cost_precision_that_the_threshold_wins_back(place: Path, model: Path) -> None:
    pools = made_up_pools(30, 60, 3)
    write_pools(place, "", pools)
    found = evaluate(place, model)
    (rows,) = [
        [json.loads(line) for line in log.read_text().splitlines()]
        for log in place.glob("out/store/score/*/statistics.jsonl")
    ]
    everything = BuccF1()
    loose = everything.scored([everything.statistics(row["gold"], row["value"]) for row in rows])
    assert loose.details["precision"] < 60
    assert found["details"]["precision"] > 85
    assert found["score"] > loose.value + 20


def test_with_one_set_the_threshold_is_chosen_on_it_and_the_signature_says_so(
    place: Path, model: Path
) -> None:
    pools = made_up_pools(20, 20, 4)
    write_pools(place, "", pools)
    found = evaluate(place, model)
    assert "|threshold-chosen-on:the-scored-set|" in found["signature"]
    threshold, score = expected(model, pools, pools)
    assert found["details"]["threshold"] == pytest.approx(threshold, abs=1e-6)
    assert found["score"] == pytest.approx(score, abs=1e-6)


def test_a_sentence_that_is_in_no_mined_pair_is_predicted_to_have_none(
    place: Path, model: Path
) -> None:
    write_pools(place, "", made_up_pools(12, 30, 5))
    evaluate(place, model)
    (log,) = place.glob("out/store/score/*/statistics.jsonl")
    rows = {row["id"]: row for row in map(json.loads, log.read_text().splitlines())}
    for id in ("de-1", "de-again"):  # the same sentence under two ids
        assert rows[id]["value"] == ""
        assert rows[id]["status"] == "scored"
        assert "evidence" not in rows[id]
    assert rows["de-1"]["statistics"] == [0, 0, 1]
    assert rows["de-again"]["statistics"] == [0, 0, 0]
    mined = [row for row in rows.values() if row["value"]]
    assert len({row["value"] for row in mined}) == len(mined)
    assert all(row["evidence"] > 0 for row in mined)


def test_a_limit_counts_for_both_sets(place: Path, model: Path) -> None:
    write_pools(place, "sample_", made_up_pools(30, 20, 6))
    write_pools(place, "", made_up_pools(30, 20, 7))
    assert evaluate(place, model, "--limit", "20")["n"] == 20
    logs = [log.read_text().splitlines() for log in place.glob("out/store/predict/*/*.jsonl")]
    assert [len(log) for log in logs] == [20, 20]


def test_the_oracle_reaches_100_and_there_is_no_majority(place: Path) -> None:
    write_pools(place, "sample_", made_up_pools(5, 5, 8))
    write_pools(place, "", made_up_pools(9, 9, 9))
    command = ("evaluate", "--task", "bucc", "--language", "de", "--data", f"mirror:{place}")
    done = t2t(*command, "--output", place / "out", "--json", "--engine", "oracle")
    assert json.loads(done.out)["languages"]["de"]["score"] == 100
    done = t2t(*command, "--output", place / "out", "--engine", "majority")
    assert done.code == 2
    assert "no majority baseline" in done.err


@pytest.mark.parametrize("more", [(), ("--skip-missing",)])
def test_without_pools_on_the_hub_the_way_out_is_one_paragraph(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    command = ("evaluate", "--engine", "oracle", "--task", "bucc", "--data", "hub")
    done = t2t(*command, "--output", tmp_path / "out", *more)
    assert done.code == 2
    assert "\n\n" not in done.err.strip()
    assert "Traceback" not in done.err
    if not more:
        for needle in ("gold pairs", "official", "docs/retrieval.md", "--skip-missing"):
            assert needle in done.err
        assert len(done.err) < 1100
    assert not list(tmp_path.glob("out/**/*.jsonl"))


def test_gold_pairs_that_no_pool_has_stop_everything_before_it_begins(
    place: Path, model: Path
) -> None:
    foreign, english, gold = made_up_pools(5, 5, 8)
    write_pools(place, "", (foreign, english, [*gold, ("de-1", "en-none")]))
    command = ("evaluate", "--model", model, "--task", "bucc", "--language", "de")
    done = t2t(*command, "--data", f"mirror:{place}", "--output", place / "out")
    assert done.code == 2
    assert "gold, row 5: no sentence 'en-none' in" in done.err
    assert not list(place.glob("out/store/*/*/record.json"))


def test_a_study_reports_it_beside_other_targets(tmp_path: Path) -> None:
    hub = make_mirror(tmp_path)
    foreign, english, gold = made_up_pools(8, 6, 1)
    write_mirror(hub, "", "de", foreign, english, gold)
    study = write_study(
        tmp_path,
        models=[new_model("encoder"), new_model("seq2seq")],
        intermediates=["none"],
        targets=["bucc"],
        languages=["de"],
    )
    done = t2t("study", "run", study, "--data", f"mirror:{hub}", "--output", tmp_path / "out")
    assert done.code == 0, done.err
    rows = read_cells(tmp_path / "out" / "small" / "cells.csv")
    assert [(row.target, row.metric, row.readout, row.n) for row in rows] == [
        ("bucc", "bucc_f1", "embed", 8)  # the study's limit
    ] * 2
    page = (tmp_path / "out" / "small" / "report.md").read_text()
    assert "bucc (bucc_f1)" in page


@pytest.mark.slow
def test_real_chinese_pools_are_mined_by_an_untrained_model(
    shared_hub: Path, tmp_path: Path
) -> None:
    command = ("evaluate", "--model", "new:encoder", "--task", "bucc", "--language", "zh")
    place = ("--data", f"mirror:{shared_hub}", "--output", tmp_path, "--json")
    done = t2t(*command, *place)
    assert done.code == 0, done.err
    found = json.loads(done.out)["languages"]["zh"]
    assert found["n"] == 8624
    assert 0 <= found["score"] < 20
    (log,) = tmp_path.glob("store/score/*/statistics.jsonl")
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    mined = [row["value"] for row in rows if row["value"]]
    assert 500 < len(mined) == len(set(mined))
