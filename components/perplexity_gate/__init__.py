"""Evaluator that measures the perplexity of a language model and stops the run where it is too high."""
