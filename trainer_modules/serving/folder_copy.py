"""Copies a folder from and to any filesystem that TensorFlow knows."""

from pathlib import Path

import tensorflow as tf


def copy_folder(source: str | Path, target: str) -> None:
    """Copies all files of a folder, and makes the folders they need.

    Args:
        source: Local or remote.
        target: Local or remote; files of the same names in it are replaced, others stay.

    Raises:
        tf.errors.NotFoundError: There is no such source.
    """
    root = str(source).rstrip("/")
    if not tf.io.gfile.isdir(root):  # walk would find nothing and say nothing
        raise tf.errors.NotFoundError(None, None, f"{root}: no such folder.")
    for folder, _, files in tf.io.gfile.walk(root):
        destination = f"{target}/{folder[len(root) :].strip('/')}".rstrip("/")
        if files:
            tf.io.gfile.makedirs(destination)
        for file in files:
            tf.io.gfile.copy(f"{folder.rstrip('/')}/{file}", f"{destination}/{file}", overwrite=True)
