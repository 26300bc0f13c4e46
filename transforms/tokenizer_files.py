"""Files of a tokenizer, as SentencePieceTrainer writes them and TextTransform hands them on.

folder/
    NAME-sp8k.model      the SentencePiece model
    NAME-sp8k.vocab      its pieces and scores, for people
    tokenizer.json       configuration of the tokenizer and of the cleaning before it
"""

import json

import sentencepiece
import tensorflow as tf

from ulmfit_tfx.schemas.config import CleaningConfig, TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.tokenization import Tokenizer

CONFIG_FILE = "tokenizer.json"
FOLDER = "tokenizer"
"""Folder in a transform graph artifact that holds the tokenizer's files."""


def write_tokenizer(
    folder: str, model: bytes, vocabulary: str, config: TokenizerConfig, cleaning: CleaningConfig
) -> None:
    """Writes the files of a trained tokenizer."""
    tf.io.gfile.makedirs(folder)
    parts = {"tokenizer": config.model_dump(mode="json"), "cleaning": cleaning.model_dump(mode="json")}
    files = {
        f"{config.file_stem}.model": model,
        f"{config.file_stem}.vocab": vocabulary,
        CONFIG_FILE: json.dumps(parts, indent=2),
    }
    for name, content in files.items():
        with tf.io.gfile.GFile(f"{folder}/{name}", "wb" if isinstance(content, bytes) else "w") as file:
            file.write(content)


def vocabulary(model: bytes) -> str:
    """Pieces and scores of a SentencePiece model, one a line, as SentencePiece's own `.vocab` files hold them."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    ids = range(processor.vocab_size())
    return "".join(f"{processor.id_to_piece(index)}\t{processor.get_score(index):g}\n" for index in ids)


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
        parts = json.loads(file.read())
    with tf.io.gfile.GFile(models[0], "rb") as file:
        model = file.read()
    return Tokenizer(
        model,
        TokenizerConfig.model_validate(parts["tokenizer"]),
        CleaningConfig.model_validate(parts["cleaning"]),
    )


def copy_tokenizer(source: str, transform_graph: str) -> None:
    """Copies a tokenizer artifact's files into a transform graph artifact, for Trainer, which sees only that."""
    folder = f"{transform_graph}/{FOLDER}"
    tf.io.gfile.makedirs(folder)
    for name in tf.io.gfile.listdir(source):
        tf.io.gfile.copy(f"{source}/{name}", f"{folder}/{name}", overwrite=True)
