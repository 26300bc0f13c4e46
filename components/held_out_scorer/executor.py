"""What HeldOutScorer does."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops that the model's tokenizer needs
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
from ulmfit_tfx.schemas import signatures
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.splitting import TEST, TRAIN

_BATCH = 32


class Executor(BaseExecutor):
    """Scores the model and the baselines."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Scores.

        Raises:
            DataError: The test split is empty.
        """
        examples = artifact_utils.get_single_instance(input_dict[specs.EXAMPLES])
        model = artifact_utils.get_single_instance(input_dict[specs.MODEL])
        texts, labels = labelled_texts(examples, TEST)
        if not texts:
            raise DataError("the test split is empty. Give more rows, or set data.splits.test to 0 to go without.")
        train_texts, train_labels = labelled_texts(examples, TRAIN)
        predicted = predict(path_utils.serving_model_path(model.uri), texts)
        linear = tfidf_baseline(train_texts, train_labels, texts, exec_properties[specs.SEED])
        report = HeldOutReport(
            rows=len(texts),
            model=Accuracy.of(predicted, labels),
            majority=Accuracy.of(majority_baseline(train_labels, len(texts)), labels),
            tfidf=Accuracy.of(linear, labels),
        )
        folder = artifact_utils.get_single_uri(output_dict[specs.REPORT])
        with tf.io.gfile.GFile(f"{folder}/{REPORT_FILE}", "w") as file:
            file.write(report.to_json())


def predict(saved_model: str, texts: Sequence[str]) -> list[str]:
    """Labels that a saved classifier gives to texts, in their order."""
    serve = tf.saved_model.load(saved_model).signatures[signatures.SERVING_DEFAULT]
    by_length = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    labels = [""] * len(texts)
    for start in range(0, len(texts), _BATCH):
        batch = by_length[start : start + _BATCH]
        served = serve(**{signatures.STRING_INPUTS: tf.constant([texts[index] for index in batch])})
        for index, label in zip(batch, served[signatures.LABEL].numpy(), strict=True):
            labels[index] = label.decode()
    return labels
