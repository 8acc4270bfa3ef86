"""Finding sentences by their vectors. Knows numbers only: no models, no tasks."""
