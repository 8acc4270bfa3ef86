"""Sources: the same data sets from the hub, a local mirror or the microworld.

A source yields raw rows in order and judges nothing: what a row means is the task's business. The
names are the hub's, because the shipped tasks speak of the hub's data sets. A mirror is a local
copy in the hub's layout: nothing is downloaded, and a split that is not there is named.

    source = open_source("mirror:data/hub")      # what --data and T2T_DATA say
    rows = source.rows(SplitRef("facebook/xnli", "de", "test"))

    data/hub/facebook/xnli/de/test.jsonl.gz      # rows  (`.jsonl` beats `.jsonl.gz`)
    data/hub/rawtext/de.txt.gz                   # text  (or beside data/hub)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

from t2t_xfer import microworld
from t2t_xfer.data.formats import freeze_row, read_file
from t2t_xfer.data.textfile import content_hash, numbered_lines
from t2t_xfer.errors import AbsentError, DataError, UserError, nearest
from t2t_xfer.microworld.text import DocumentShares, documents
from t2t_xfer.paths import expanded, is_dir, is_file, name_problem
from t2t_xfer.records import Row

__all__ = ["Source", "SplitRef", "open_source"]

KINDS = ("hub", "mirror", "microworld")
"""What may stand before the colon of `--data`."""


class Source(Protocol):
    """A place that holds data sets under the hub's names."""

    @property
    def name(self) -> str:
        """`hub`, `mirror` or `microworld`; never a path."""

    def rows(self, ref: SplitRef) -> Iterator[Row]:
        """Rows in order. Raises `AbsentError` (not there) or `DataError` (unreadable)."""

    def configs(self, id: str) -> list[str] | None:
        """Configurations of a data set; None if it is not there or that cannot be known."""

    def splits(self, id: str, config: str) -> list[str]:
        """The splits of a configuration by the data set's own names; none if there are none."""

    def class_names(self, id: str, config: str) -> dict[str, tuple[str, ...]]:
        """Column -> what its numbers mean, where the source says so (the hub alone does)."""

    def has(self, ref: SplitRef) -> bool:
        """Whether the split is there."""

    def fingerprint(self, ref: SplitRef) -> str:
        """Pins the content of a split; part of the identity of what is made from it."""

    def text(self, language: str) -> Iterator[str]:
        """Lines of raw text, none blank. Raises `AbsentError`."""

    def documents(self, language: str) -> Iterator[str]:
        """Raw text to learn from, a document a line, none blank. Raises `AbsentError`."""

    def text_fingerprint(self, language: str) -> str:
        """Pins the content of `text` and of `documents`."""


def open_source(spec: str) -> Source:
    """The source that `--data` names: `hub`, `mirror:DIR` or `microworld`.

    Raises:
        UserError: it names none of them, or the mirror's folder is not there.
    """
    if spec == "hub":
        return HubSource()
    if spec == "microworld":
        return MicroworldSource()
    kind, _, folder = spec.partition(":")
    if kind == "mirror" and folder:
        return MirrorSource(expanded(folder))
    hint = " Write the folder after it." if kind == "mirror" else nearest(kind, KINDS)
    raise UserError(f"--data {spec}: expected hub, mirror:DIR or microworld.{hint}")


@dataclass(frozen=True)
class SplitRef:
    """One split of one configuration of a data set, named as the hub names it."""

    id: str
    """Data set on the hub, `owner/name`."""
    config: str
    """Configuration; `default` where a data set has only one."""
    split: str
    """The hub's own name of the split (`validation_matched`, …)."""
    revision: str | None = None
    """Commit or tag on the hub; sources other than the hub ignore it."""

    def __str__(self) -> str:
        return f"{self.id}/{self.config}/{self.split}"


_ROWS_PER_BATCH = 1000
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NO_SUCH = re.compile(r"BuilderConfig .* not found|Unknown split|Bad split|has no split")


