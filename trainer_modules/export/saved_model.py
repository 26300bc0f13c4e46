"""Writes a SavedModel that loads without this package, in TensorFlow 2 and in a TensorFlow 1 session."""

import dataclasses
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import tensorflow as tf

from ulmfit_tfx.schemas.signatures import MODEL_INFO_FILE
from ulmfit_tfx.trainer_modules.export.signatures import Signatures
from ulmfit_tfx.transforms.tokenization import Tokenizer


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """What `assets.extra/ulmfit_tfx.json` says of a model.

    Attributes:
        version: Of ulmfit-tfx.
        task: `classification`, ...
        labels: Class names in the order of the probabilities.
        encoder: The encoder's configuration.
        tokenizer: The tokenizer's configuration, its sizes and special ids.
        cleaning: What the graph does to texts before it tokenizes them.
        max_seq_len: Pieces that the task looks at.
        fixed_seq_len: T of the encoder signatures; None: the longest text of the batch.
    """

    version: str
    task: str
    labels: list[str]
    encoder: dict[str, Any]
    tokenizer: dict[str, Any]
    cleaning: dict[str, Any]
    max_seq_len: int
    fixed_seq_len: int | None


def save(folder: str, model: keras.Model, tokenizer: Tokenizer, signatures: Signatures, info: ModelInfo) -> None:
    """Writes the SavedModel.

    folder/
        saved_model.pb
        variables/
        assets/NAME-sp8k.model            the SentencePiece model
        assets.extra/ulmfit_tfx.json      `ModelInfo`

    Args:
        folder: Where to.
        model: The whole model, whose variables the signatures use.
        tokenizer: The tokenizer that the signatures use.
        signatures: By name.
        info: Written beside the model.
    """
    exported = tf.Module()
    # The model alone as an attribute restores in TensorFlow 2, but a TensorFlow 1 session does not find its variables.
    exported.variables_ = [weight.value for weight in model.weights]
    exported.tokenizer = tokenizer.op
    exported.signature_functions = dict(signatures)
    with TemporaryDirectory() as temporary:
        asset = Path(temporary) / f"{tokenizer.config.file_stem}.model"
        asset.write_bytes(tokenizer.model)
        exported.spm_model = tf.saved_model.Asset(str(asset))
        tf.saved_model.save(exported, folder, signatures=signatures)
    info_file = f"{folder}/{MODEL_INFO_FILE}"
    tf.io.gfile.makedirs(os.path.dirname(info_file))
    with tf.io.gfile.GFile(info_file, "w") as file:
        file.write(json.dumps(dataclasses.asdict(info), indent=2))
