"""Reports: the cells of a study as a file and as a page. Knows rows, not stages or models."""
