"""How many files of the package a piece of work passes through: the way a reader has to go.

A file is touched if one of its functions runs (importing it is not enough).

    python benchmarks/files_touched.py      # a study of one model and one target; one number's way

The first count is of a whole `study run` of a small new encoder on one target without an
intermediate, planned, trained, tested, scored and reported. The second follows one finished score:
from the store to `report.md`, `report.html`, `cells.csv` and the other files of a report; what
models were shown is rendered again for the example browser, which is no score's way and not
counted.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import FrameType

import t2t_xfer
from t2t_xfer.commands.study import run_study
from t2t_xfer.report.browser import Inputs
from t2t_xfer.report.written import write_results
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.study.record import Record
from t2t_xfer.study.results import Results

PACKAGE = Path(t2t_xfer.__file__).parent
STUDY = {
    "study": "one",
    "models": [
        {
            "name": "small",
            "new": {
                "architecture": "encoder",
                "languages": ["en"],
                "vocabulary": 500,
                "text_lines": 200,
                "hidden": 32,
                "layers": 1,
                "heads": 2,
            },
        }
    ],
    "intermediates": ["none"],
    "targets": ["xnli"],
    "languages": ["en"],
    "training": {"steps": 2, "examples_per_step": 4, "max_input_tokens": 64},
    "limit": {"train": 16, "test": 8},
}


@contextmanager
def touched() -> Iterator[set[str]]:
    """The files whose functions begin to run meanwhile."""
    files: set[str] = set()

    def began(frame: FrameType, event: str, argument: object) -> None:
        # Bodies of modules and classes, which run on import, are not optimized.
        if event == "call" and frame.f_code.co_flags & CO_OPTIMIZED:
            files.add(frame.f_code.co_filename)

    found: set[str] = set()
    sys.setprofile(began)
    try:
        yield found
    finally:
        sys.setprofile(None)
    paths = (Path(name) for name in files if name.endswith(".py"))
    found |= {str(path.relative_to(PACKAGE)) for path in paths if PACKAGE in path.parents}


class Uncounted(Inputs):
    """Renders what models were shown while nothing is counted."""

    def of(self, predict: Record | None, ids: Collection[str]) -> tuple[dict[str, str], str]:
        """See `Inputs.of`."""
        counting = sys.getprofile()
        sys.setprofile(None)
        try:
            return super().of(predict, ids)
        finally:
            sys.setprofile(counting)


def main() -> None:
    """Prints both counts and the names of the files."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("one.yaml").write_text(json.dumps(STUDY), encoding="utf-8")
        with touched() as whole:
            code = run_study("one.yaml", "microworld", False, Path("out"))
        assert code == 0
        with touched() as report:
            inputs = Uncounted(Catalogue())
            write_results(Path("again"), Results.read(Path("out/one")), inputs=inputs)
    for what, files in (("study run", whole), ("a score's way to the report", report)):
        print(f"\n{what}: {len(files)} files")
        print("  " + "\n  ".join(sorted(files)))


if __name__ == "__main__":
    main()
