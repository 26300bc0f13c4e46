"""Keras models built from configuration: the encoder and the task models on it."""
