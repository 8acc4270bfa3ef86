"""`report.html`: what it says, that nothing in it runs that is not ours, and how it behaves in a
real Chromium: nothing leaves the file, nothing overflows, tables sort."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.report.browser import as_script, write_examples
from t2t_xfer.report.given import Report
from t2t_xfer.report.page import render_page
from t2t_xfer.report.sections import document

from .pagestudy import ARABIC, ATTACK, chromium, chunks, full_page, observed, page_of

MINUS = "\N{MINUS SIGN}"


def shown(report: Report) -> str:
    return render_page(replace(document(report), examples="examples.html"))


@pytest.fixture(scope="module")
def full() -> str:
    return shown(full_page())


def test_the_page_opens_with_the_answer_and_its_intervals(full: str) -> None:
    opening = full[full.index('id="answer"') : full.index("<nav")]
    assert "changed by these points" in opening
    # squad loses on both targets, mnli gains on paws_x alone (same data before xnli): below 0
    found = re.search(
        r"enc \(encoder\): (\S+) \((\S+) to (\S+)\), a loss beyond the choice of\b", opening
    )
    assert found is not None
    assert all(value.startswith(MINUS) for value in found.groups())
    assert "mnli before paws_x" in opening
    assert "mnli before xnli" not in opening
    assert "One model per architecture answers for these models only" in opening


def test_every_section_of_a_finished_study_is_there(full: str) -> None:
    titles = re.findall(r"<h2>([^<]+)</h2>", full)
    assert titles == [
        *("Read this first", "Contents", "Claims", "Scores and changes"),
        *("Does it depend on the architecture?", "Every language", "Transfer gap"),
        *("Zero-shot score over typological distance", "Unreadable, drifting and shortened"),
        *("Missing", "What the intervals mean", "Cost", "What was run"),
    ]
    assert "40.0 %" in full  # drift
    assert "accuracy|v:1" in full
    assert "1.07 GB" in full
    assert "not tested here" in full
    assert "+3.0\xa0to\xa0+5.0" in full


def test_the_page_is_one_file_without_a_request(full: str) -> None:
    assert not re.search(r"""(src|href)=["'](?!#|examples\.html)""", full)
    assert "url(" not in full.replace("url(#", "")
    assert full.count("<svg") == 2
    assert full.count('role="img" aria-label="') == 2
    assert "clip-path" not in full or "url(#forest-" in full


def test_the_same_study_is_the_same_page(full: str) -> None:
    assert shown(full_page()) == full


def test_text_of_data_and_models_is_no_markup(full: str) -> None:
    assert ATTACK not in full
    assert "&lt;/script&gt;&lt;script&gt;" in full
    assert "<b>dec</b>" not in full
    assert full.count("<script>") == 1
    assert "<" not in as_script({"text": ATTACK + "<!--"}).replace("\\u003c", "")


def test_an_unfinished_study_claims_nothing() -> None:
    empty = shown(page_of([], unfinished={"train/x": "failed: no disk"}))
    assert "nothing to report yet" in empty
    assert "failed: no disk" in empty
    alone = [each for each in observed(models=1) if each.intermediate == "none"]
    page = shown(page_of(alone))
    assert "cannot say whether intermediate training helps" in page
    assert "beyond the" not in page


@pytest.mark.parametrize("languages", [("en",), ("de",), ("en", "de")])
def test_few_languages_give_a_page(languages: tuple[str, ...]) -> None:
    page = shown(page_of(observed(models=1, languages=languages)))
    assert ("changed by these points" in page) == ("de" in languages)
    assert "says nothing about differences between architectures" in page
    assert "Differences between models" not in page


def test_a_missing_cell_is_marked_and_listed() -> None:
    cells = observed(models=1)
    page = shown(page_of([c for c in cells if (c.intermediate, c.language) != ("squad", "ar")]))
    assert "Cells without a number" in page
    assert "†" in page
    assert re.search(r"<th scope=row>enc</th>\s*<td>squad</td>\s*<td>xnli</td>\s*<td>ar</td>", page)


