"""Looking at a data set before there is a task: where its rows lie, in which languages and splits.

What a person can name on one line is enough, a file, a folder, or a data set of `--data`; what is
found is written as a task's `data` would write it. Files whose names differ in split and language
alone belong together. A language is what a name says (a file's, a configuration's), else what a
column says, else what the script or English function words say; else it is asked.

    data/reviews.train.en.jsonl   ->  files:
    data/reviews.test.en.jsonl          train: data/reviews.train.en.jsonl
    data/reviews.test.de.jsonl          test: data/reviews.test.{language}.jsonl

>>> parts_of("data/reviews.de.test.jsonl")
NamePart(pattern='data/reviews.{language}.test.jsonl', language='de', split='test')
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from t2t_xfer.author.draft import question, reason
from t2t_xfer.check.findings import Finding
from t2t_xfer.data.formats import READERS, file_kind, read_file
from t2t_xfer.data.sources import Source, SplitRef
from t2t_xfer.errors import UserError, nearest
from t2t_xfer.languages import (
    LANGUAGES,
    PLACEHOLDERS,
    fill,
    holds_language,
    language_of,
    may_be,
    script_of,
    written_in,
)
from t2t_xfer.paths import expanded, is_dir, is_file
from t2t_xfer.records import SPLITS, Json, Row, Split

MOST_FILES = 2000
MOST_ROWS = 5000
"""Rows of a split that are looked at."""
COMPARED = 2
"""Other languages of which test rows are read."""
_SPLITS: dict[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval"), "test"),
}
_PIECE = re.compile(r"[^\W_]+")
_LANGUAGE_OF = {
    fill("{" + placeholder + "}", code): ("{" + placeholder + "}", code)
    for placeholder in reversed(PLACEHOLDERS)
    for code in reversed(tuple(LANGUAGES))
}
"""`de`, `German`, `german`, `deu` -> placeholder and code."""
Read: TypeAlias = Callable[[str, Split], Iterator[Row]]
"""The rows of a language in a split, all of them where the place does not depend on it."""


@dataclass(frozen=True)
class DataSet:
    """A data set, as far as it was looked at."""

    name: str
    """What the user called it."""
    data: dict[str, Json]
    """The task's `data`."""
    languages: tuple[str, ...]
    source_language: str
    """Empty: not known yet."""
    splits: tuple[Split, ...]
    """Ours, those that are there."""
    rows: Mapping[Split, Sequence[Row]]
    """Of the source language, or of the first one that has rows."""
    others: Mapping[str, Sequence[Row]]
    """Test rows of some other languages."""
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Column -> the names that the hub has for its numbers."""
    findings: tuple[Finding, ...] = ()
    """About places and languages: reasons and questions over keys of the task."""

    def but(self, *findings: Finding, **changes: Any) -> DataSet:
        """The same with other fields and more findings."""
        return replace(self, findings=(*self.findings, *findings), **changes)

    @property
    def seen(self) -> Sequence[Row]:
        """The rows that a proposal is made from: training rows if there are any."""
        return next((self.rows[split] for split in SPLITS if self.rows.get(split)), ())

    @property
    def seen_split(self) -> Split:
        """Where `seen` is from."""
        return next((split for split in SPLITS if self.rows.get(split)), "test")


class NamePart(NamedTuple):
    """One name, read."""

    pattern: str
    """The name with a placeholder for its language, if it has one."""
    language: str | None
    split: Split | None


class _Family(NamedTuple):
    """The files of one data set in one split."""

    pattern: str
    split: Split | None
    files: dict[str, Path]
    """By language; by an empty text where the name has none."""


def look(name: str, source: Source, folder: Path, language: str | None) -> DataSet:
    """Find a data set and read some of it.

    Args:
        name: a file, a folder, or `owner/name[/configuration]` of the source; a file or a
            configuration may hold `{language}`.
        source: where data sets are that are no files.
        folder: what relative files of the task will start from.
        language: of the rows, where the user knows it.
    """
    path = expanded(name)
    if is_file(path):
        return look_at_files(name, [path], path.parent, folder, language)
    if is_dir(path):
        return look_at_files(name, _files_in(path), path, folder, language)
    parts = name.split("/")
    if file_kind(path) in READERS:
        files = [Path(fill(str(path), code)) for code in LANGUAGES]
        there = [file for file in files if file.is_file()]
        if there and holds_language(path.name) and not holds_language(str(path.parent)):
            return look_at_files(name, there, path.parent, folder, language)
    elif len(parts) <= 3 and all(parts) and (len(parts) > 1 or source.configs(name)):
        owned = len(parts) == 3 or source.configs(name) or not source.configs(parts[0])
        cut = 2 if owned and len(parts) > 1 else 1  # some old data sets have no owner
        return _look_at_set(name, "/".join(parts[:cut]), "/".join(parts[cut:]), source, language)
    beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    raise UserError(
        f"--from {name}: there is no such file or folder, and no data set can have this name"
        f" (owner/name).{nearest(path.name, beside)}"
    )


def _files_in(folder: Path) -> list[Path]:
    found = (f for f in sorted(folder.rglob("*")) if file_kind(f) in READERS and f.is_file())
    files = list(islice(found, MOST_FILES))
    if not files:
        raise UserError(
            f"--from {folder}: the folder holds no file whose name ends in {', '.join(READERS)}."
        )
    return files


def _look_at_set(name: str, id: str, config: str, source: Source, language: str | None) -> DataSet:
    configs = source.configs(id)
    if not configs:
        raise UserError(
            f"--from {name}: there is no such file or folder, and the data source ({source.name})"
            f" has no data set {id!r}. Name another source with --data hub|mirror:DIR|microworld."
        )
    pattern, places, reasons = _chosen_config(name, id, config, configs)
    one = places.get("en") or next(iter(places.values()), pattern)
    own = source.splits(id, one)
    splits = chosen_splits(own)
    if not splits:
        raise UserError(
            f"--from {name}: none of the splits of {id}/{one} is a train, validation or test split"
            f" by its name ({', '.join(own)}). Write the task by hand: `splits: {{test: …}}`."
        )
    if {*splits} == {"validation"}:
        reasons.append("The only split is called validation, so it is what is tested.")
        splits = {"test": splits["validation"]}
    left = sorted({*own} - {theirs for names in splits.values() for theirs in names})
    if left:
        reasons.append(f"Left out: the splits {', '.join(left)}.")

    def read(code: str, split: Split) -> Iterator[Row]:
        for theirs in splits[split]:
            ref = SplitRef(id, places.get(code, one), theirs)
            if source.has(ref):
                yield from source.rows(ref)

    found = DataSet(
        name,
        {"hub": _hub(id, pattern, splits)},
        tuple(code for code in LANGUAGES if code in places),
        source_language="",
        splits=tuple(split for split in SPLITS if split in splits),
        rows={},
        others={},
        class_names=source.class_names(id, one),
        findings=tuple(reason("data", each) for each in reasons),
    )
    return _tested(settled(found, read, language))


def _tested(found: DataSet) -> DataSet:
    """Other languages are tested only, so a set without test rows is tested on its validation."""
    hub = found.data["hub"]
    if "test" in found.splits or len(found.languages) < 2 or not isinstance(hub, dict):
        return found
    stated = hub.get("splits")
    splits: dict[str, Json] = {**stated} if isinstance(stated, dict) else {}
    splits["test"] = splits.pop("validation", "validation")
    rows: dict[Split, Sequence[Row]] = {**found.rows}
    rows["test"] = rows.pop("validation", ())
    why = "There is no test split, and other languages are tested only: validation is tested."
    return found.but(
        reason("data", why),
        data={**found.data, "hub": {**hub, "splits": splits}},
        splits=tuple(split for split in SPLITS if split in rows),
        rows=rows,
    )


def _hub(id: str, pattern: str, splits: Mapping[Split, tuple[str, ...]]) -> dict[str, Json]:
    hub: dict[str, Json] = {"id": id}
    if pattern != "default":
        hub["config"] = pattern
    renamed = {ours: names for ours, names in splits.items() if names != (ours,)}
    if renamed:
        hub["splits"] = {o: n[0] if len(n) == 1 else [*n] for o, n in renamed.items()}
    return hub


def _chosen_config(
    name: str, id: str, config: str, configs: Sequence[str]
) -> tuple[str, dict[str, str], list[str]]:
    """The configuration as a pattern, language -> configuration, and why."""
    if config:
        there = {code: fill(config, code) for code in LANGUAGES if fill(config, code) in configs}
        if not there:
            raise UserError(
                f"--from {name}: {id} has no configuration {config!r}.{nearest(config, configs)} It"
                f" has: {_some(configs)}."
            )
        return config, there if holds_language(config) else {}, []
    groups = grouped(configs)
    several = [pattern for pattern, languages in groups.items() if len(languages) > 1]
    if len(configs) > 1 and len(several) != 1 and "default" not in configs:
        sizes = [f"{p} ({len(c)} languages)" if len(c) > 1 else p for p, c in groups.items()]
        raise UserError(
            f"--from {name}: {id} holds several data sets. Name one of them behind it, for example"
            f" --from '{id}/{next(iter(groups))}'. There are: {_some(sizes)}."
        )
    pattern = several[0] if len(several) == 1 else "default" if len(configs) > 1 else configs[0]
    places = groups.get(pattern, {}) if several else {}
    left = [each for each in configs if each not in (pattern, *places.values())]
    return pattern, places, [f"Left out: the configurations {_some(left)}."] if left else []


def _some(names: Sequence[str]) -> str:
    more = len(names) - 12
    return ", ".join(names[:12]) + (f" and {more} more" if more > 0 else "")


def look_at_files(
    name: str, files: Sequence[Path], base: Path, folder: Path, stated: str | None
) -> DataSet:
    """The data set that some files are.

    Args:
        name: what the user called them.
        files: at least one.
        base: the folder below which names tell split and language.
        folder: what relative files of the task start from.
        stated: the language that the user says they are in.
    """
    chosen, left = _chosen(_families(files, base, folder))
    findings = []
    if left:
        names = ", ".join(sorted(each.pattern for each in left)[:12])
        why = f"Left out, because the names are of another kind: {names}."
        findings.append(reason("data", why))
    if any(each.split is None for each in chosen.values()):
        ask = (
            "are these rows for testing? No file's name says train, validation or test. Files to"
            " train on stand beside it: `train: FILE`, never the tested rows themselves."
        )
        findings.append(question("data", ask))
    codes = {code for family in chosen.values() for code in family.files} - {""}
    tested = {*chosen["test"].files} - {""} if "test" in chosen else set()

    def read(code: str, split: Split) -> Iterator[Row]:
        of = chosen[split].files
        path = of.get(code) or of.get("") or (None if codes else next(iter(of.values())))
        if path is not None:
            yield from read_file(path, language=code or "en")

    found = DataSet(
        name,
        {"files": _named(chosen, codes)},
        tuple(code for code in LANGUAGES if code in (tested or codes)),
        source_language="en" if "en" in codes else "",
        splits=tuple(split for split in SPLITS if split in chosen),
        rows={},
        others={},
        findings=tuple(findings),
    )
    return settled(found, read, stated)


def _named(chosen: dict[Split, _Family], codes: set[str]) -> dict[str, Json]:
    """Split -> file. Training and validation rows are the source language's, so a file that is in
    one language alone stands there under its own name."""
    named: dict[str, Json] = {}
    for split in SPLITS:
        if split in chosen:
            family = chosen[split]
            alone = len(family.files) == 1 and (split != "test" or len(codes) < 2)
            code = next(iter(family.files))
            named[split] = fill(family.pattern, code) if alone and code else family.pattern
    return named


def _families(files: Sequence[Path], base: Path, folder: Path) -> list[_Family]:
    found: dict[str, _Family] = {}
    start = _relative(base, folder)
    for file in files:
        name = file.relative_to(base).as_posix()
        if "{" in start + name or "}" in start + name:
            raise UserError(
                f"--from {file}: the name holds a brace, which would stand for a language in a"
                " task. Rename it."
            )
        part = parts_of(name)
        pattern = part.pattern if start == "." else f"{start}/{part.pattern}"
        family = found.setdefault(pattern, _Family(pattern, part.split, {}))
        family.files[part.language or ""] = file
    return list(found.values())


def _relative(file: Path, folder: Path) -> str:
    """From the folder where possible: the task goes with its data wherever both go."""
    own, root = file.absolute(), folder.absolute()
    return own.relative_to(root).as_posix() if own.is_relative_to(root) else own.as_posix()


def _chosen(families: Sequence[_Family]) -> tuple[dict[Split, _Family], list[_Family]]:
    """One family for each split, those that are named most alike; and the rest."""
    kin: dict[str, list[_Family]] = {}
    for family in families:
        kin.setdefault(_without_split(family), []).append(family)
    best = max(kin.values(), key=lambda each: (len(each), sum(len(f.files) for f in each)))
    chosen: dict[Split, _Family] = {}
    for family in sorted(best, key=lambda each: -len(each.files)):
        chosen.setdefault(family.split or "test", family)
    return chosen, [each for each in families if each not in chosen.values()]


def _without_split(family: _Family) -> str:
    """What is the same in the names of a data set's splits."""
    pieces = re.split(r"([\W_]+)", family.pattern.replace("{language}", ""))
    kept = [piece for piece in pieces if piece.isalnum() and split_of(piece) is None]
    return " ".join(piece for piece in kept if piece not in LANGUAGES)


