"""PredictionWriter: the results of a bulk inference as text that people and other programs read."""