def test_names_with_dollars_are_no_formulas() -> None:
    cells = observed(models=1, languages=("en", "de"))
    cells = [replace(each, model="$x_1$ <i>") for each in cells]
    page = shown(page_of(cells))
    assert "$x_1$ &lt;i&gt;" in page[page.index("<svg") : page.index("</svg>")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pages")
    (made / "report.html").write_text(render_page(document(full_page())), encoding="utf-8")
    write_examples(made, f"made-up {ATTACK}", chunks())
    return made


class Opened:
    """A page with what it did that it should not."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.problems: list[str] = []
        self.page = browser.new_page(**options)
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self._requested(request.url, path.parent))
        self.page.goto(path.as_uri())

    def _requested(self, url: str, folder: Path) -> None:
        if not url.startswith(folder.as_uri()):
            self.problems.append(url)

    def overflow(self) -> int:
        """Pixels that the page is wider than its window."""
        found: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return found


@pytest.mark.parametrize("name", ["report.html", "examples.html"])
def test_pages_fit_and_ask_for_nothing(browser: Any, folder: Path, name: str) -> None:
    """On a telephone and a wide screen, light and dark."""
    opened = Opened(browser, folder / name)
    page = opened.page
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    assert page.title().endswith(ATTACK)
    for width in (400, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        assert opened.overflow() <= 0, width
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
        assert page.evaluate(CONTRAST) >= 4.5, scheme
    assert opened.problems == []
    page.close()


CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const light = (colour) => {
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => {
      v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const paper = getComputedStyle(document.body).backgroundColor;
  return Math.min(...[...document.querySelectorAll('td, td small, p, figcaption')].map((each) => {
    const behind = each.closest('td') || each;
    const own = getComputedStyle(behind).backgroundColor;
    const clear = own === 'rgba(0, 0, 0, 0)';
    const [a, b] = [light(getComputedStyle(each).color), light(clear ? paper : own)];
    return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  }));
}"""
"""The lowest contrast of any text with what is behind it (WCAG 2)."""


@pytest.fixture(scope="module")
def report(browser: Any, folder: Path) -> Iterator[Any]:
    page = Opened(browser, folder / "report.html").page
    yield page
    page.close()


def test_tables_sort_by_number_with_the_keyboard_too(report: Any) -> None:
    page = report
    column = "#scores tbody tr td:last-child"
    before = page.locator(column).all_inner_texts()
    head = page.locator("#scores thead th").last
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    found = [float(text.split()[0].rstrip("‡†")) for text in page.locator(column).all_inner_texts()]
    assert found == sorted(found)
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    found = [float(text.split()[0].rstrip("‡†")) for text in page.locator(column).all_inner_texts()]
    assert found == sorted(found, reverse=True)
    assert sorted(before) == sorted(page.locator(column).all_inner_texts())
    page.locator("#scores thead button").first.click()
    assert head.get_attribute("aria-sort") is None
    names = page.locator("#scores tbody tr > :first-child").all_inner_texts()
    assert names == sorted(names)


def test_heatmap_cells_show_their_numbers_and_tell_more_on_a_tap(report: Any) -> None:
    page = report
    cells = page.locator("table.heat td").all_inner_texts()
    # 2 targets, 3 models, 3 languages, and 2 changes with an interval beside each score
    assert len(cells) == 2 * 3 * 3 * 3
    assert sum("to" in text for text in cells) == 2 * 3 * 3 * 2
    assert all(text[0] in "+−0123456789" for text in cells)
    assert page.locator("#note").is_hidden()
    page.locator("table.heat td.up").first.click()
    told = page.locator("#note").inner_text()
    assert re.match(r"enc \(encoder\), en \(source\), mnli.*: score \d.*95\xa0% interval", told)
    page.keyboard.press("Escape")
    assert page.locator("#note").is_hidden()


def test_examples_show_text_as_text_and_can_be_filtered(browser: Any, folder: Path) -> None:
    opened = Opened(browser, folder / "examples.html")
    page = opened.page
    article = page.locator("article").first
    article.wait_for()
    assert ATTACK in article.inner_text()
    assert page.title() != "taken"
    assert "models differ" in article.inner_text()
    assert page.locator("article").count() == 2
    assert article.locator("td[dir=auto]", has_text=ARABIC).first.evaluate(
        "cell => cell.matches(':dir(rtl)')"
    )
    page.locator("#status").select_option("invalid")
    assert page.locator("article").count() == 1
    page.locator("#which").select_option("differ")
    assert "1 of the 2 examples that are here, of 190 that were scored" in page.inner_text("#count")
    page.locator("#target").select_option("xnli")
    page.locator("#which").select_option("all")
    page.wait_for_function("document.getElementById('count').textContent.includes('made up')")
    assert page.locator("#language").input_value() == "de"
    assert page.locator("article").count() == 10
    page.locator("#later").click()
    assert page.locator("article").count() == 2
    assert opened.problems == []
    page.close()