def settled(found: DataSet, read: Read, stated: str | None) -> DataSet:
    """The data set with its languages and rows.

    Args:
        found: with the languages that names tell, if any.
        read: its rows.
        stated: the language that the user says it is in.
    """
    if stated is not None and found.languages and stated not in found.languages:
        raise UserError(
            f"--language {stated}: the names in {found.name} say {', '.join(found.languages)}."
            " Leave the option out, or name what holds these rows alone."
        )
    if not found.languages:
        found = _languages_of_one_place(found, read, stated)
    codes = found.languages
    source = found.source_language or ("en" if "en" in codes else codes[0])
    filters = _filters(found.data)
    rows = {split: _rows(read, source, split, filters) for split in found.splits}
    rows = {split: some for split, some in rows.items() if some}
    tested: Split = "test" if "test" in found.splits else "validation"
    others = [code for code in codes if code != source][:COMPARED]
    return found.but(
        *_doubts(source, rows),
        source_language=source,
        splits=tuple(split for split in found.splits if split in rows),
        rows=rows,
        others={code: _rows(read, code, tested, filters) for code in others},
    )


def _rows(
    read: Read, code: str, split: Split, filters: Mapping[str, Mapping[str, str]]
) -> tuple[Row, ...]:
    def counts(row: Row) -> bool:
        exact = (row.get(c) == fill(text, code) for c, text in filters["where"].items())
        start = filters["where_prefix"].items()
        return all(exact) and all(str(row.get(c)).startswith(fill(t, code)) for c, t in start)

    return tuple(islice(filter(counts, read(code, split)), MOST_ROWS))


