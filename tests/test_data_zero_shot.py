"""Zero-shot transfer and limits: which rows are never opened, and which rows a limit keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from t2t_xfer.data.examples import fingerprint, missing_languages, read_examples
from t2t_xfer.data.sources import MirrorSource, SplitRef
from t2t_xfer.errors import DataError
from t2t_xfer.records import Row, Split
from t2t_xfer.specs.task import TaskSpec

SIZES = {"en": 500, "de": 500, "ar": 300}


class WatchedMirror(MirrorSource):
    """Remembers what was opened or hashed."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.opened: list[str] = []

    def rows(self, ref: SplitRef) -> Iterator[Row]:
        self.opened.append(str(ref))
        return super().rows(ref)

    def fingerprint(self, ref: SplitRef) -> str:
        self.opened.append(str(ref))
        return super().fingerprint(ref)


@pytest.fixture
def mirror(tmp_path: Path) -> WatchedMirror:
    """English train and validation are sound; the German ones are poisoned."""
    for language, size in SIZES.items():
        folder = tmp_path / "us" / "nli" / language
        folder.mkdir(parents=True)
        rows = [{"id": f"r{i}", "text": f"{language} {i}", "label": i % 2} for i in range(size)]
        for split in ("train", "validation", "test"):
            poisoned = language != "en" and split != "test"
            sound = "".join(json.dumps(row) + "\n" for row in rows)
            (folder / f"{split}.jsonl").write_text("POISON" if poisoned else sound)
    return WatchedMirror(tmp_path)


def task(id_field: str | None = None) -> TaskSpec:
    return TaskSpec.model_validate(
        {
            "task": "nli",
            "answer": "label",
            "data": {"hub": {"id": "us/nli", "config": "{language}"}},
            "languages": list(SIZES),
            "id_field": id_field,
            "label_field": "label",
            "labels": {"no": {"value": 0, "word": "no"}, "yes": {"value": 1, "word": "yes"}},
            "prompt": {"input": "{{ text }}"},
            "metric": "accuracy",
            "parallel": True,
        }
    )


@pytest.mark.parametrize("split", ["train", "validation"])
def test_target_language_training_data_is_never_opened(mirror: WatchedMirror, split: Split) -> None:
    assert len(read_examples(task(), mirror, "en", split)) == 500
    for ask in (read_examples, fingerprint):
        with pytest.raises(DataError, match=f"{split} data in 'de' is not read.*zero-shot"):
            ask(task(), mirror, "de", split)
    with pytest.raises(DataError, match="zero-shot"):
        missing_languages(task(), mirror, ["en", "de"], split)
    assert mirror.opened == [f"us/nli/en/{split}"]


def test_every_language_is_tested(mirror: WatchedMirror) -> None:
    for language, size in SIZES.items():
        assert len(read_examples(task(), mirror, language, "test")) == size
    assert mirror.opened == [f"us/nli/{language}/test" for language in SIZES]


def test_positive_control_reads_target_language_training_data(mirror: WatchedMirror) -> None:
    with pytest.raises(DataError, match=r"de/train\.jsonl:1: broken JSON"):
        read_examples(task(), mirror, "de", "train", allow_target_language_training=True)
    assert fingerprint(task(), mirror, "de", "train", allow_target_language_training=True)


def ids(mirror: MirrorSource, spec: TaskSpec, language: str, limit: int | None) -> list[str]:
    return [each.id for each in read_examples(spec, mirror, language, "test", limit)]


@pytest.mark.parametrize("id_field", [None, "id"])
def test_limit_keeps_the_same_ids_in_every_language(
    mirror: WatchedMirror, id_field: str | None
) -> None:
    spec = task(id_field)
    english, german = (ids(mirror, spec, code, 60) for code in ("en", "de"))
    assert len(english) == 60
    assert english == german == ids(mirror, spec, "en", 60)


def test_limit_keeps_file_order_and_grows_by_adding(mirror: WatchedMirror) -> None:
    few, more = (ids(mirror, task(), "en", limit) for limit in (20, 60))
    assert more == sorted(more, key=int)
    assert set(few) < set(more)
    assert ids(mirror, task(), "en", 10_000) == ids(mirror, task(), "en", None)


def test_limit_in_a_smaller_language_keeps_the_ids_it_has(mirror: WatchedMirror) -> None:
    """Arabic has only rows 0 to 299: all that English keeps of those are kept here too."""
    english, arabic = (ids(mirror, task(), code, 60) for code in ("en", "ar"))
    assert len(arabic) == 60
    assert {id for id in english if int(id) < 300} <= set(arabic)


def test_limit_survives_rows_lost_in_one_language(mirror: WatchedMirror, tmp_path: Path) -> None:
    """With an id column a lost row shifts nothing: the other ids stay the same."""
    path = tmp_path / "us" / "nli" / "de" / "test.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    english, german = (set(ids(mirror, task("id"), code, 60)) for code in ("en", "de"))
    assert len(english & german) >= 59


def test_limit_draws_another_sample_for_another_split(mirror: WatchedMirror) -> None:
    train = [each.id for each in read_examples(task(), mirror, "en", "train", 60)]
    assert train != ids(mirror, task(), "en", 60)


def test_limit_is_spread_over_the_file(mirror: WatchedMirror) -> None:
    """A checksum in place of a hash would favour whole ranges of row numbers."""
    kept = [int(id) for id in ids(mirror, task(), "en", 100)]
    halves = sum(number < 250 for number in kept)
    odd = sum(number % 2 for number in kept)
    assert 30 <= halves <= 70
    assert 30 <= odd <= 70
