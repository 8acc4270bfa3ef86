"""Data that is wrong but loads: what a person should know about the rows of a split.

The rule: counts and ids, no verdict. The same text twice may be right (a greeting), and a Latin
name in Chinese text certainly is; half a test set that stands in the training rows is not.

    doubts(task, "de", "test", examples, names, train)
    # (Doubt("in training", 12, ("5", "17", …), "…"),)
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from t2t_xfer.languages import LANGUAGES
from t2t_xfer.records import Example, Prompted, Split, Value
from t2t_xfer.stages.check_findings import Doubt

LEAST_LETTERS = 8
"""Texts with fewer letters say nothing of their script."""
SCRIPTS: Mapping[str, str] = {
    "Latin": "A-Za-z\u00aa\u00ba\u00c0-\u024f\u0250-\u02af\u1e00-\u1eff\uff21-\uff5a",
    "Arabic": "\u0620-\u064a\u066e-\u06d3\u06fa-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff",
    "Cyrillic": "\u0400-\u052f",
    "Bengali": "\u0980-\u09ff",
    "Greek": "\u0370-\u03ff\u1f00-\u1fff",
    "Hebrew": "\u05d0-\u05ea\ufb1d-\ufb4f",
    "Devanagari": "\u0900-\u097f",
    "Japanese": "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f\u3400-\u9fff\u3005",
    "Georgian": "\u10a0-\u10ff\u1c90-\u1cbf",
    "Hangul": "\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f\u3400-\u9fff",
    "Malayalam": "\u0d00-\u0d7f",
    "Burmese": "\u1000-\u109f",
    "Tamil": "\u0b80-\u0bff",
    "Telugu": "\u0c00-\u0c7f",
    "Thai": "\u0e00-\u0e7f",
    "Han": "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
}
"""Script, as `languages` names it -> its letters, as a class of a regular expression."""
_LETTER = re.compile(r"[^\W\d_]")


def used_fields(prompted: Sequence[Prompted]) -> tuple[str, ...]:
    """The fields that the prompt shows, in the order in which it does."""
    regions = prompted[0].regions if prompted else ()
    return tuple(dict.fromkeys(re.split(r"[\[.]", region.field)[0] for region in regions))


def row_keys(examples: Iterable[Example], names: Sequence[str]) -> Iterator[tuple[str, int]]:
    """The id of each example, and what is equal for two examples of the same text."""
    for example in examples:
        text = "\n".join(_texts(example, names))
        plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        if plain:
            yield example.id, hash(plain)


def doubts(
    language: str,
    split: Split,
    examples: Sequence[Example],
    names: Sequence[str],
    train: Mapping[int, str],
    trained_on: str,
) -> tuple[Doubt, ...]:
    """What is odd about the rows of a split.

    Args:
        names: the fields whose texts count (`used_fields`).
        train: the keys of the training rows, with one id for each; looked at for other splits.
        trained_on: what the training rows are called.
    """
    keys = list(row_keys(examples, names))
    found = [
        _illegal(examples),
        _quoted(examples),
        _empty(examples, names),
        *_repeated(examples, keys),
        _foreign(language, examples, names),
    ]
    if split != "train":
        inside = [id for id, key in keys if key in train]
        what = f"stand in the training rows of {trained_on} too"
        found.insert(0, Doubt("in training", len(inside), tuple(inside), what))
    return tuple(doubt for doubt in found if doubt.n)


def _illegal(examples: Sequence[Example]) -> Doubt:
    ids = [e.id for e in examples if e.converted]
    what = "have a tag `I-…` that goes on with nothing and is read as `B-…`"
    return Doubt("scheme", len(ids), tuple(ids), what)


def _quoted(examples: Sequence[Example]) -> Doubt:
    """Cells as csv quotes them, read as text: pandas writes tab-separated files so."""
    ids = [e.id for e in examples if any(map(_is_quoted, _texts(e, list(e.fields))))]
    what = (
        "have a text that begins and ends with a quotation mark and holds two in a row, as a quoted"
        " cell does (`data: {tsv: quoted}` reads them)"
    )
    return Doubt("quoted", len(ids), tuple(ids), what)


def _is_quoted(text: str) -> bool:
    inner = text[1:-1]
    return text[:1] == text[-1:] == '"' and '""' in inner and '"' not in inner.replace('""', "")


def _empty(examples: Sequence[Example], names: Sequence[str]) -> Doubt:
    ids = [e.id for e in examples if any(not text.strip() for text in _texts(e, names))]
    return Doubt("empty", len(ids), tuple(ids), "have an empty text")


def _repeated(examples: Sequence[Example], keys: Sequence[tuple[str, int]]) -> list[Doubt]:
    golds = {example.id: example.gold for example in examples}
    rows: dict[int, list[str]] = defaultdict(list)
    for id, key in keys:
        rows[key].append(id)
    same, other = list[str](), list[str]()
    for ids in rows.values():
        same += ids[1:]
        # A pair's gold answer is its own id, and spans of one question may all be right.
        if isinstance(golds[ids[0]], str) and golds[ids[0]] != ids[0]:
            other += [id for id in ids if any(golds[id] != golds[each] for each in ids)]
    return [
        Doubt("repeated", len(same), tuple(same), "have the text of an earlier row"),
        Doubt("contradicting", len(other), tuple(other), "have one text and different answers"),
    ]


def _foreign(language: str, examples: Sequence[Example], names: Sequence[str]) -> Doubt:
    script = LANGUAGES[language].script
    own = re.compile(f"[{SCRIPTS[script]}]")
    ids = []
    for example in examples:
        text = " ".join(_texts(example, names))
        letters = len(_LETTER.findall(text))
        if letters >= LEAST_LETTERS and 2 * len(own.findall(text)) < letters:
            ids.append(example.id)
    what = f"are mostly not in {script} script, which {LANGUAGES[language].name} is written in"
    return Doubt("script", len(ids), tuple(ids), what)


def _texts(example: Example, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if name in example.fields:
            yield from _strings(example.fields[name])


def _strings(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _strings(item)
