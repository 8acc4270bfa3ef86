"""The picture of a report that the README shows.

python -m tests.picture eval_outputs/example/report.html docs/report.png
"""

from __future__ import annotations

import sys
from pathlib import Path

from .pagestudy import chromium


def main() -> None:
    """Draws the top of the page, as far as the first table."""
    page_path, picture = (Path(name).resolve() for name in sys.argv[1:])
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 840, "height": 900}, color_scheme="light")
        page.goto(page_path.as_uri())
        page.add_style_tag(content="nav { display: none; }")
        table = page.locator("#architecture figure").bounding_box()
        height = table["y"] + table["height"] + 16
        page.set_viewport_size({"width": 840, "height": int(height)})
        page.screenshot(path=str(picture))


if __name__ == "__main__":
    main()
