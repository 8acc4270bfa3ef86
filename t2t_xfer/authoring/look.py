"""Looking at a data set before there is a task: where its rows lie, in which languages and splits.

The rule: what a person can name on one line is enough, a file, a folder, or a data set of `--data`;
what is found is written as a task's `data` would write it.

    look("data/reviews", open_source("hub"), Path(), None)
    look("google/xtreme/XQuAD.{language}", open_source("mirror:DIR"), Path(), None)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from t2t_xfer.authoring.found import Found, settled
from t2t_xfer.authoring.local import look_at_files
from t2t_xfer.authoring.names import chosen_splits, grouped
from t2t_xfer.data.files import READERS, file_kind
from t2t_xfer.data.source import Source, SplitRef
from t2t_xfer.errors import UserError, nearest
from t2t_xfer.languages import LANGUAGES, fill, holds_language
from t2t_xfer.paths import expanded, is_dir, is_file
from t2t_xfer.records import SPLITS, Json, Row, Split

MOST_FILES = 2000


def look(name: str, source: Source, folder: Path, language: str | None) -> Found:
    """Find a data set and read some of it.

    Args:
        name: a file, a folder, or `owner/name[/configuration]` of the source; a file or a
            configuration may hold `{language}`.
        source: where data sets are that are no files.
        folder: what relative files of the task will start from.
        language: of the rows, where the user knows it.

    Raises:
        UserError: there is no such data set, or it holds several of which one must be named.
        DataError: rows cannot be read.
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


def _look_at_set(name: str, id: str, config: str, source: Source, language: str | None) -> Found:
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

    found = Found(
        name,
        {"hub": _hub(id, pattern, splits)},
        tuple(code for code in LANGUAGES if code in places),
        source_language="",
        splits=tuple(split for split in SPLITS if split in splits),
        rows={},
        others={},
        class_names=source.class_names(id, one),
        reasons=tuple(reasons),
    )
    return _tested(settled(found, read, language))


def _tested(found: Found) -> Found:
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
    return replace(
        found,
        data={**found.data, "hub": {**hub, "splits": splits}},
        splits=tuple(split for split in SPLITS if split in rows),
        rows=rows,
        reasons=(*found.reasons, why),
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
