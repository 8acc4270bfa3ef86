"""A local copy of data sets in the hub's layout.

Nothing is downloaded and nothing is written; a split that is not there is named.

    DIR/facebook/xnli/de/test.jsonl.gz        rows  (`.jsonl` beats `.jsonl.gz`)
    DIR/rawtext/de.txt.gz                     text  (or beside DIR)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from t2t_xfer.data.jsonl import read_jsonl
from t2t_xfer.data.location import SplitRef
from t2t_xfer.data.textfile import content_hash, numbered_lines
from t2t_xfer.errors import AbsentError, DataError, nearest
from t2t_xfer.paths import is_dir, is_file, name_problem
from t2t_xfer.records import Row

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
        return read_jsonl(self._path(ref))

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