class HubSource:
    """Rows of data sets on the hub, or in its cache on this machine."""

    name = "hub"

    def __init__(self) -> None:
        self._loaded: dict[SplitRef, Any] = {}

    def rows(self, ref: SplitRef) -> Iterator[Row]:
        """Rows in the hub's order.

        Raises:
            AbsentError: the data set has no such configuration or split.
            DataError: no connection and not in the cache, or unreadable.
        """
        # Arrow batches skip the decoding of features, which would turn nothing we need.
        batches = self._load(ref).with_format("arrow").iter(batch_size=_ROWS_PER_BATCH)
        return (freeze_row(row, str(ref)) for batch in batches for row in batch.to_pylist())

    def configs(self, id: str) -> list[str] | None:
        """The configurations of a data set; None if the hub cannot be asked."""
        from datasets import get_dataset_config_names

        try:
            return sorted(get_dataset_config_names(id))
        except (OSError, ValueError):
            return None

    def splits(self, id: str, config: str) -> list[str]:
        """The splits of a configuration; none if the hub cannot be asked."""
        from datasets import get_dataset_split_names

        try:
            return sorted(get_dataset_split_names(id, config))
        except (OSError, ValueError):
            return []

    def class_names(self, id: str, config: str) -> dict[str, tuple[str, ...]]:
        """Column -> names of its class labels, also where it holds lists of them."""
        from datasets import load_dataset_builder

        try:
            features = load_dataset_builder(id, config).info.features or {}
        except (OSError, ValueError):
            return {}
        inside = {column: getattr(each, "feature", each) for column, each in features.items()}
        return {c: tuple(f.names) for c, f in inside.items() if getattr(f, "names", None)}

    def has(self, ref: SplitRef) -> bool:
        """Whether the split exists. Downloads it: a study that asks will read it.

        Raises:
            DataError: that cannot be known, for example without a connection.
        """
        try:
            self._load(ref)
        except AbsentError:
            return False
        return True

    def fingerprint(self, ref: SplitRef) -> str:
        """`id@commit`: the pinned commit, or the one that `datasets` resolved."""
        if ref.revision and _COMMIT.fullmatch(ref.revision):
            return f"{ref.id}@{ref.revision}"
        loaded = self._load(ref)
        # The cache lies in <config>/<version>/<commit or content hash>/.
        files: Sequence[dict[str, str]] = loaded.cache_files
        resolved = Path(files[0]["filename"]).parent.name if files else loaded._fingerprint
        return f"{ref.id}@{resolved}"

    def text(self, language: str) -> Iterator[str]:
        """Raises `AbsentError`: the hub source offers no raw text."""
        raise AbsentError(
            f"the hub offers no raw text in {language!r} here; use --data mirror:DIR with "
            f"DIR/rawtext/{language}.txt, or --data microworld. For co-training, name a data set "
            "or files: `text: {hub: …}`, `text: {files: …}`."
        )

    def documents(self, language: str) -> Iterator[str]:
        """Raises `AbsentError`, as `text` does."""
        return self.text(language)

    def text_fingerprint(self, language: str) -> str:
        """Raises `AbsentError`, as `text` does."""
        self.text(language)
        raise AssertionError("unreachable")

    def _load(self, ref: SplitRef) -> Any:
        if ref not in self._loaded:
            self._loaded[ref] = _load_split(ref)
        return self._loaded[ref]


def _load_split(ref: SplitRef) -> Any:
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError, DatasetsError

    try:
        return load_dataset(ref.id, ref.config, split=ref.split, revision=ref.revision)
    except ConnectionError as error:
        raise DataError(
            f"{ref}: the hub cannot be reached and this split is not in the cache ({error}). "
            "Use --data mirror:DIR with a local copy, or point HF_HOME at a filled cache."
        ) from error
    except DatasetNotFoundError as error:
        raise DataError(f"{ref}: {error}") from error
    except ValueError as error:
        raise _explained(ref, error) from error
    except (DatasetsError, OSError, RuntimeError) as error:
        # The hub keeps a copy without code of most data sets that have some.
        hint = (
            ' Try `revision: "refs/convert/parquet"` under `hub`.' if "script" in str(error) else ""
        )
        raise DataError(f"{ref}: `datasets` cannot read it: {error}.{hint}") from error


