"""What HeldOutScorer does."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tfx import types
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from ulmfit_tfx.components.example_texts import labelled_texts
from ulmfit_tfx.components.held_out_scorer.scores import (
    REPORT_FILE,
    Accuracy,
    HeldOutReport,
    majority_baseline,
    tfidf_baseline,
)
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.trainer_modules.export.loaded_model import Classifier
from ulmfit_tfx.transforms.splitting import TEST, TRAIN


class Executor(BaseExecutor):
    """Scores the model and the baselines."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Scores."""
        examples = artifact_utils.get_single_instance(input_dict[specs.EXAMPLES])
        from_scratch = input_dict.get(specs.MODEL_FROM_SCRATCH)
        texts, labels = labelled_texts(examples, TEST)
        train_texts, train_labels = labelled_texts(examples, TRAIN)
        predicted = _predict(input_dict[specs.MODEL], texts)
        linear = tfidf_baseline(train_texts, train_labels, texts, exec_properties[specs.SEED])
        report = HeldOutReport(
            rows=len(texts),
            model=Accuracy.of(predicted, labels),
            majority=Accuracy.of(majority_baseline(train_labels, len(texts)), labels),
            tfidf=None if linear is None else Accuracy.of(linear, labels),
            from_scratch=Accuracy.of(_predict(from_scratch, texts), labels) if from_scratch else None,
        )
        folder = artifact_utils.get_single_uri(output_dict[specs.REPORT])
        with tf.io.gfile.GFile(f"{folder}/{REPORT_FILE}", "w") as file:
            file.write(report.to_json())


def _predict(model: list[types.Artifact], texts: Sequence[str]) -> list[str]:
    """Labels of texts in their order; texts of like length go together, so that little is padded."""
    saved_model = path_utils.serving_model_path(artifact_utils.get_single_uri(model))
    by_length = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    predictions = Classifier(saved_model).predict([texts[index] for index in by_length])
    labels = dict(zip(by_length, (prediction.label for prediction in predictions), strict=True))
    return [labels[index] for index in range(len(texts))]
