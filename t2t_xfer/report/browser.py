"""The example browser: `examples.html`, and the examples of each target and language beside it.

The rule: a page that was opened from a file may not fetch, so each file of data is a script that
hands its examples to the page, and is loaded when it is asked for. No file holds more than
`EXAMPLES` examples; those whose answers were scored differently between models come first.

    write_examples(Path("eval_outputs/quickstart"), "quickstart", chunks)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from t2t_xfer.files import replaced_folder, write_text
from t2t_xfer.records import Json
from t2t_xfer.report.page.render import environment

EXAMPLES = 50
"""The most examples of one target and language."""
ANSWERS = 2400
"""The most answers of one target and language: with many runs there are fewer examples."""
CHARACTERS = 3000
"""Of a text; what is longer is cut, and says so."""
FOLDER = "examples"
PAGE = "examples.html"
OWN = re.compile(r"(\d{4,}|index)\.js")
"""The names of our files in the folder; others there are somebody's own."""


@dataclass(frozen=True)
class Run:
    """One column of answers."""

    model: str
    architecture: str
    intermediate: str
    seed: int
    readout: str


@dataclass(frozen=True)
class Answered:
    """What one run made of an example."""

    raw: str
    """What the model gave, before any parsing."""
    value: str
    """The answer read from it; empty if none could be read."""
    status: str
    points: float
    """The metric of this example alone, 0 to 100."""


@dataclass(frozen=True)
class Browsed:
    """One example with the answers of all runs."""

    id: str
    input: str | None
    gold: str
    answers: Sequence[Answered | None]
    """In the order of the chunk's runs; None: the run does not have the example."""
    disagree: bool
    """Models differ in points on it, after the same intermediate training."""


@dataclass(frozen=True)
class Chunk:
    """Some examples of a target in a language."""

    target: str
    language: str
    total: int
    """Examples that were scored."""
    disagreements: int
    """Those among them that models disagree on."""
    runs: Sequence[Run]
    examples: Sequence[Browsed]
    note: str = ""
    """Why the inputs are not shown, if they are not."""


def write_examples(directory: Path, study: str, chunks: Iterable[Chunk]) -> Path | None:
    """Writes the page and its data in place of an earlier browser's. None: there is no example.

    Args:
        chunks: each is written before the next one is asked for.

    Raises:
        UserError: the directory cannot be written; the earlier browser is as it was.
    """
    with replaced_folder(directory / FOLDER, OWN) as folder:
        index = _write_chunks(folder, chunks)
    path = directory / PAGE
    if not index:
        path.unlink(missing_ok=True)
        return None
    page = environment().get_template("examples.html.jinja").render(study=study, cap=EXAMPLES)
    write_text(path, page + "\n")
    return path


def _write_chunks(folder: Path, chunks: Iterable[Chunk]) -> list[Json]:
    """Writes the data and, if there is any, its index."""
    index: list[Json] = []
    for number, chunk in enumerate(chunks):
        name = f"{number:04d}.js"
        text = f"received({number}, {as_script(_body(chunk))});\n"
        (folder / name).write_text(text, encoding="utf-8")
        index.append(
            {
                "target": chunk.target,
                "language": chunk.language,
                "file": f"{FOLDER}/{name}",
                "shown": len(chunk.examples),
                "total": chunk.total,
                "disagreements": chunk.disagreements,
            }
        )
    if index:
        (folder / "index.js").write_text(f"indexed({as_script(index)});\n", encoding="utf-8")
    return index


def as_script(value: Json) -> str:
    """JSON that may stand inside a script: no text in it can end the script or a line of it.

    Halves of surrogate pairs, which a model's broken text may hold, become question marks.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = text.encode("utf-8", "replace").decode("utf-8")
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def shortened(text: str) -> str:
    """A text that fits the page."""
    if len(text) <= CHARACTERS:
        return text
    return f"{text[:CHARACTERS]}… ({len(text) - CHARACTERS} more characters)"


def _body(chunk: Chunk) -> Json:
    runs: list[Json] = [
        [run.model, run.architecture, run.intermediate, run.seed, run.readout] for run in chunk.runs
    ]
    return {
        "target": chunk.target,
        "language": chunk.language,
        "note": chunk.note,
        "runs": runs,
        "examples": [_example(example) for example in chunk.examples],
    }


def _example(example: Browsed) -> Json:
    answers: list[Json] = [
        None
        if each is None
        else [each.status, shortened(each.value), shortened(each.raw), round(each.points, 1)]
        for each in example.answers
    ]
    return {
        "id": example.id,
        "input": None if example.input is None else shortened(example.input),
        "gold": shortened(example.gold),
        "differ": example.disagree,
        "answers": answers,
    }