def _filters(data: Mapping[str, Json]) -> dict[str, dict[str, str]]:
    filters: dict[str, dict[str, str]] = {"where": {}, "where_prefix": {}}
    for key, pairs in filters.items():
        stated = data.get(key)
        if isinstance(stated, dict):
            pairs.update({column: str(text) for column, text in stated.items()})
    return filters


def _languages_of_one_place(found: DataSet, read: Read, stated: str | None) -> DataSet:
    """For a place that no name gives a language to."""
    some = [row for split in found.splits for row in islice(read("", split), 20 * MOST_ROWS)]
    for key, tell in (("where", _by_value), ("where_prefix", _by_prefix)):
        for column in some[0] if some and stated is None else ():
            told = tell([row.get(column) for row in some])
            if told is not None:
                pattern, codes = told
                why = f"The column `{column}` says which language a row is in."
                data: dict[str, Json] = {**found.data, key: {column: pattern}}
                return found.but(reason("data", why), data=data, languages=codes)
    if stated is not None:
        why = f"The language is the one of --language: {LANGUAGES[stated].name}."
        return found.but(reason("data", why), languages=(stated,))
    by_column = _texts_by_column(some[:MOST_ROWS])
    told_by = (language_of(texts) for texts in by_column)
    code = next((each for each in told_by if each is not None), None)
    if code is not None:
        why = f"Nothing names the language; the text looks like {LANGUAGES[code].name}."
        return found.but(reason("data", why), languages=(code,))
    known = " ".join(written_in(script_of(by_column[0]))) if by_column else ""
    ask = "which language are the rows in? Nothing says so; `en` is only a place holder."
    if known:
        ask += f" With this script: {known}."
    return found.but(question("languages", ask), languages=("en",))


