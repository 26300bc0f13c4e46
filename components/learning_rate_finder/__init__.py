"""Tuner that looks for a learning rate, and keeps its chart."""
