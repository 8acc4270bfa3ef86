"""Data: where rows come from, and how a row becomes an `Example`.

A source (`hub`, `mirror:DIR`, `microworld`) or a local file yields rows in file order, with the
columns and the raw values it holds. Only `examples` knows what a task makes of a row. Nothing
here imports torch, and rows of a target language that belong to training are never opened.

    source = open_source("mirror:data/hub")
    examples = read_examples(task, source, "de", "test", limit=100)
"""
