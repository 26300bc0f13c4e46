"""Writes a SavedModel that loads without this package, in TensorFlow 2 and in a TensorFlow 1 session."""

import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import ulmfit_tfx
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.signatures import MODEL_INFO_FILE
from ulmfit_tfx.trainer_modules.export.signatures import Signatures
from ulmfit_tfx.transforms.tokenization import Tokenizer

_VARIABLE = "variables_/{}/.ATTRIBUTES/VARIABLE_VALUE"


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """What `assets.extra/ulmfit_tfx.json` says of a model, beside the facts that `save` adds.

    Attributes:
        task: `encoder`, `classification`, ...
        encoder: The encoder's configuration.
        max_seq_len: Pieces that the task looks at.
        fixed_seq_len: T of the encoder signatures; None: the longest text of the batch.
        labels: Class names in the order of the probabilities.
    """

    task: str
    encoder: dict[str, Any]
    max_seq_len: int
    fixed_seq_len: int | None
    labels: Sequence[str] = ()


def save(folder: str, model: keras.Model, tokenizer: Tokenizer, signatures: Signatures, info: ModelInfo) -> None:
    """Writes the SavedModel.

    folder/
        saved_model.pb
        variables/
        assets/NAME-sp8k.model            the SentencePiece model
        assets.extra/ulmfit_tfx.json      `ModelInfo`; version of ulmfit-tfx; the tokenizer's configuration, sizes and
                                          special ids; the cleaning before it; names of the weights, in the order in
                                          which variables/ holds them as `variables_`

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
        file.write(json.dumps(dataclasses.asdict(info) | _facts(model, tokenizer), indent=2))


def _facts(model: keras.Model, tokenizer: Tokenizer) -> dict[str, Any]:
    return {
        "version": ulmfit_tfx.__version__,
        "tokenizer": tokenizer.describe(),
        "cleaning": tokenizer.cleaning.model_dump(mode="json"),
        "weights": [weight.path for weight in model.weights],
    }


def read_weights(folder: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Reads a SavedModel's information file and its weights by name. Its graph is not loaded.

    Raises:
        DataError: It is not one that `save` wrote, or it is damaged.
    """
    path = f"{folder}/{MODEL_INFO_FILE}"
    try:
        with tf.io.gfile.GFile(path) as file:
            info = json.loads(file.read())
        names = info["weights"]
        reader = tf.train.load_checkpoint(f"{folder}/variables/variables")
        return info, {name: reader.get_tensor(_VARIABLE.format(index)) for index, name in enumerate(names)}
    except tf.errors.NotFoundError:
        raise DataError(
            f"{folder}: has no {MODEL_INFO_FILE} or no variables, so ulmfit-tfx did not write it."
        ) from None
    except (tf.errors.OpError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise DataError(f"{folder}: its weights cannot be read: {str(error).splitlines()[0]}") from None
