"""`report.html`: a study as one page that needs nothing beside itself."""
