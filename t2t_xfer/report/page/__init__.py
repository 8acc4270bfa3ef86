"""`report.html`: a study as one page that needs nothing beside itself, and its example browser.

Text from data and models reaches HTML only through autoescaping templates or `textContent`.

    from t2t_xfer.report.page.render import render_page
    Path("report.html").write_text(render_page(page_input), encoding="utf-8")
"""
