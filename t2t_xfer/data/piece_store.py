"""Translated pieces on the disk, one a line, so that a killed run goes on where it stopped.

The rule: a line is written whole as soon as its piece is translated; what a kill left of the last
line is cut off. A piece is looked up by its own text, so a text that stands in many rows (the
paragraph of five questions) is translated once.

    {"source": "A dog slept.", "text": "Ein Hund schlief.", "loss": null}
"""

from __future__ import annotations

import json
from pathlib import Path

from t2t_xfer.data.translating import Translation
from t2t_xfer.errors import DataError
from t2t_xfer.files import whole


class PieceStore:
    """The translations that a file holds; new ones go to its end."""

    def __init__(self, path: Path) -> None:
        """Reads what is there.

        Raises:
            DataError: the file cannot be read, or a line is none of ours.
        """
        self.path = path
        self.known: dict[str, Translation] = {}
        """Source text to what became of it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            self._read()

    def add(self, source: str, translation: Translation) -> None:
        """Keeps one piece."""
        self.known[source] = translation
        line = json.dumps({"source": source, **translation._asdict()}, ensure_ascii=False)
        with self.path.open("ab") as file:
            file.write(line.encode() + b"\n")

    def _read(self) -> None:
        try:
            content = self.path.read_bytes()
            complete = content[: content.rfind(b"\n") + 1]
            for line in complete.splitlines():
                each = json.loads(line)
                self.known[each["source"]] = Translation(each["text"], each["loss"])
            if len(complete) < len(content):
                with whole(self.path) as temporary:
                    temporary.write_bytes(complete)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as e:
            raise DataError(
                f"{self.path} holds no translated pieces: {e}. Move it away to translate anew."
            ) from e
