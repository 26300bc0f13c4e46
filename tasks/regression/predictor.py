"""Asks an exported regressor. Importing this loads no TensorFlow."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ulmfit_tfx.tasks.regression.model_info import RegressionInfo
from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.trainer_modules.serving.loaded_model import Columns, Outputs, Predictor, by_name, numbers


@dataclasses.dataclass(frozen=True)
class ScorePrediction:
    """A regressor's answer to one text.

    Attributes:
        text: The text.
        scores: The number predicted for each target.
    """

    text: str
    scores: dict[str, float]


class Regressor(Predictor[RegressionInfo, ScorePrediction]):
    """A loaded regressor: gives texts numbers."""

    noun = "regressor"
    output = names.ALL_TARGETS

    @staticmethod
    def columns(answers: Sequence[ScorePrediction], info: RegressionInfo) -> Columns:
        """One a target, by its name."""
        return {name: numbers(answer.scores[name] for answer in answers) for name in info.details.targets}

    @staticmethod
    def read(texts: Sequence[str], outputs: Outputs, info: RegressionInfo) -> list[ScorePrediction]:
        """See `Predictor.read`."""
        return [
            ScorePrediction(text, by_name(targets, scores))
            for text, targets, scores in zip(texts, outputs[names.ALL_TARGETS], outputs[names.SCORES], strict=True)
        ]

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> ScorePrediction:
        """See `Predictor.from_json`."""
        return ScorePrediction(**values)