def _explained(ref: SplitRef, error: ValueError) -> DataError:
    message = str(error)
    if not _NO_SUCH.search(message):
        return DataError(f"{ref}: `datasets` cannot read it: {message}")
    wanted = ref.split if "split" in message.splitlines()[0] else ref.config
    known = re.findall(r"'([^']+)'", message.partition("vailable")[2] or message.partition("[")[2])
    return AbsentError(f"{ref} is not on the hub: {message}{nearest(wanted, known)}")


_SUFFIXES = (".jsonl", ".jsonl.gz")


class MirrorSource:
    """Rows from `DIR/<data set>/<configuration>/<split>.jsonl[.gz]`."""

    name = "mirror"

    def __init__(self, root: Path) -> None:
        if not is_dir(root):
            raise DataError(f"--data mirror:{root}: there is no such folder.")
        self.root = root

    def rows(self, ref: SplitRef) -> Iterator[Row]:
        """Rows in file order.

        Raises:
            AbsentError: no such data set, configuration or split; names the nearest one.
            DataError: a line cannot be read; names file and line.
        """
        return read_file(self._path(ref))

    def configs(self, id: str) -> list[str] | None:
        """The configurations of a data set that are here; None if the data set is not."""
        _check_names(id)
        folder = self.root / id
        return _folders(folder) if is_dir(folder) else None

    def splits(self, id: str, config: str) -> list[str]:
        """The splits of a configuration that are here."""
        _check_names(id, config)
        folder = self.root / id / config
        files = folder.iterdir() if is_dir(folder) else ()
        return sorted({file.name.split(".jsonl")[0] for file in files if ".jsonl" in file.name})

    def class_names(self, id: str, config: str) -> dict[str, tuple[str, ...]]:
        """None: rows alone say no names."""
        return {}

    def has(self, ref: SplitRef) -> bool:
        """Whether the split is here. Opens nothing."""
        return self._find(ref) is not None

    def fingerprint(self, ref: SplitRef) -> str:
        """SHA-256 of the split's content."""
        return content_hash(self._path(ref))

    def text(self, language: str) -> Iterator[str]:
        """Raw text of a language, one sentence or paragraph a line, without blank lines.

        Raises:
            AbsentError: there is no text in this language.
        """
        lines = numbered_lines(self._text_path(language), marks=True)
        return (line for _, line in lines if line and not line.isspace())

    def documents(self, language: str) -> Iterator[str]:
        """The same lines: a mirror does not say where documents begin."""
        return self.text(language)

    def text_fingerprint(self, language: str) -> str:
        """SHA-256 of what `text` yields from."""
        return content_hash(self._text_path(language))

    def _find(self, ref: SplitRef) -> Path | None:
        _check_names(ref.id, ref.config, ref.split)
        folder = self.root / ref.id / ref.config
        paths = (folder / f"{ref.split}{suffix}" for suffix in _SUFFIXES)
        return next((path for path in paths if is_file(path)), None)

    def _path(self, ref: SplitRef) -> Path:
        path = self._find(ref)
        if path is None:
            raise AbsentError(f"{ref} is not in the mirror {self.root}: {self._reason(ref)}")
        return path

    def _reason(self, ref: SplitRef) -> str:
        configs = self.configs(ref.id)
        if configs is None:
            known = sorted(folder.relative_to(self.root).as_posix() for folder in self._sets())
            return f"no data set {ref.id!r}.{nearest(ref.id, known)}"
        if ref.config not in configs:
            return (
                f"no configuration {ref.config!r}.{nearest(ref.config, configs)} "
                f"{ref.id} has here: {', '.join(configs) or 'none'}."
            )
        splits = self.splits(ref.id, ref.config)
        return (
            f"no split {ref.split!r}.{nearest(ref.split, splits)} "
            f"{ref.id}/{ref.config} has here: {', '.join(splits) or 'none'}."
        )

    def _sets(self) -> Iterator[Path]:
        return (path for path in self.root.glob("*/*") if path.is_dir())

    def _text_path(self, language: str) -> Path:
        folders = (self.root / "rawtext", self.root / ".." / "rawtext")
        for folder in folders:
            for suffix in (".txt", ".txt.gz"):
                if is_file(path := folder / f"{language}{suffix}"):
                    return path
        raise AbsentError(
            f"no raw text in {language!r}: expected {language}.txt or {language}.txt.gz in "
            f"{folders[0]} or {folders[1]}."
        )


