"""Writes a SavedModel that loads without this package, in TensorFlow 2 and in a TensorFlow 1 session."""

import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import ulmfit_tfx
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.section import Direction
from ulmfit_tfx.trainer_modules.serving.method_names import set_method_names
from ulmfit_tfx.trainer_modules.serving.model_info import ModelDescription, ModelInfo, read_content
from ulmfit_tfx.trainer_modules.serving.signature_names import MODEL_INFO_FILE
from ulmfit_tfx.trainer_modules.serving.signatures import Signatures
from ulmfit_tfx.transforms.tokenization import Tokenizer

BACKWARD = "backward/"
"""What the names of a backward model's weights begin with, beside a forward one's."""

_VARIABLE = "variables_/{}/.ATTRIBUTES/VARIABLE_VALUE"


def save(
    folder: str,
    model: keras.Model | Mapping[str, keras.Model],
    tokenizer: Tokenizer,
    signatures: Signatures,
    description: ModelDescription,
    tables: Mapping[str, tf.Variable] | None = None,
) -> None:
    """Writes the SavedModel.

    folder/
        saved_model.pb
        variables/
        assets/NAME-sp8k.model            the SentencePiece model
        assets.extra/ulmfit_tfx.json      `ModelDescription`; version of ulmfit-tfx; the tokenizer's configuration,
                                          sizes and special ids; the cleaning before it; names of the
                                          weights, in the order in which variables/ holds them as `variables_`

    Args:
        folder: Where to.
        model: The whole model, whose variables the signatures use; or several, by what their weights' names begin with.
        tokenizer: The tokenizer that the signatures use.
        signatures: By name.
        description: Written beside the model.
        tables: Variables that the signatures use beside those of the model, by name.
    """
    weights = _weights(model) | dict(tables or {})
    exported = tf.Module()
    # The model alone as an attribute restores in TensorFlow 2, but a TensorFlow 1 session does not find its variables.
    exported.variables_ = list(weights.values())
    exported.tokenizer = tokenizer.op
    exported.signature_functions = dict(signatures)
    with TemporaryDirectory() as temporary:
        asset = Path(temporary) / f"{tokenizer.config.file_stem}.model"
        asset.write_bytes(tokenizer.model)
        exported.spm_model = tf.saved_model.Asset(str(asset))
        tf.saved_model.save(exported, folder, signatures=signatures)
    set_method_names(folder)
    info_file = f"{folder}/{MODEL_INFO_FILE}"
    tf.io.gfile.makedirs(os.path.dirname(info_file))
    with tf.io.gfile.GFile(info_file, "w") as file:
        file.write(json.dumps(description.model_dump(mode="json") | _facts(weights, tokenizer), indent=2))


def _weights(model: keras.Model | Mapping[str, keras.Model]) -> dict[str, tf.Variable]:
    models = model if isinstance(model, Mapping) else {"": model}
    return {f"{prefix}{weight.path}": weight.value for prefix, part in models.items() for weight in part.weights}


def _facts(weights: Mapping[str, tf.Variable], tokenizer: Tokenizer) -> dict[str, Any]:
    return {
        "version": ulmfit_tfx.__version__,
        "tokenizer": tokenizer.describe(),
        "cleaning": tokenizer.cleaning.model_dump(mode="json"),
        "weights": list(weights),
    }


@dataclasses.dataclass(frozen=True)
class ExportedModel:
    """What another training or an import takes from an exported model.

    Attributes:
        encoder: Its encoder.
        cleaning: What it does to texts before it tokenizes them.
        tokenizer_sha256: Of its SentencePiece model.
        add_bos: Whether its texts begin with `<s>`.
        add_eos: Whether they end with `</s>`.
        weights: By name. Where there is a backward model beside a forward one, its names begin with `BACKWARD`.
        directions: In which its encoders read.
    """

    encoder: EncoderConfig
    cleaning: CleaningConfig
    tokenizer_sha256: str
    add_bos: bool
    add_eos: bool
    weights: dict[str, np.ndarray]
    directions: tuple[Direction, ...] = ("forward",)


def read_exported(folder: str) -> ExportedModel:
    """Reads a SavedModel's information file and weights. Its graph is not loaded.

    Raises:
        DataError: It is not one that `save` wrote, or it is damaged.
    """
    content = read_content(folder)
    if content is None:
        raise DataError(f"{folder}: has no {MODEL_INFO_FILE}, so ulmfit-tfx did not write it.")
    info = ModelInfo.of(content, folder)
    try:
        weights = _read_variables(f"{folder}/variables/variables", info.weights)
    except (tf.errors.OpError, ValueError, RuntimeError, KeyError) as error:
        raise DataError(f"{folder}: its weights cannot be read: {str(error).splitlines()[0]}") from None
    return ExportedModel(
        encoder=info.encoder,
        cleaning=info.cleaning,
        tokenizer_sha256=info.tokenizer.sha256,
        add_bos=info.tokenizer.add_bos,
        add_eos=info.tokenizer.add_eos,
        weights=weights,
        directions=info.directions,
    )


def _read_variables(prefix: str, names: Sequence[str]) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(prefix)
    shapes = reader.get_variable_to_shape_map()
    in_file = sum(tf.io.gfile.stat(shard).length for shard in tf.io.gfile.glob(f"{prefix}.data-*"))
    arrays = {}
    for index, name in enumerate(names):
        key = _VARIABLE.format(index)
        # TensorFlow makes room for what the index claims before it reads.
        if math.prod(shapes[key]) > in_file:
            raise ValueError(f"{name} has {math.prod(shapes[key]):,} numbers in {in_file:,} bytes of data.")
        arrays[name] = reader.get_tensor(key)
    return arrays
