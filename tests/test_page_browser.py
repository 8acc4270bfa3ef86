"""The pages in a real Chromium: nothing leaves the file, nothing overflows, tables sort."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.report.browser import write_examples
from t2t_xfer.report.page import render_page
from t2t_xfer.report.sections import document

from .pagestudy import ARABIC, ATTACK, chromium, chunks, full_page


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1600])
@pytest.mark.parametrize("name", ["report.html", "examples.html"])
def test_pages_fit_and_ask_for_nothing(
    browser: Any, folder: Path, name: str, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 900}
    opened = Opened(browser, folder / name, viewport=size, color_scheme=scheme)
    opened.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    assert opened.overflow() <= 0
    assert opened.problems == []
    assert opened.page.title().endswith(ATTACK)
    dark = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(255, 255, 255)") == (scheme == "light")
    assert opened.page.evaluate(CONTRAST) >= 4.5
    opened.page.close()


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


def test_tables_sort_by_number_with_the_keyboard_too(browser: Any, folder: Path) -> None:
    page = Opened(browser, folder / "report.html").page
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
    page.close()


def test_heatmap_cells_show_their_numbers_and_tell_more_on_a_tap(
    browser: Any, folder: Path
) -> None:
    page = Opened(browser, folder / "report.html").page
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
    page.close()


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
