"""How far one gets without understanding: simple baselines, per task.

Rule: counted, not fitted, so that no optimiser can flatter them. A table of cues is filled from
training rows and read on held-out rows; what was never seen gets the most frequent label.

    python -m scripts.difficulty        # prints the table of docs/microworld.md
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from t2t_xfer.microworld.hub import rows
from t2t_xfer.microworld.lexicon import LANGUAGES

Cue: TypeAlias = Callable[[Any], Hashable]
NUM_TRAIN, NUM_TEST = 4000, 400


class Labelled(NamedTuple):
    """A task with one label a row."""

    hub_id: str
    config: str
    test: tuple[str, str, str]
    texts: tuple[str, str]
    label: str = "label"


LABELLED = {
    "mnli": Labelled(
        "nyu-mll/glue", "mnli", ("facebook/xnli", "en", "test"), ("premise", "hypothesis")
    ),
    "anli_plus": Labelled(
        "stanfordnlp/snli",
        "plain_text",
        ("facebook/anli", "plain_text", "dev_r1"),
        ("premise", "hypothesis"),
    ),
    "paws_x": Labelled(
        "google-research-datasets/paws-x",
        "en",
        ("google-research-datasets/paws-x", "en", "test"),
        ("sentence1", "sentence2"),
    ),
    "qqp": Labelled(
        "nyu-mll/glue",
        "qqp",
        ("nyu-mll/glue", "qqp", "validation"),
        ("question1", "question2"),
    ),
}


def words_of(text: str) -> frozenset[str]:
    """Lower-case words; characters where no spaces stand between words."""
    return frozenset(re.findall(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+(?:'\w+)*", text.lower()))


def accuracy(train: Sequence[Any], test: Sequence[Any], cue: Cue, label: str = "label") -> float:
    """Of a table from cue to the most frequent label, in percent."""
    table: dict[Hashable, Counter[Any]] = {}
    for row in train:
        table.setdefault(cue(row), Counter())[row[label]] += 1
    default = Counter(row[label] for row in train).most_common(1)[0][0]
    right = 0
    for row in test:
        seen = table.get(cue(row))
        right += row[label] == (seen.most_common(1)[0][0] if seen else default)
    return 100 * right / len(test)


def overlap(one: str, two: str) -> int:
    """Tenths of the second text's words that stand in the first."""
    return 10 * len(words_of(one) & words_of(two)) // len(words_of(two))


def labelled(name: str) -> dict[str, float]:
    """Majority, second text alone, overlap, and overlap with negation, in percent."""
    task = LABELLED[name]
    one, two = task.texts
    train = rows(task.hub_id, task.config, "train", NUM_TRAIN) or []
    test = rows(*task.test, NUM_TEST) or []

    def pair_cue(row: Any) -> Hashable:
        old, new = words_of(row[one]), words_of(row[two])
        return "not" in old, "not" in new, min(len(old - new), 4), min(len(new - old), 4)

    return {
        "majority": accuracy(train, test, lambda row: 0),
        "second text": max(
            accuracy(train, test, lambda row: row[two]),
            accuracy(train, test, lambda row: words_of(row[two]) & CLOSED),
        ),
        "overlap": accuracy(train, test, lambda row: overlap(row[one], row[two])),
        "overlap and negation": accuracy(train, test, pair_cue),
    }


UDPOS = {"en": "English", "de": "German", "tr": "Turkish", "ar": "Arabic", "zh": "Chinese"}
CLOSED = frozenset(["not", "all", "some", "no", "is", "did", "was", "by"])


def zero_shot(language: str) -> dict[str, float | None]:
    """What English cues are worth in another language: of `xnli`, `xquad` and `udpos`, in percent.

    None: the task does not have the language.
    """
    mnli = LABELLED["mnli"]
    train = rows(mnli.hub_id, mnli.config, "train", NUM_TRAIN) or []
    test = rows("facebook/xnli", language, "test", NUM_TEST) or []
    by_overlap = accuracy(train, test, lambda row: overlap(row["premise"], row["hypothesis"]))
    english: Sequence[Any] = rows("google/xtreme", "udpos.English", "train", NUM_TRAIN) or []
    tags: Counter[Any] = Counter(tag for row in english for tag in row["pos_tags"])
    tagged_rows: Sequence[Any] | None = rows(
        "google/xtreme", f"udpos.{UDPOS.get(language, '')}", "test", NUM_TEST
    )
    found: Counter[Any] = Counter(tag for row in tagged_rows or [] for tag in row["pos_tags"])
    asked = rows("google/xtreme", f"XQuAD.{language}", "validation", NUM_TEST)
    places = spans("google/xtreme", f"XQuAD.{language}", "validation") if asked else None
    return {
        "xnli overlap": by_overlap,
        "xquad place": max(places["first words"], places["last words"]) if places else None,
        "udpos majority": 100 * found[tags.most_common(1)[0][0]] / found.total() if found else None,
    }