def _check_names(id: str, *names: str) -> None:
    """Raises `DataError` for a name that could lead out of the mirror."""
    for name, slashes in ((id, 1), *((name, 0) for name in names)):
        if problem := name_problem(name, slashes):
            raise DataError(f"{name!r} is in no mirror: expected {problem}.")


def _folders(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


NUM_DOCUMENTS = 6000
"""Of `documents`, in each language."""


class MicroworldSource:
    """Rows that the generator makes; the same on every machine."""

    name = "microworld"

    def rows(self, ref: SplitRef) -> Iterator[Row]:
        """Rows in the generator's order.

        Raises:
            AbsentError: the microworld has no such data set, configuration or split.
        """
        self._require(ref)
        return iter(microworld.rows(ref.id, ref.config, ref.split) or [])

    def _require(self, ref: SplitRef) -> None:
        if not self.has(ref):
            raise AbsentError(f"{ref} is not in the microworld: {self._reason(ref)}")

    def _reason(self, ref: SplitRef) -> str:
        configs = self.configs(ref.id) or []
        if ref.config in configs:
            return f"no split {ref.split!r} of {ref.id}/{ref.config}."
        hint = nearest(ref.config, configs)
        return f"{ref.id} has there: {', '.join(configs) or 'nothing'}.{hint}"

    def configs(self, id: str) -> list[str] | None:
        """The configurations that the microworld makes for a data set; None if it makes none."""
        return microworld.configs(id) or None

    def splits(self, id: str, config: str) -> list[str]:
        """The splits that the microworld makes of a configuration."""
        return microworld.splits(id, config)

    def class_names(self, id: str, config: str) -> dict[str, tuple[str, ...]]:
        """None: rows alone say no names."""
        return {}

    def has(self, ref: SplitRef) -> bool:
        """Whether the microworld makes this split. Nothing is made to answer that."""
        return ref.split in microworld.splits(ref.id, ref.config)

    def fingerprint(self, ref: SplitRef) -> str:
        """The generator's fingerprint and the place: the rows follow from both.

        Raises:
            AbsentError: the microworld makes no such split.
        """
        self._require(ref)
        return f"{microworld.FINGERPRINT}:{ref}"

    def text(self, language: str) -> Iterator[str]:
        """Raw text of a language, a sentence a line.

        Raises:
            AbsentError: the microworld does not speak it.
        """
        lines = microworld.text(language)
        if lines is None:
            raise AbsentError(f"the microworld does not speak {language!r}.")
        return iter(lines)

    def documents(self, language: str) -> Iterator[str]:
        """Documents of the pretraining text's kind, told in one language and never parallel.

        Raises:
            AbsentError: the microworld does not speak it.
        """
        if language not in microworld.LANGUAGES:
            raise AbsentError(f"the microworld does not speak {language!r}.")
        only = DocumentShares(1, 0, 0, languages=(language, language))
        # Each language has a seed of its own; the shipped micro models have seen that of seed 0.
        return islice(documents(crc32(language.encode()), only), NUM_DOCUMENTS)

    def text_fingerprint(self, language: str) -> str:
        """The generator's fingerprint and the language."""
        self.text(language)
        return f"{microworld.FINGERPRINT}:text/{language}"
