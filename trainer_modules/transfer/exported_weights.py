"""Gives a model the weights of an exported one, which has to have the same tokenizer."""

from collections.abc import Sequence

import keras

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.serving.saved_model import ExportedModel
from ulmfit_tfx.transforms.tokenization import Tokenizer


def assign_exported(
    model: keras.Model, exported: ExportedModel, where: str, prefix: str = "", optional: Sequence[str] = ()
) -> None:
    """Assigns each weight of a model the exported one of the same name.

    Args:
        model: With fresh weights.
        exported: As `read_exported` gives it.
        where: The exported model's folder, for errors.
        prefix: What the exported names begin with, beside the model's.
        optional: Beginnings of names of weights that stay as they are where the exported model has none.

    Raises:
        DataError: A weight is missing or of another shape.
    """
    for weight in model.weights:
        value = exported.weights.get(prefix + weight.path)
        if value is None and weight.path.startswith(tuple(optional)):
            continue
        if value is None or value.shape != tuple(weight.shape):
            found = "no such weight" if value is None else f"one of shape {list(value.shape)}"
            raise DataError(f"{where}: {prefix}{weight.path}: expected shape {list(weight.shape)}, found {found}.")
        weight.assign(value)


def check_tokenizer(exported: ExportedModel, where: str, tokenizer: Tokenizer) -> None:
    """Demands that a model was trained with a tokenizer.

    Raises:
        DataError: It was trained with another one.
    """
    if exported.tokenizer_sha256 != tokenizer.describe()["sha256"]:
        raise DataError(f"{where}: was trained with another tokenizer than the one of this pipeline.")
