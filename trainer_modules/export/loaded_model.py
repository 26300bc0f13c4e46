"""Reads exported models: what they are and what they predict. Needs TensorFlow, tensorflow-text and no TFX."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ulmfit_tfx.schemas import signatures
from ulmfit_tfx.schemas.errors import ConfigError

_BATCH = 32


@dataclasses.dataclass(frozen=True)
class Prediction:
    """A classifier's answer to one text.

    Attributes:
        text: The text.
        label: The most probable class.
        probabilities: Probability of each class.
    """

    text: str
    label: str
    probabilities: dict[str, float]


def find_model(path: str | Path) -> Path:
    """The SavedModel at a path, or the newest version below it.

    Raises:
        ConfigError: There is none.
    """
    path = Path(path)
    if (path / "saved_model.pb").exists():
        return path
    versions = [child for child in path.glob("*/") if child.name.isdigit() and (child / "saved_model.pb").exists()]
    if not versions:
        what = "no such folder" if not path.exists() else "neither a SavedModel nor a folder of numbered versions"
        raise ConfigError(f"{path}: {what}. A run says at its end where its model is.")
    return max(versions, key=lambda version: int(version.name))


def read_info(model: str | Path) -> dict[str, Any]:
    """What the model says of itself; empty for a model of other origin."""
    import tensorflow as tf

    path = f"{model}/{signatures.MODEL_INFO_FILE}"
    if not tf.io.gfile.exists(path):
        return {}
    with tf.io.gfile.GFile(path) as file:
        return json.loads(file.read())


class Classifier:
    """A loaded classifier."""

    def __init__(self, model: str | Path):
        """Loads a SavedModel, local or remote.

        Raises:
            ConfigError: It is no classifier.
        """
        self.signatures = load(model)
        served = self.signatures.get(signatures.SERVING_DEFAULT)
        if served is None or signatures.PROBABILITIES not in served.structured_outputs:
            raise ConfigError(
                f"{model}: has no signature 'serving_default' with probabilities, so it is no classifier."
            )
        self._serve = served

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Labels texts, in their order."""
        import tensorflow as tf

        predictions = []
        for start in range(0, len(texts), _BATCH):
            batch = list(texts[start : start + _BATCH])
            outputs = self._serve(**{signatures.STRING_INPUTS: tf.constant(batch)})
            labels, classes, probabilities = (
                outputs[name].numpy() for name in (signatures.LABEL, signatures.ALL_CLASSES, signatures.PROBABILITIES)
            )
            for text, label, names, values in zip(batch, labels, classes, probabilities, strict=True):
                by_class = {name.decode(): float(value) for name, value in zip(names, values, strict=True)}
                predictions.append(Prediction(text, label.decode(), by_class))
        return predictions


def load(model: str | Path) -> dict[str, Any]:
    """Signatures of a SavedModel, by name.

    Raises:
        ConfigError: It does not load.
    """
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  registers the tokenizer's ops

    try:
        loaded = tf.saved_model.load(str(model))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise ConfigError(f"{model}: the SavedModel does not load: {str(error).splitlines()[0]}") from None
    signatures_by_name = dict(loaded.signatures)
    for function in signatures_by_name.values():
        function.loaded_from = loaded  # a signature does not keep the variables it uses alive
    return signatures_by_name
