"""Evaluator for classifiers whose classes are known only once the data is read."""
