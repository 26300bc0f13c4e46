"""TFX Trainer's `run_fn` for text regression.

TFX reloads this module, so it defines no Keras layers and registers nothing.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.tasks.regression.model import build_regressor
from ulmfit_tfx.tasks.regression.model_info import RegressionDetails
from ulmfit_tfx.tasks.regression.rows import read_targets, target_rows
from ulmfit_tfx.tasks.regression.section import RegressionConfig
from ulmfit_tfx.tasks.regression.signatures import regressor_signatures
from ulmfit_tfx.tasks.regression.target_balance import TargetBalance
from ulmfit_tfx.trainer_modules.branches.objectives import Numbers
from ulmfit_tfx.trainer_modules.data.task_rows import has_weights
from ulmfit_tfx.trainer_modules.models.averaged_model import mean
from ulmfit_tfx.trainer_modules.optimization.blended_training import train_blended
from ulmfit_tfx.trainer_modules.optimization.document_training import DocumentObjective, export_documents
from ulmfit_tfx.trainer_modules.optimization.task_training import TaskInputs, read_inputs


@dataclasses.dataclass(frozen=True)
class _Scaling:
    """Learned number = (number - mean) / scale, of each target."""

    mean: list[float]
    scale: list[float]


def run_fn(fn_args: Any) -> None:
    """Trains a regressor from transformed examples and exports it.

    Where the base model has a forward and a backward encoder, a regressor is trained on each, one after the other, and
    the mean of their predictions is exported.

    Args:
        fn_args: TFX's `FnArgs`. `custom_config` is as `read_inputs` says, and holds the section `regression` and
            `targets`, the names of the numbers.

    Raises:
        UserError: See `fit_resumably`.
        DataError: See `read_inputs` and `trained`; or a target is the same in all rows, or outside of `bounds`.
    """
    inputs = read_inputs(fn_args, __name__)
    config = RegressionConfig.model_validate(fn_args.custom_config["regression"])
    targets = tuple(fn_args.custom_config["targets"])
    numbers = read_targets(inputs.train_files, len(targets))
    _check(numbers, targets, config)
    scaling = _scaling(numbers, config)
    weighted = has_weights(inputs.train_files)
    balance = TargetBalance.of(numbers[:, 0], config.balance_bins, config.balance_limit)
    balanced: dict[str, Any] = {}
    if config.balance == "weights":
        balanced = {"weight_of": balance.weight_of}
    elif config.balance == "oversample":
        balanced = {"copies_of": functools.partial(balance.copies_of, seed=inputs.seed)}
    plain = functools.partial(target_rows, mean=scaling.mean, scale=scaling.scale, weighted=weighted)
    train, evaluation = inputs.batches(functools.partial(plain, **balanced), plain)
    objective, convex = _objective(config, inputs, scaling), Numbers(len(targets))
    blended = train_blended(inputs, objective, convex, plain(inputs.train_files), train, evaluation)
    signatures = regressor_signatures(blended.outputs, inputs.tokenizer, targets, scaling.mean, scaling.scale)
    details = RegressionDetails(targets=targets, bounds=config.bounds, mean=scaling.mean, scale=scaling.scale)
    export_documents(inputs, blended.documents, "regression", signatures, [], details, blended.tables, blended.branches)


def _check(numbers: np.ndarray, targets: Sequence[str], config: RegressionConfig) -> None:
    for name, column in zip(targets, numbers.T, strict=True):
        if column.min() == column.max():
            raise DataError(
                f"target '{name}' is {column[0]:g} in all rows of the train split: there is nothing to learn."
            )
        if config.bounds is not None and not config.bounds[0] <= column.min() <= column.max() <= config.bounds[1]:
            raise DataError(
                f"target '{name}' goes from {column.min():g} to {column.max():g} in the train split, and "
                f"regression.bounds is {list(config.bounds)}."
            )


def _scaling(numbers: np.ndarray, config: RegressionConfig) -> _Scaling:
    if config.normalize == "off":
        return _Scaling([0.0] * numbers.shape[1], [1.0] * numbers.shape[1])
    if config.normalize == "range":
        return _Scaling(numbers.min(axis=0).tolist(), (numbers.max(axis=0) - numbers.min(axis=0)).tolist())
    return _Scaling(numbers.mean(axis=0).tolist(), numbers.std(axis=0).tolist())


def _objective(config: RegressionConfig, inputs: TaskInputs, scaling: _Scaling) -> DocumentObjective:
    bounds = None
    if config.bounds is not None:
        low, high = (
            [(bound - middle) / scale for middle, scale in zip(scaling.mean, scaling.scale, strict=True)]
            for bound in config.bounds
        )
        bounds = low, high
    losses = {
        "mse": keras.losses.MeanSquaredError,
        "mae": keras.losses.MeanAbsoluteError,
        "huber": functools.partial(keras.losses.Huber, config.huber_delta),
    }
    return DocumentObjective(
        noun="regressor",
        build=functools.partial(
            build_regressor, config=inputs.head, targets=len(scaling.mean), seed=inputs.seed, bounds=bounds
        ),
        loss=losses[config.loss],
        metric=lambda: keras.metrics.MeanMetricWrapper(_absolute_error, name="mae", scale=scaling.scale),
        metric_name="mae",
        combine=mean,
    )


def _absolute_error(y_true: Any, y_pred: Any, scale: list[float]) -> Any:
    """Mean over the targets of each row's error in their own units, float32 [batch]."""
    return ops.mean(ops.abs(y_true - y_pred) * ops.convert_to_tensor(scale, "float32"), axis=-1)
