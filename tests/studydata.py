"""A small mirror of the hub made here, and a small study on it: enough for every shipped task.

Four languages with two scripts, one of them right to left; words with inner spaces; parallel test
sets. The rows have a rule (the label follows a cue, the tag follows the word), so that a model
could learn them, but nothing here depends on it.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from t2t_xfer.cli import main

TAGS = [
    "ADJ",
    "ADP",
    "ADV",
    "AUX",
    "CCONJ",
    "DET",
    "INTJ",
    "NOUN",
    "NUM",
    "PART",
    "PRON",
    "PROPN",
    "PUNCT",
    "SCONJ",
    "SYM",
    "VERB",
    "X",
]
LEXICON: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "en": {
        "DET": ("the", "every", "this"),
        "NOUN": ("dog", "house", "river", "teacher"),
        "VERB": ("sees", "paints", "finds"),
        "ADJ": ("old", "red"),
        "NUM": ("three", "10 000"),
        "PUNCT": (".",),
    },
    "de": {
        "DET": ("der", "jeder", "dieser"),
        "NOUN": ("Hund", "Garten", "Fluss", "Lehrer"),
        "VERB": ("sieht", "malt", "findet"),
        "ADJ": ("alte", "rote"),
        "NUM": ("drei", "10 000"),
        "PUNCT": (".",),
    },
    "ar": {
        "DET": ("كل", "هذا", "ذلك"),
        "NOUN": ("كلب", "بيت", "نهر", "معلم"),
        "VERB": ("يرى", "يرسم", "يجد"),
        "ADJ": ("قديم", "أحمر"),
        "NUM": ("ثلاثة", "10 000"),
        "PUNCT": (".",),
    },
    "es": {
        "DET": ("el", "cada", "este"),
        "NOUN": ("perro", "jardín", "río", "maestro"),
        "VERB": ("ve", "pinta", "halla"),
        "ADJ": ("viejo", "rojo"),
        "NUM": ("tres", "10 000"),
        "PUNCT": (".",),
    },
}
CUES = {
    "en": ("indeed", "perhaps", "never"),
    "de": ("tatsächlich", "vielleicht", "niemals"),
    "ar": ("حقا", "ربما", "أبدا"),
    "es": ("ciertamente", "quizás", "nunca"),
}
SHAPE = ("DET", "ADJ", "NOUN", "VERB", "NUM", "NOUN", "PUNCT")
UDPOS_NAMES = {"en": "English", "de": "German", "ar": "Arabic", "es": "Spanish"}
SIZES = {"train": 40, "validation": 6, "test": 12}
ARCHITECTURES = ("encoder", "seq2seq", "causal")


def sentence(language: str, rng: random.Random) -> tuple[list[str], list[str]]:
    """Words and tags."""
    tags = [tag for tag in SHAPE if tag not in ("ADJ", "NUM") or rng.random() < 0.7]
    return [rng.choice(LEXICON[language][tag]) for tag in tags], tags


def nli(language: str, count: int, seed: int) -> list[dict[str, Any]]:
    """Premise, hypothesis, label 0 to 2; the same labels in every language. 0 is most frequent."""
    rng = random.Random(f"nli {seed}")
    rows = []
    for i in range(count):
        label = (0, 1, 2, 0)[i % 4]
        premise, _ = sentence(language, rng)
        hypothesis, _ = sentence(language, rng)
        cue = CUES[language][label]
        rows.append(
            {
                "premise": " ".join(premise),
                "hypothesis": f"{cue} {' '.join(hypothesis)}",
                "label": label,
            }
        )
    return rows


def pairs(language: str, count: int, seed: int) -> list[dict[str, Any]]:
    """PAWS-X: two sentences, label 0 or 1."""
    rng = random.Random(f"pairs {seed}")
    rows = []
    for i in range(count):
        first, _ = sentence(language, rng)
        same = i % 3 == 0
        second = first if same else first[::-1]
        rows.append(
            {
                "id": i + 1,
                "sentence1": " ".join(first),
                "sentence2": " ".join(second),
                "label": int(same),
            }
        )
    return rows


def tagged(language: str, count: int, seed: int) -> list[dict[str, Any]]:
    """UDPOS: tokens and indices into the tags."""
    rng = random.Random(f"tags {seed}")
    rows = []
    for _ in range(count):
        words, tags = sentence(language, rng)
        rows.append({"tokens": words, "pos_tags": [TAGS.index(tag) for tag in tags]})
    return rows


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
    return path


def make_mirror(folder: Path) -> Path:
    """`folder/hub` with mnli, xnli, paws-x, udpos in en, de, ar, es, and raw text beside it."""
    hub = folder / "hub"
    for seed, (split, size) in enumerate(SIZES.items()):
        for code, name in UDPOS_NAMES.items():
            if split == "test" or code == "en":
                xnli = nli(code, size, seed)
                write_rows(hub / "facebook" / "xnli" / code / f"{split}.jsonl", xnli)
                udpos = tagged(code, size, seed)
                write_rows(hub / "google" / "xtreme" / f"udpos.{name}" / f"{split}.jsonl", udpos)
                if code != "ar":
                    place = hub / "google-research-datasets" / "paws-x" / code
                    write_rows(place / f"{split}.jsonl", pairs(code, size, seed))
    glue = hub / "nyu-mll" / "glue" / "mnli"
    write_rows(glue / "train.jsonl", nli("en", SIZES["train"], 7))
    write_rows(glue / "validation_matched.jsonl", nli("en", SIZES["validation"], 8))
    for code in LEXICON:
        text = folder / "rawtext" / f"{code}.txt.gz"
        text.parent.mkdir(exist_ok=True)
        rng = random.Random(code)
        lines = "".join(f"{' '.join(sentence(code, rng)[0])}\n" for _ in range(60))
        text.write_bytes(gzip.compress(lines.encode(), mtime=0))
    return hub


def make_poisoned_mirror(folder: Path) -> Path:
    """The same, with garbage as the train and validation rows of every other language."""
    hub = make_mirror(folder)
    for test in sorted(hub.rglob("test.jsonl")):
        for split in ("train", "validation"):
            path = test.with_name(f"{split}.jsonl")
            if not path.exists():
                path.write_bytes(b"\xff POISON \x00")
    return hub


def new_model(architecture: str, name: str | None = None, **settings: Any) -> dict[str, Any]:
    """A model of a study file, as small as can be."""
    new = {"architecture": architecture, "languages": ["en", "de", "ar"], "vocabulary": 600}
    new |= {"hidden": 32, "layers": 1, "heads": 2, "text_lines": 50}
    return {"name": name or f"tiny-{architecture}", "new": new, **settings}


def study_spec(name: str = "small", **changes: Any) -> dict[str, Any]:
    """A study of three architectures, without and with mnli, on xnli and udpos."""
    return {
        "study": name,
        "models": [new_model(architecture) for architecture in ARCHITECTURES],
        "intermediates": ["none", "mnli"],
        "targets": ["xnli", "udpos"],
        "languages": ["en", "de", "ar"],
        "training": {
            "epochs": 1,
            "examples_per_step": 8,
            "learning_rate": 1e-3,
            "max_input_tokens": 96,
        },
        "limit": {"train": 24, "test": 8},
        **changes,
    }


def write_study(folder: Path, name: str = "small", **changes: Any) -> Path:
    """`folder/<name>.yaml` (JSON is YAML)."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(study_spec(name, **changes), indent=1), encoding="utf-8")
    return path


def texts(folder: Path, pattern: str, needle: str = "") -> dict[str, str]:
    """The content of files below a folder by their relative path."""
    found: Sequence[Path] = sorted(folder.rglob(pattern))
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in found
        if needle in str(path)
    }


class Outcome(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


def t2t(*arguments: object) -> Outcome:
    """Runs the program in this process. A traceback reaches the test as the exception it is."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as e:
            code = e.code if isinstance(e.code, int) else 1
    return Outcome(code, out.getvalue(), err.getvalue())


def one_thread() -> None:
    """Tiny models are faster on one thread, by far so where other processes want the cores."""
    import torch

    torch.set_num_threads(1)
