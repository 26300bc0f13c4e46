"""Keras 3 layers, one a file, written in `keras.ops`."""
