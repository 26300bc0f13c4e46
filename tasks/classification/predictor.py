"""Asks an exported classifier. Importing this loads no TensorFlow."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ulmfit_tfx.tasks.classification.model_info import ClassificationInfo
from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.trainer_modules.serving.loaded_model import Columns, Outputs, Predictor, by_name, numbers


@dataclasses.dataclass(frozen=True)
class Prediction:
    """A classifier's answer to one text.

    Attributes:
        text: The text.
        label: The most probable class; with several labels a text, those given, joined by the separator.
        probabilities: Probability of each class.
        labels: The labels given, the most probable first: `(label,)` of a classifier with one label a text.
    """

    text: str
    label: str
    probabilities: dict[str, float]
    labels: tuple[str, ...]


class Classifier(Predictor[ClassificationInfo, Prediction]):
    """A loaded classifier: labels texts."""

    noun = "classifier"
    output = names.PROBABILITIES

    @staticmethod
    def columns(answers: Sequence[Prediction], info: ClassificationInfo) -> Columns:
        """`label`, `probability`, that of the label, and `probability_CLASS` of each class.

        Where a text may have several labels, `labels`, a tuple, is in the place of the first two.
        """
        given: Columns
        if info.details.label_separator is None:
            probable = numbers(answer.probabilities[answer.label] for answer in answers)
            given = {"label": [answer.label for answer in answers], "probability": probable}
        else:
            given = {"labels": [answer.labels for answer in answers]}
        each = {
            f"probability_{name}": numbers(answer.probabilities[name] for answer in answers) for name in info.labels
        }
        return given | each

    @staticmethod
    def read(texts: Sequence[str], outputs: Outputs, info: ClassificationInfo) -> list[Prediction]:
        """See `Predictor.read`."""
        separator = info.details.label_separator
        predictions = []
        for row, (text, encoded) in enumerate(zip(texts, outputs[names.LABEL].reshape(-1), strict=True)):
            label = encoded.decode()
            several = label.split(separator) if separator and label else []
            probabilities = by_name(outputs[names.ALL_CLASSES][row], outputs[names.PROBABILITIES][row])
            given = (label,) if separator is None else tuple(several)
            predictions.append(Prediction(text, label, probabilities, given))
        return predictions

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Prediction:
        """See `Predictor.from_json`."""
        return Prediction(**{**values, "labels": tuple(values["labels"])})
