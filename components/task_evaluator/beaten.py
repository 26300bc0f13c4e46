"""Holds a model against the simple models of the same run, on the eval split."""

import dataclasses
import json
from typing import Any, Literal

from tfx.types import artifact_utils
from tfx.types import standard_component_specs as standard
from tfx.utils import path_utils

from ulmfit_tfx.components.baseline_scoring import scored_beside_baselines
from ulmfit_tfx.components.example_rows import read_rows
from ulmfit_tfx.components.reports.beaten import BeatenReport
from ulmfit_tfx.evaluation.catalogue import MAJORITY, MEAN, MODEL, MOST_FREQUENT_TAG
from ulmfit_tfx.tasks import load_predictor
from ulmfit_tfx.transforms.splitting import EVAL, TRAIN

_SIMPLEST = (MAJORITY, MEAN, MOST_FREQUENT_TAG)


@dataclasses.dataclass(frozen=True)
class Beat:
    """What a model has to be as good as.

    Attributes:
        systems: `baseline`: the strongest simple model of the task; `majority`: the simplest, the most frequent class,
            the mean of the numbers or the most frequent tag of each word.
        seed: Of the linear models and of the bootstrap.
        samples: Of the bootstrap.
    """

    systems: Literal["baseline", "majority"]
    seed: int
    samples: int

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Beat":
        """Reads what `to_json` wrote."""
        return cls(**json.loads(text))


def beaten(inputs: dict[str, Any], beat: Beat) -> BeatenReport:
    """Scores the model and the simple ones.

    Args:
        inputs: Of TaskEvaluator.
        beat: What is demanded.
    """
    examples = artifact_utils.get_single_instance(inputs[standard.EXAMPLES_KEY])
    model = path_utils.serving_model_path(artifact_utils.get_single_uri(inputs[standard.MODEL_KEY]))
    train, rows = list(read_rows(examples, TRAIN)), list(read_rows(examples, EVAL))
    baselines = _SIMPLEST if beat.systems == "majority" else None
    scores = scored_beside_baselines({MODEL: load_predictor(model)}, train, rows, beat.samples, beat.seed, baselines)
    return BeatenReport(scores)
