"""TFX Trainer's `run_fn` for document classification.

TFX reloads this module, so it defines no Keras layers and registers nothing.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from ulmfit_tfx.schemas.config.teacher_shares import DISTILLATION, TeacherShares
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.tasks.classification.model import build_classifier
from ulmfit_tfx.tasks.classification.model_info import ClassificationDetails
from ulmfit_tfx.tasks.classification.rows import (
    count_labels,
    labelled_rows,
    multi_label_rows,
    summed,
    taught_rows,
)
from ulmfit_tfx.tasks.classification.section import ClassificationConfig
from ulmfit_tfx.tasks.classification.signatures import classifier_signatures
from ulmfit_tfx.trainer_modules.branches.objectives import ConvexObjective, Distribution, OneLabel, SeveralLabels
from ulmfit_tfx.trainer_modules.data.task_rows import TaskRows, has_weights
from ulmfit_tfx.trainer_modules.models.averaged_model import mean_of_sigmoid, mean_of_softmax
from ulmfit_tfx.trainer_modules.objectives.calibration import sigmoid_temperature, softmax_temperature
from ulmfit_tfx.trainer_modules.objectives.distillation import DistillationCrossEntropy, agreement
from ulmfit_tfx.trainer_modules.objectives.sequence_losses import MicroF1
from ulmfit_tfx.trainer_modules.objectives.smoothed_cross_entropy import SmoothedCrossEntropy
from ulmfit_tfx.trainer_modules.optimization.blended_training import answers_of, train_blended
from ulmfit_tfx.trainer_modules.optimization.document_training import DocumentObjective, export_documents
from ulmfit_tfx.trainer_modules.optimization.task_training import TaskInputs, read_inputs


def run_fn(fn_args: Any) -> None:
    """Trains a classifier from transformed examples and exports it.

    Where the base model has a forward and a backward encoder, a classifier is trained on each, one after the other, and
    the average of their predictions is exported.

    Args:
        fn_args: TFX's `FnArgs`. `custom_config` is as `read_inputs` says, and holds the section `classification` and
            `label_separator`, what stands between the labels of a row that may have several, or None; where there is a
            teacher, the section `distillation` without `data`.

    Raises:
        UserError: See `fit_resumably`.
        DataError: See `read_inputs` and `trained`; or `class_weights` does not fit the classes.
    """
    inputs = read_inputs(fn_args, __name__)
    config = ClassificationConfig.model_validate(fn_args.custom_config["classification"])
    separator = fn_args.custom_config["label_separator"]
    labels = inputs.labels()
    convex: ConvexObjective
    weighted = has_weights(inputs.train_files)
    shares = _shares(fn_args.custom_config)
    fitted_rows: Callable[[Sequence[str]], TaskRows] | None = None
    if shares is not None:
        weights = _class_weights(config, labels, inputs.train_files)
        rows = functools.partial(
            taught_rows,
            classes=labels,
            shares=shares,
            label_smoothing=config.label_smoothing,
            class_weights=weights,
            weighted=weighted,
        )
        # What a linear model is fitted to is one distribution, that of label and teacher together, which is exact at 1.
        at_one = functools.partial(rows, shares=shares.model_copy(update={"temperature": 1.0}), label_smoothing=0.0)
        fitted_rows = functools.partial(_summed_rows, at_one)
        objective, convex = _distilled(shares.temperature, inputs, len(labels)), Distribution(len(labels))
    elif separator is None:
        weights = _class_weights(config, labels, inputs.train_files)
        rows = functools.partial(labelled_rows, class_weights=weights, weighted=weighted)
        objective, convex = _one_label(config, inputs, len(labels)), OneLabel(len(labels))
    else:
        rows = functools.partial(multi_label_rows, classes=len(labels), weighted=weighted)
        objective, convex = _several_labels(config, inputs, len(labels)), SeveralLabels(len(labels))
    train, evaluation = inputs.batches(rows)
    fitted_to = (fitted_rows or rows)(inputs.train_files)
    blended = train_blended(inputs, objective, convex, fitted_to, train, evaluation)
    temperature = 1.0
    if inputs.training.calibrate:
        fitted = softmax_temperature if separator is None else sigmoid_temperature
        logits, targets = answers_of(blended, evaluation.rows)
        temperature = fitted(logits, targets if shares is None else targets.sum(axis=1).argmax(axis=1))
    signatures = classifier_signatures(
        blended.outputs,
        inputs.tokenizer,
        labels,
        temperature,
        None if separator is None else (separator, config.given_from),
    )
    details = ClassificationDetails(label_separator=separator, threshold=config.given_from, temperature=temperature)
    export_documents(
        inputs, blended.documents, "classification", signatures, labels, details, blended.tables, blended.branches
    )


def _one_label(config: ClassificationConfig, inputs: TaskInputs, classes: int) -> DocumentObjective:
    return DocumentObjective(
        noun="classifier",
        build=functools.partial(build_classifier, config=inputs.head, classes=classes, seed=inputs.seed),
        loss=lambda: SmoothedCrossEntropy(config.label_smoothing, classes),
        metric=lambda: keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
        metric_name="accuracy",
        combine=mean_of_softmax,
    )


def _distilled(temperature: float, inputs: TaskInputs, classes: int) -> DocumentObjective:
    return DocumentObjective(
        noun="classifier",
        build=functools.partial(build_classifier, config=inputs.head, classes=classes, seed=inputs.seed),
        loss=lambda: DistillationCrossEntropy(temperature),
        metric=lambda: keras.metrics.MeanMetricWrapper(agreement, name="accuracy"),
        metric_name="accuracy",
        combine=mean_of_softmax,
    )


def _shares(told: Mapping[str, Any]) -> TeacherShares | None:
    """How much a teacher counts, where there is one."""
    return TeacherShares.model_validate(told[DISTILLATION]) if DISTILLATION in told else None


def _summed_rows(rows: Callable[[Sequence[str]], TaskRows], files: Sequence[str]) -> TaskRows:
    return summed(rows(files))


def _several_labels(config: ClassificationConfig, inputs: TaskInputs, classes: int) -> DocumentObjective:
    return DocumentObjective(
        noun="classifier",
        build=functools.partial(build_classifier, config=inputs.head, classes=classes, seed=inputs.seed),
        loss=lambda: keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=config.label_smoothing),
        metric=lambda: MicroF1(config.given_from, name="micro_f1"),
        metric_name="micro_f1",
        combine=mean_of_sigmoid,
    )


def _class_weights(config: ClassificationConfig, labels: Sequence[str], files: Sequence[str]) -> list[float] | None:
    if config.class_weights is None:
        return None
    if config.class_weights == "balanced":
        counts = count_labels(files, len(labels))
        return (counts.sum() / (len(labels) * np.maximum(counts, 1))).tolist()
    given = dict(config.class_weights)
    if wrong := sorted(set(given) ^ set(labels)):
        what = "names no class" if wrong[0] in given else "lacks a class"
        raise DataError(
            f"classification.class_weights {what}: '{wrong[0]}'. Classes of the train split: {', '.join(labels)}."
        )
    return [given[label] for label in labels]
