"""What the program says and computes, written down: a change of the code may change none of it
without saying so.

    python -m tests.golden                  compare the code with tests/goldens
    python -m tests.golden --write          write tests/goldens again; say why in the commit
    python -m tests.golden plans --write    only that one

Everything is taken from outside: from the command line in this process, from the files that it
writes, and from the few seams that a redesign keeps. What the processor's last digits can move is
kept apart (`trained.json`) and is compared to a tolerance; the rest is compared to the letter,
with folders, times and versions taken out.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from . import test_bad_input as mistakes
from .learning import EXAMPLES, TASKS, answers, fresh_model
from .observing import made_study
from .studydata import Outcome, make_mirror, new_model, t2t, write_rows, write_study
from .studyworld import rows

FOLDER = Path(__file__).with_name("goldens")
EXACT = ("plans", "commands", "errors", "findings")
"""Compared to the letter, numbers to 1e-9."""
TRAINED = "trained"
LOSS_TOLERANCE = 1e-5
"""Relative; two processors differ by some 1e-7."""


def _plain(text: str, place: Path) -> str:
    """Without what differs between two runs: folders, times, versions, sizes of memory."""
    text = text.replace(str(place), "<place>")
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?", "<when>", text)
    text = re.sub(r"\b\d+(\.\d+)? (s|ms|min|h|MiB|GiB|kB|MB)\b", "<amount>", text)
    return re.sub(r'("(?:seconds|duration|started|ended|created|bytes)": )[^,}\n]+', r"\1<x>", text)


def _told(done: Outcome, place: Path) -> dict[str, Any]:
    return {
        "exit": done.code,
        "out": _plain(done.out, place).splitlines(),
        "err": _plain(done.err, place).splitlines(),
    }


@contextmanager
def _at(folder: Path) -> Iterator[Path]:
    before = Path.cwd()
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    try:
        yield folder
    finally:
        os.chdir(before)


# ---------------------------------------------------------------- plans


def plans() -> dict[str, Any]:
    """The stages of every shipped study: how many of each kind, and the hash of all their ids.

    In full for the quickstart, so that a change shows where it begins.
    """
    from .test_shipped_studies import STUDIES, plan_offline

    found: dict[str, Any] = {}
    for path in STUDIES:
        stages = plan_offline(path.stem).stages
        ids = sorted(stage.id for stage in stages)
        found[path.stem] = {
            "kinds": dict(sorted(Counter(stage.kind for stage in stages).items())),
            "ids": hashlib.sha256("\n".join(ids).encode()).hexdigest(),
            "first": ids[: None if path.stem == "quickstart" else 3],
        }
    return found


# ---------------------------------------------------------------- commands

COMMANDS = (
    "tasks ls --json",
    "tasks show xnli --json",
    "tasks show udpos",
    "tasks check xnli udpos mnli --data mirror:hub --json",
    "tasks preview xnli --data mirror:hub -n 1",
    "tasks preview udpos --data mirror:hub -n 1 --language ar",
    "evaluate --engine oracle --task xnli --task udpos --language all --skip-missing"
    " --data mirror:hub --output oracle --json",
    "evaluate --engine majority --task xnli --language en --language de"
    " --data mirror:hub --output majority --json",
    "evaluate --engine majority --task udpos --language de --data mirror:hub --output majority",
    "study plan study/small.yaml --data mirror:hub --output out --json",
    "study plan study/small.yaml --data mirror:hub --output out --why",
    "store ls --output oracle --json",
    "store verify --output oracle",
    "schema study",
    "schema task",
    "--help",
)


def commands(place: Path) -> dict[str, Any]:
    """Exit code and output of commands that need no trained model."""
    with _at(place):
        make_mirror(place)
        write_study(place / "study")
        return {line: _told(t2t(*line.split()), place) for line in COMMANDS}


# ---------------------------------------------------------------- errors


def errors(place: Path) -> dict[str, Any]:
    """Every paragraph that the tables of `test_bad_input` provoke."""
    cases: dict[str, Callable[[], Outcome]] = {}
    for name, (changes, _) in mistakes.STUDIES.items():
        cases[f"study: {name}"] = lambda changes=changes: mistakes.study(**changes)
    for name, (command, arguments, _) in mistakes.ARGUMENTS.items():
        cases[f"arguments: {name}"] = lambda c=command, a=arguments: c(*a.split())
    for name, (old, new, _) in mistakes.CHANGES.items():
        cases[f"task: {name}"] = lambda old=old, new=new: _changed_task(old, new)
    found = {}
    with _at(place):
        make_mirror(place)
        for split in ("train", "test.en", "test.de"):
            texts = [{"text": f"text {i}", "stars": i % 2} for i in range(4)]
            write_rows(Path("data", f"{split}.jsonl"), texts)
        for name, config in mistakes.CONFIGS.items():
            mistakes.checkpoint(name, json.dumps(config))
        for name, case in cases.items():
            mistakes.write_task(mistakes.TASK)
            found[name] = _told(case(), place)
    return found


def _changed_task(old: str, new: str) -> Outcome:
    mistakes.write_task(mistakes.TASK.replace(old, new))
    return mistakes.study(
        targets=["reviews"], models=[new_model("encoder")], languages=["en", "de"]
    )


# ---------------------------------------------------------------- findings


def findings() -> dict[str, Any]:
    """What the statistics find in made-up answers: two models, two seeds, a same-data pair."""
    from t2t_xfer.report.findings import study_numbers

    cells = made_study(np.random.default_rng(0), seeds=(0, 1), models=3)
    analysis = study_numbers(cells, replicates=200).main.analysis
    return {
        name: [_fields(each) for each in getattr(analysis, name)]
        for name in ("changes", "contrasts", "gaps", "notes")
    } | {"scores": {"|".join(map(str, key)): _fields(v) for key, v in analysis.scores.items()}}


def _fields(record: Any) -> Any:
    return dataclasses.asdict(record) if dataclasses.is_dataclass(record) else _json(record)


def _json(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return value._asdict()
    return list(value) if isinstance(value, tuple) else value


# ---------------------------------------------------------------- trained


def trained(place: Path) -> dict[str, Any]:
    """Losses of three architectures on every answer format, and the cells of a small study."""
    with _at(place):
        make_mirror(place)
        study = write_study(place / "study")
        done = t2t("study", "run", study, "--data", "mirror:hub", "--output", "out")
        assert done.code == 0, done.err
    return {
        "processor": processor(),
        "losses": losses(),
        "cells": rows(place / "out/small/cells.csv"),
    }


def processor() -> str:
    """What the last digits of a loss depend on, as a hash: an answer may turn on them."""
    import torch

    found = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    name = f"{found and found[1]} {torch.backends.cpu.get_cpu_capability()} {torch.__version__}"
    return hashlib.sha256(name.encode()).hexdigest()[:12]


def losses() -> dict[str, list[float]]:
    """Of four examples each, by untrained models of a seed."""
    import torch

    from t2t_xfer.architectures.head import batch_losses

    found = {}
    for kind in TASKS:
        answer = answers(kind)
        prompted = [answer.render(example) for example in EXAMPLES[kind](4, 5)]
        for architecture in ("encoder", "seq2seq", "causal"):
            if (architecture, kind) == ("encoder", "cloze"):
                continue  # in no table of readouts
            texts = [f"{each.input} {each.target}" for each in prompted]
            torch.manual_seed(0)
            loaded = fresh_model(architecture, texts)  # type: ignore[arg-type]
            made = loaded.architecture.training_rows
            batch = [row for each in prompted for row in made(each)]
            with torch.inference_mode():
                of_rows = batch_losses(loaded.model.eval(), loaded.architecture, batch)
            found[f"{architecture} {kind}"] = [round(value, 9) for value in of_rows.tolist()]
    return found


# ---------------------------------------------------------------- all of them


def collect(name: str, place: Path) -> Any:
    """One golden as this code has it."""
    if name in ("plans", "findings"):
        return globals()[name]()
    return globals()[name](place)


def stored(name: str) -> Any:
    """One golden as it was written."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def differences(kept: Any, found: Any, tolerance: float, at: str = "") -> list[str]:
    """Where two goldens differ, in words; numbers are equal within a relative tolerance."""
    if isinstance(kept, Mapping) and isinstance(found, Mapping):
        return [
            line
            for key in dict.fromkeys([*kept, *found])
            for line in (
                differences(kept[key], found[key], tolerance, f"{at}/{key}")
                if key in kept and key in found
                else [f"{at}/{key}: only {'here' if key in found else 'in the golden'}"]
            )
        ]
    if _listed(kept) and _listed(found):
        if len(kept) != len(found):
            return [f"{at}: {len(kept)} entries in the golden, {len(found)} here"]
        pairs = enumerate(zip(kept, found, strict=True))
        return [x for i, (a, b) in pairs for x in differences(a, b, tolerance, f"{at}[{i}]")]
    if isinstance(kept, float) and isinstance(found, int | float):
        close = math.isclose(kept, found, rel_tol=tolerance, abs_tol=tolerance)
        return [] if close else [f"{at}: {kept} in the golden, {found} here"]
    return [] if kept == found else [f"{at}: {kept!r} in the golden, {found!r} here"]


def _listed(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def main(arguments: Sequence[str]) -> int:
    """Writes or compares; the exit code says whether anything differs."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    import torch

    torch.set_num_threads(1)
    failed = False
    known = (*EXACT, TRAINED)
    for name in [name for name in known if name in arguments] or known:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["T2T_ALLOW_OUTSIDE"] = folder
            found = json.loads(json.dumps(collect(name, Path(folder).resolve())))
        if "--write" in arguments:
            FOLDER.mkdir(exist_ok=True)
            text = json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True)
            (FOLDER / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
            continue
        told = differences(stored(name), found, 1e-9 if name in EXACT else LOSS_TOLERANCE)
        failed |= bool(told)
        print(f"{name}: {f'{len(told)} differ' if told else 'equal'}")
        print("".join(f"  {line}\n" for line in told[:40]), end="")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
