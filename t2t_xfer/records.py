"""The frozen records that flow through the program.

    row -> Example -> Prompted -> (training | Engine) -> Generation -> Prediction -> Score

Nothing here imports torch, and nothing here knows a task by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
"""What `record.json` and the prediction logs can hold."""

Value: TypeAlias = "str | int | float | bool | tuple[Value, ...] | Mapping[str, Value] | None"
"""A field of an example, as a prompt template sees it. Lists of the data become tuples."""

Row: TypeAlias = Mapping[str, Value]
"""One row of a data set, by column."""

Gold: TypeAlias = "str | tuple[str, ...] | tuple[Answer, ...]"
"""A correct answer: a label's or a choice's name, one tag per word (`tags`), or every accepted
answer of a question (`span`; none: it cannot be answered)."""

Split: TypeAlias = Literal["train", "validation", "test"]
ArchitectureName: TypeAlias = Literal["encoder", "seq2seq", "causal"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class Readout(StrEnum):
    """How an answer is read from a model."""

    slots = "slots"
    """Closed answers at known positions: one forward pass."""
    rank = "rank"
    """The log-probability of each whole candidate text after the same context."""
    generate = "generate"
    """Decoded text, then parsed."""
    embed = "embed"
    """Nearest neighbours of pooled hidden states (`pair`)."""


class Status(StrEnum):
    """How a prediction came to be. Only `invalid` has no value."""

    scored = "scored"
    """The best option by score: nothing was parsed."""
    exact = "exact"
    """The text is an answer after normalisation."""
    alias = "alias"
    """The text is a known synonym of an answer."""
    match = "match"
    """Exactly one answer stands in the text at token boundaries."""
    fuzzy = "fuzzy"
    """Close to one answer and far from the second best."""
    unplaced = "unplaced"
    """The text stands nowhere in the field that answers are copied from (spans). It is the answer
    all the same: the metric compares words, not places."""
    partial = "partial"
    """Some slots had to be filled with the default answer, or made legal (tags)."""
    invalid = "invalid"
    """No answer could be read. Counts as wrong and is reported as a rate."""


@dataclass(frozen=True)
class Answer:
    """An accepted answer of a question, as the data states it."""

    text: str
    start: int
    """First character of the answer within the context."""


@dataclass(frozen=True)
class Example:
    """One row of a task, normalised."""

    id: str
    """Unique within task and split; the same id across languages marks parallel examples."""
    task: str
    language: str
    """ISO code as XTREME writes it."""
    split: Split
    fields: Mapping[str, Value]
    """What the prompt template may name."""
    gold: Gold | None
    """None where the data has no answer (unlabelled test sets)."""
    converted: bool = False
    """Whether the data's own tags break their scheme, so that `gold` is not what stands there."""


@dataclass(frozen=True)
class Region:
    """Where one field sits in a rendered text: characters `[start, end)`."""

    field: str
    """`context`, `words[3]`, `choices[0]`, …"""
    start: int
    end: int


class Question:
    """What a model is asked about one example; its class decides how the answer is read.

    Architectures make rows of each kind in a method of its own (`architectures.base.Way`). This
    class itself asks nothing: a text to look at.
    """


NOTHING = Question()


@dataclass(frozen=True)
class Closed(Question):
    """Which of a few texts? They are the same for every example, and the answer comes after the
    input."""

    options: tuple[str, ...]
    """Label words or letters, in a fixed order."""


@dataclass(frozen=True)
class Cloze(Question):
    """Which of some texts that are this example's own?"""

    options: tuple[str, ...]


@dataclass(frozen=True)
class Separate(Question):
    """About which choice is the answer yes? Each is asked about apart, and the odds are compared.

    `Prompted.input` is all of the questions, for people.
    """

    asked: tuple[Prompted, ...]
    """One for each choice, each with the words of yes and no as its options and one of them as its
    target."""


@dataclass(frozen=True)
class Slots(Question):
    """Which option belongs to each of some places in the input, such as its words?"""

    places: tuple[str, ...]
    """Names of the regions that carry one answer each (`words[0]`, …)."""
    options: tuple[str, ...]
    """Tag names. Each stands for one reserved token of the tokenizer's codebook, because names are
    rarely single tokens."""
    follows: tuple[tuple[int, ...], ...] = ()
    """Of each option the options one of which must stand at the place before (`I-PER` follows
    `B-PER` and `I-PER`); empty: it may stand anywhere. No tuples at all: all may."""
    held: bool = False
    """Whether what is written keeps to `follows`. What is read in one pass is logged both ways."""


