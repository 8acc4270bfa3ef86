"""No stage reads what is not what another stage wrote.

A record says at once that a file is missing or too short. That a byte of it changed shows only when
it is read whole, which costs seconds for a large checkpoint. So it is read before a stage starts
from it, once in a process, and never in a run that has nothing to do. What changed counts as not
done from then on.
"""

from __future__ import annotations

from pathlib import Path

from t2t_xfer.errors import UserError
from t2t_xfer.study.record import DamagedRecordError, changed_files, read_record
from t2t_xfer.study.store import Store


class ChangedError(UserError):
    """A finished stage's files are not what it wrote."""


class Sound:
    """Which stages' files this process has written itself or compared with their checksums."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._known: set[str] = set()

    def wrote(self, stage_id: str) -> None:
        """The stage was done in this process."""
        self._known.add(stage_id)

    def path(self, stage_id: str) -> Path:
        """Where the stage's files are, after reading every byte of them once.

        Raises:
            ChangedError: some do not have their checksums; names them.
        """
        folder = self.store.path(stage_id)
        if stage_id in self._known:
            return folder
        try:
            problems = changed_files(folder, read_record(folder))
        except (FileNotFoundError, NotADirectoryError, DamagedRecordError) as error:
            problems = [str(error)]
        if problems:
            self.store.condemn(stage_id)
            raise ChangedError(f"{folder}: {'; '.join(problems)}. It is not used.")
        self._known.add(stage_id)
        return folder