def _texts_by_column(rows: Sequence[Row]) -> list[list[str]]:
    """A text for each row of each column, the longest column first; without columns of single words
    (labels), unless there are no others (Chinese)."""
    names = dict.fromkeys(name for row in rows for name in row)
    joined = [[" ".join(texts_in({"": row.get(name)})) for row in rows] for name in names]
    joined.sort(key=lambda texts: -sum(map(len, texts)))
    worded = [texts for texts in joined if sum(len(t.split()) for t in texts) > len(texts)]
    return worded or joined[:1]


def _by_value(values: Sequence[object]) -> tuple[str, tuple[str, ...]] | None:
    """`{language}` for a column that holds nothing but codes (or names) of languages."""
    counts = Counter(value for value in values if isinstance(value, str))
    if counts.total() < len(values) or len(counts) < 2:
        return None
    for placeholder in PLACEHOLDERS:
        pattern = "{" + placeholder + "}"
        codes = tuple(code for code in LANGUAGES if fill(pattern, code) in counts)
        if len(codes) == len(counts):
            return pattern, codes
    return None


def _by_prefix(values: Sequence[object]) -> tuple[str, tuple[str, ...]] | None:
    """`{language_name_lower}-` for a column such as the ids `english-12`."""
    starts = [value.partition("-") for value in values if isinstance(value, str)]
    if len(starts) < len(values) or not all(dash for _, dash, _ in starts):
        return None
    told = _by_value([start for start, _, _ in starts])
    return None if told is None else (f"{told[0]}-", told[1])


