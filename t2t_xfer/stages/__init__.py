"""The units of work: make a model, train, predict, score. The only place that joins the rest."""
