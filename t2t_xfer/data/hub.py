"""The Hugging Face hub, through `datasets`, which downloads a split once and keeps it.

    open_source("hub").rows(SplitRef("facebook/xnli", "de", "test", revision="..."))

Class labels come as the integers that the hub stores. Data sets that need code are refused by
`datasets` itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from t2t_xfer.data.location import SplitRef
from t2t_xfer.data.values import freeze_row
from t2t_xfer.errors import AbsentError, DataError, nearest
from t2t_xfer.records import Row

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