def chosen(
    hub_id: str, config: str, answers: Callable[[Any], tuple[Sequence[str], str, int]]
) -> dict[str, float]:
    """For tasks with several answers: how often the answer alone and the overlap are right.

    Args:
        answers: from a row to the answers, the text and the place of the right one.
    """
    train = rows(hub_id, config, "train", NUM_TRAIN) or []
    test = rows(hub_id, config, "validation", NUM_TEST) or []
    good: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for row in train:
        options, _, right = answers(row)
        seen.update(options)
        good[options[right]] += 1
    first = alone = shared = 0.0
    for row in test:
        options, text, right = answers(row)
        first += right == 0
        rates = [good[option] / max(seen[option], 1) for option in options]
        alone += _hit(rates, right)
        shared += _hit([len(words_of(option) & words_of(text)) for option in options], right)
    return {
        name: 100 * value / len(test)
        for name, value in (("majority", first), ("answer alone", alone), ("overlap", shared))
    }


def _hit(values: Sequence[float], right: int) -> float:
    """How likely the highest value is the right one, ties drawn by lot."""
    best = [i for i, value in enumerate(values) if value == max(values)]
    return (right in best) / len(best)


CHOSEN: dict[str, tuple[str, str, Callable[[Any], tuple[Sequence[str], str, int]]]] = {
    "hellaswag": (
        "Rowan/hellaswag",
        "default",
        lambda row: (row["endings"], row["ctx"], int(row["label"])),
    ),
    "cosmos_qa": (
        "allenai/cosmos_qa",
        "default",
        lambda row: ([row[f"answer{i}"] for i in range(4)], row["context"], row["label"]),
    ),
    "commonsense_qa": (
        "tau/commonsense_qa",
        "default",
        lambda row: (row["choices"]["text"], row["question"], "ABCDE".index(row["answerKey"])),
    ),
}


def spans(hub_id: str, config: str, split: str) -> dict[str, float]:
    """Exact match of the nearest sentence's first words, of its place, and of no answer.

    The nearest sentence is the one with most words of the question.
    """
    found = rows(hub_id, config, split, NUM_TEST) or []
    subject = place = none = 0
    for row in found:
        told: Any = row["answers"]
        answers, question = told["text"], words_of(str(row["question"]))
        sentences = re.split(r"\. |。", str(row["context"]))
        nearest = max(sentences, key=lambda each: len(words_of(each) & question))
        none += not answers
        subject += bool(answers) and nearest.startswith(answers[0])
        place += bool(answers) and nearest.rstrip(".").endswith(answers[0])
    return {
        "first words": 100 * subject / len(found),
        "last words": 100 * place / len(found),
        "no answer": 100 * none / len(found),
    }


def tagged(hub_id: str, config: str, tags: str, split: str) -> dict[str, float]:
    """Token accuracy of the most frequent tag, and of each word's most frequent tag."""
    train = rows(hub_id, config, "train", NUM_TRAIN) or []
    test = rows(hub_id, config, split, NUM_TEST) or []

    def flat(some: Sequence[Any]) -> list[dict[str, Any]]:
        return [
            {"word": word, "label": tag}
            for row in some
            for word, tag in zip(row["tokens"], row[tags], strict=True)
        ]

    known, asked = flat(train), flat(test)
    return {
        "majority": accuracy(known, asked, lambda token: 0),
        "word": accuracy(known, asked, lambda token: token["word"]),
    }


def figures() -> dict[str, dict[str, float]]:
    """Every task's baselines, in percent."""
    found = {name: labelled(name) for name in LABELLED}
    found |= {name: chosen(*how) for name, how in CHOSEN.items()}
    found["squad_v1"] = spans("rajpurkar/squad", "plain_text", "validation")
    found["squad_v2"] = spans("rajpurkar/squad_v2", "squad_v2", "validation")
    found["xquad"] = spans("google/xtreme", "XQuAD.en", "validation")
    found["mlqa"] = spans("google/xtreme", "MLQA.en.en", "test")
    found["udpos"] = tagged("google/xtreme", "udpos.English", "pos_tags", "test")
    found["panx"] = tagged("google/xtreme", "PAN-X.en", "ner_tags", "test")
    found["ccg"] = tagged("ccg", "supertags", "supertags", "test")
    return found


if __name__ == "__main__":
    printed: dict[str, Mapping[str, float | None]] = {**figures()}
    printed |= {language: zero_shot(language) for language in LANGUAGES}
    for task, baselines in printed.items():
        cells = ", ".join(f"{name} {value:.1f}" for name, value in baselines.items() if value)
        print(f"| `{task}` | {cells} |")