def _doubts(source: str, rows: Mapping[Split, Sequence[Row]]) -> Iterator[Finding]:
    """Rows whose letters are not those of their language."""
    for split, some in rows.items():
        texts = [text for row in some[:200] for text in texts_in(row)]
        if not may_be(source, texts):
            name, script = LANGUAGES[source].name, script_of(texts)
            ask = f"are the {split} rows really {name}? Their script is {script}."
            yield question("languages", ask)


def texts_in(row: Row) -> Iterator[str]:
    """Every text of a row, also inside of lists; codes and numbers among them."""
    pending: list[object] = [*row.values()]
    while pending:
        value = pending.pop(0)
        if isinstance(value, str):
            yield value
        elif isinstance(value, tuple):
            pending[:0] = value
        elif isinstance(value, Mapping):
            pending[:0] = value.values()


def parts_of(name: str) -> NamePart:
    """What a name says."""
    pieces = _PIECE.findall(name)
    splits = [split for piece in pieces if (split := split_of(piece)) is not None]
    spoken = {piece for piece in pieces if piece in _LANGUAGE_OF}
    split = splits[-1] if splits else None
    if len(spoken) != 1:
        return NamePart(name, None, split)
    (word,) = spoken
    pattern, code = _LANGUAGE_OF[word]
    return NamePart(
        _PIECE.sub(lambda hit: pattern if hit[0] == word else hit[0], name), code, split
    )


def split_of(name: str) -> Split | None:
    """Our split for a name such as `dev`, `validation_matched` or `train_r1`."""
    return _SPLITS.get(re.split(r"[_\-.]", name.casefold())[0])


def grouped(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Pattern -> language -> name, for names that differ in their language alone; the pattern with
    the most languages first. A name without a language stands for itself: `{name: {}}`."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        part = parts_of(name)
        languages = found.setdefault(part.pattern, {})
        if part.language is not None:
            languages[part.language] = name
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def chosen_splits(names: Iterable[str]) -> dict[Split, tuple[str, ...]]:
    """Our splits -> the names of a data set's own.

    Numbered names (`train_r1`, `train_r2`) are read one after the other; of others the exact name
    wins, then the first one.
    """
    found: dict[Split, list[str]] = {}
    for name in sorted(names):
        split = split_of(name)
        if split is not None:
            found.setdefault(split, []).append(name)
    chosen: dict[Split, tuple[str, ...]] = {}
    for split, all_of in found.items():
        numbered = [name for name in all_of if name[-1].isdecimal()]
        exact = [name for name in all_of if name == split]
        several = numbered if len(numbered) == len(all_of) else []
        chosen[split] = tuple(exact or several or all_of[:1])
    return chosen