@dataclass(frozen=True)
class Copied(Question):
    """Which piece of a field of the input?"""

    field: str
    """Its region's name (`context`). If it is too long for one input, it is read through
    overlapping windows."""
    unanswerable: str = ""
    """What is answered when the field holds no answer; `Prompted.target` is this text then. Empty:
    it always holds one, and a model can answer nothing else."""


@dataclass(frozen=True)
class Pair(Question):
    """Which of many other sentences means the same? Read from hidden states; about the nearest
    ones a `Closed` question is asked, too."""


@dataclass(frozen=True)
class Prompted:
    """An example as text: what the model reads and what it should answer."""

    id: str
    language: str
    input: str
    target: str
    """The gold answer as text; empty if unknown."""
    question: Question = NOTHING
    regions: tuple[Region, ...] = ()
    slot_targets: tuple[str, ...] = ()
    """The gold option of each place of `Slots`; empty if unknown."""
    shortenable: tuple[str, ...] = ()
    """Fields that may lose tokens at their end when the input is too long, in this order."""
    answer: Region | None = None
    """Where the gold answer stands in `input`, if it is `Copied` and known."""
    shots: tuple[str, ...] = ()
    """Solved examples that stand before `input`, each with the separator behind it. Regions count
    from the start of `input`. Where all do not fit, the first ones go."""
    wording: str = field(default="", compare=False, repr=False)
    """The template's own text. A special token of the tokenizer that stands here is meant; in the
    data the same characters are text."""

    @property
    def asked(self) -> tuple[Prompted, ...]:
        """What goes through a model: the example, or the question about each of its choices."""
        return self.question.asked if isinstance(self.question, Separate) else (self,)


@dataclass(frozen=True)
class Decoding:
    """How text is generated. Greedy always: scores must not depend on luck."""

    constrained: bool = True
    """Only texts that can be an answer: an option, a candidate, a piece of the copied field."""
    max_new_tokens: int = 32


@dataclass(frozen=True)
class Generation:
    """What an engine read from a model for one example, before any parsing."""

    id: str
    readout: Readout
    text: str | None = None
    """Decoded text (`generate`)."""
    scores: tuple[float, ...] = ()
    """Log-probability of each option (`slots` and `rank` with one answer), summed over its tokens;
    of separate choices log-odds of yes against no; of a pair, cosines (`embed`) or differences of
    log-probabilities (`rank`). Of a span that may not exist two: of no answer (the *null score*),
    and of the best span, which is `text`. Written (`generate`) they are log-probabilities of whole
    texts, pointed at (`slots`) sums of two scaled dot products; either way their difference is one
    of log-probabilities."""
    lengths: tuple[int, ...] = ()
    """Tokens of each option, its end token included (`rank`)."""
    without_context: tuple[tuple[float, ...], ...] = ()
    """What `scores` are compared with, if anything: those of the same options behind texts that say
    nothing of the example, one tuple for each text. Logged by a stage of its own."""
    neighbours: tuple[str, ...] = ()
    """The example ids that `scores` are of (`pair`), nearest first."""
    choices: tuple[int, ...] = ()
    """Index of the best option for each slot (`slots` of tags)."""
    legal: tuple[int, ...] = ()
    """The same of the best sequence that `Slots.follows` allows, where that is another."""
    place: tuple[int, int] | None = None
    """Characters `[start, end)` of the input that the text was copied from."""
    removed_tokens: int = 0
    """Input tokens that shortening took away."""
    removed_shots: int = 0
    """Solved examples that did not fit before the input."""
    pieces: int = 1
    """Rows that a tagged sentence was read in: more than one if it is too long for the model."""


@dataclass(frozen=True)
class Prediction:
    """A parsed answer."""

    id: str
    value: Gold | None
    """None if and only if the status is `invalid`."""
    status: Status
    evidence: float | None = None
    """How much speaks for the value, where a tuned threshold decides whether it stands
    (`metrics.Tuned`)."""


@dataclass(frozen=True)
class Score:
    """A metric's value with what is needed to read it."""

    metric: str
    value: float
    """0 to 100."""
    n: int
    """Number of examples."""
    details: Mapping[str, float]
    """Other figures of the same metric (precision, recall, …), 0 to 100; and thresholds
    (`…_thresh`), in the unit of the evidence."""
    signature: str
    """Pins how the number was computed, for example `span_f1|seqeval:0.0.12|v:1`."""
