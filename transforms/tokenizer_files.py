"""Writes, reads and copies the files of a tokenizer, laid out as `tokenizer_layout` says, on any file system."""

import tensorflow as tf

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.splitting import SampleCounts
from ulmfit_tfx.transforms.tokenization import Tokenizer
from ulmfit_tfx.transforms.tokenizer_layout import CONFIG_FILE, contents, parse_config

FOLDER = "tokenizer"
"""Folder in a transform graph artifact that holds the tokenizer's files."""


def write_tokenizer(
    folder: str, model: bytes, config: TokenizerConfig, cleaning: CleaningConfig, counts: SampleCounts | None = None
) -> None:
    """Writes the files of a tokenizer, with `sample.json` where there are counts of what it was trained on."""
    tf.io.gfile.makedirs(folder)
    for name, content in contents(model, config, cleaning, counts).items():
        with tf.io.gfile.GFile(f"{folder}/{name}", "wb") as file:
            file.write(content)


def read_tokenizer(artifact: str) -> Tokenizer:
    """Tokenizer of a tokenizer artifact, or of a transform graph that holds one in its folder `tokenizer`.

    Raises:
        DataError: There is not exactly one `.model` file.
    """
    nested = f"{artifact}/{FOLDER}"
    folder = nested if tf.io.gfile.isdir(nested) else artifact
    models = tf.io.gfile.glob(f"{folder}/*.model")
    if len(models) != 1:
        raise DataError(f"{folder}: expected one SentencePiece .model file, found {len(models)}.")
    with tf.io.gfile.GFile(f"{folder}/{CONFIG_FILE}") as file:
        config, cleaning = parse_config(file.read())
    with tf.io.gfile.GFile(models[0], "rb") as file:
        model = file.read()
    return Tokenizer(model, config, cleaning)


def copy_tokenizer(source: str, transform_graph: str) -> None:
    """Copies a tokenizer artifact's files into a transform graph artifact, for Trainer, which sees only that."""
    folder = f"{transform_graph}/{FOLDER}"
    tf.io.gfile.makedirs(folder)
    for name in tf.io.gfile.listdir(source):
        tf.io.gfile.copy(f"{source}/{name}", f"{folder}/{name}", overwrite=True)
