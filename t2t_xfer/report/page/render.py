"""`report.html` as one text: the answer first, then the tables and drawings behind it.

The rule: the page needs nothing beside itself. Styles, script and drawings are inside, its own
security policy forbids every request, and all text goes through autoescape.

    Path("report.html").write_text(render_page(page), encoding="utf-8")
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from t2t_xfer.report.alarms import first_notes
from t2t_xfer.report.document import (
    INTERVAL,
    MISSING,
    Cell,
    Lines,
    Part,
    Section,
    Table,
    bounds,
    columns,
    part_kind,
    plain_sign,
    words,
)
from t2t_xfer.report.given import PageInput
from t2t_xfer.report.page.architecture import architecture_section
from t2t_xfer.report.page.cost import cost_section
from t2t_xfer.report.page.every_language import language_section
from t2t_xfer.report.page.gaps import gap_section
from t2t_xfer.report.page.main_table import main_section
from t2t_xfer.report.page.quality import quality_section
from t2t_xfer.report.page.sentences import answer


def render_page(page: PageInput) -> str:
    """The whole page of a study, finished or not."""
    sections = [section for section in _sections(page) if not section.empty]
    return (
        environment()
        .get_template("report.html.jinja")
        .render(
            study=page.study,
            answer=answer(page),
            notes=[
                *page.notes,
                *first_notes((page.grid, page.aside)),
            ],
            sections=sections,
            examples=page.examples,
            num_cells=len(page.grid.rows) + len(page.aside.rows),
        )
        + "\n"
    )


@cache
def environment() -> Environment:
    """The templates of the page; everything that they show is escaped."""
    made = Environment(
        loader=PackageLoader("t2t_xfer.report", "files"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["own"] = own_file
    made.filters["whole"] = unbroken
    made.tests["part"] = lambda part, kind: part_kind(part) == kind
    return made


def unbroken(text: str) -> str:
    """An interval stays on one line, and so does a p-value."""
    for inner in (" to ", "p = ", "p < "):
        text = text.replace(inner, inner.replace(" ", "\N{NO-BREAK SPACE}"))
    return text


@cache
def own_file(name: str) -> Markup:
    """A style or a script of ours, to stand inside the page as it is."""
    text = files("t2t_xfer.report").joinpath("files", name).read_text(encoding="utf-8")
    return Markup(text.strip())


def _sections(page: PageInput) -> list[Section]:
    claims = _claims(page)
    missing = _missing(page)
    if not page.grid.rows:
        return [claims, missing, cost_section(page)]
    return [
        claims,
        main_section(page),
        architecture_section(page),
        language_section(page),
        gap_section(page),
        quality_section(page),
        missing,
        _sure(page),
        cost_section(page),
        _signatures(page),
    ]


def _claims(page: PageInput) -> Section:
    rows = [
        [
            *words(each.claim),
            Cell(each.text),
            Cell(
                each.in_words, small=each.why, strong=each.verdict in ("supported", "contradicted")
            ),
            Cell(
                plain_sign(each.interval.value) if each.interval else MISSING,
                small=bounds(each.interval),
                key=each.interval.value if each.interval else None,
            ),
            Cell(each.published or MISSING, small=each.source or ""),
        ]
        for each in page.verdicts
    ]
    if not rows:
        return Section("claims", "Claims")
    heads = columns("claim", "what it says", "verdict", "measured here", "published", text=5)
    legend = [f"Measured here: in points, with its {INTERVAL}. The published value is not ours."]
    return Section(
        "claims", "Claims", [Table("claims", "Claims and verdicts", heads, rows, legend)]
    )


def _missing(page: PageInput) -> Section:
    parts: list[Part] = []
    gone = [words(*line) for grid in (page.grid, page.aside) for line in grid.missing()]
    if gone:
        heads = columns("model", "intermediate", "target", "missing", text=4)
        legend = ["Counted against every cell of the study's plan."]
        parts.append(Table("missing", "Cells without a number", heads, gone, legend))
    if page.unfinished:
        rows = [words(stage, state) for stage, state in page.unfinished.items()]
        heads = columns("stage", "what became of it", text=2)
        parts.append(Table("unfinished", "Stages that are not done", heads, rows))
    return Section("missing", "Missing", parts)


def _sure(page: PageInput) -> Section:
    """What the intervals cover, and what they do not."""
    notes = list(page.analysis.notes)
    if not notes:
        return Section("statistics", "What the intervals mean")
    return Section("statistics", "What the intervals mean", [Lines(notes)])


def _signatures(page: PageInput) -> Section:
    rows: list[Sequence[Cell]] = []
    for grid in (page.grid, page.aside):
        for target in grid.targets:
            by_signature: dict[str, list[str]] = {}
            for row in grid.of(target):
                by_signature.setdefault(row.signature, []).append(row.model)
            for signature, models in by_signature.items():
                rows.append(words(target, ", ".join(dict.fromkeys(models)), signature))
    heads = columns("target", "models", "signature", text=3)
    legend = ["How each number was computed. Numbers with different signatures do not compare."]
    return Section(
        "signatures", "Signatures", [Table("signature-table", "Signatures", heads, rows, legend)]
    )
