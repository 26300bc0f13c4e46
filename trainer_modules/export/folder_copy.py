"""Copies a folder to any filesystem that TensorFlow knows."""

from pathlib import Path

import tensorflow as tf


def copy_folder(source: Path, target: str) -> None:
    """Copies all files of a local folder, and makes the folders they need."""
    for file in sorted(source.rglob("*")):
        if file.is_file():
            destination = f"{target}/{file.relative_to(source).as_posix()}"
            tf.io.gfile.makedirs(destination.rpartition("/")[0])
            tf.io.gfile.copy(str(file), destination, overwrite=True)
