"""TFX Trainer's `run_fn` for document classification.

TFX reloads this module, so it defines no Keras layers and registers nothing.
"""

import dataclasses
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft
from rich.console import Console

from ulmfit_tfx.schemas.config import Direction, EncoderConfig, ExportConfig, HeadConfig, TrainingConfig
from ulmfit_tfx.schemas.feature_names import LABEL_VOCABULARY
from ulmfit_tfx.trainer_modules.data.task_batches import TaskBatches, task_batches
from ulmfit_tfx.trainer_modules.export.saved_model import BACKWARD, ModelInfo, save
from ulmfit_tfx.trainer_modules.export.signatures import classifier_signatures, encoder_signatures
from ulmfit_tfx.trainer_modules.models.averaged_classifier import averaged_classifier
from ulmfit_tfx.trainer_modules.models.base_model import base_directions, encoder_from
from ulmfit_tfx.trainer_modules.models.classifier import build_classifier
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.optimization.distribution import strategy_for
from ulmfit_tfx.trainer_modules.optimization.layer_groups import LayerGroup, layer_groups, rate_factor, rate_factors
from ulmfit_tfx.trainer_modules.optimization.mixed_precision import mixed_precision
from ulmfit_tfx.trainer_modules.optimization.optimizers import optimizer_for
from ulmfit_tfx.trainer_modules.optimization.progress import Progress
from ulmfit_tfx.trainer_modules.optimization.resumable import CheckpointFolder, TrainingState, fit_resumably
from ulmfit_tfx.trainer_modules.optimization.tensorboard import TrainingLog
from ulmfit_tfx.trainer_modules.run_identity import checkpoint_folder, matching_files
from ulmfit_tfx.transforms.tokenization import Tokenizer
from ulmfit_tfx.transforms.tokenizer_files import read_tokenizer

log = logging.getLogger(__name__)

HISTORY = "history.json"
"""File in the model run folder: metrics of each epoch, of each direction where there are two, and of their average."""


@dataclasses.dataclass(frozen=True)
class _Task:
    """What is trained on, and how."""

    encoder: EncoderConfig
    head: HeadConfig
    training: TrainingConfig
    directions: tuple[Direction, ...]
    seed: int
    base_model: str | None
    tokenizer: Tokenizer
    labels: list[str]
    train: TaskBatches
    evaluation: TaskBatches


@dataclasses.dataclass(frozen=True)
class _Classifier:
    """A classifier, its encoder and what that is like."""

    model: keras.Model
    encoder: keras.Model
    encoder_config: EncoderConfig


def run_fn(fn_args: Any) -> None:
    """Trains a classifier from transformed examples and exports it.

    Where the base model has a forward and a backward encoder, a classifier is trained on each, one after the other, and
    the average of their predictions is exported.

    Args:
        fn_args: TFX's `FnArgs`. `custom_config` holds the configuration's sections `encoder`, `head`, `training` and
            `export`, `seed`, and `checkpoints`, the folder below which a killed run finds its checkpoints; `directions`
            where without a base model texts are to be read in others than the encoder's.

    Raises:
        UserError: See `fit_resumably`.
        DataError: See `encoder_from`.
    """
    task, folder = _read_task(fn_args), checkpoint_folder(fn_args)
    console = Console(soft_wrap=True, highlight=False)
    directions = task.directions
    trained: dict[Direction, _Classifier] = {}
    history: dict[str, Any] = {}
    for direction in directions:
        below = direction if len(directions) > 1 else ""
        if below:
            console.print(f"      classifier that reads {direction}")
        trained[direction], state = _trained(
            task, direction, folder / below, f"{fn_args.model_run_dir}/{below}", console
        )
        history[direction] = {"best_epoch": state.best_epoch + 1, "epochs": state.history}
    model = trained[directions[0]].model
    if len(directions) > 1:
        model = averaged_classifier([classifier.model for classifier in trained.values()])
        history["average"] = _evaluated(model, task, console)
    _write_history(fn_args.model_run_dir, history if len(directions) > 1 else history[directions[0]])
    fixed_seq_len = ExportConfig.model_validate(fn_args.custom_config["export"]).fixed_seq_len
    _export(fn_args.serving_model_dir, model, trained, task, fixed_seq_len)
    CheckpointFolder(folder).remove()  # from here on TFX's cache holds the result


def _read_task(fn_args: Any) -> _Task:
    custom = fn_args.custom_config
    training = TrainingConfig.model_validate(custom["training"])
    tokenizer = read_tokenizer(fn_args.transform_graph_path)
    vocabulary = tft.TFTransformOutput(fn_args.transform_graph_path).vocabulary_by_name(LABEL_VOCABULARY)
    train, evaluation = (
        task_batches(matching_files(patterns), training.batch_size, tokenizer.special_ids.pad, training.max_seq_len)
        for patterns in (fn_args.train_files, fn_args.eval_files)
    )
    return _Task(
        encoder=EncoderConfig.model_validate(custom["encoder"]),
        head=HeadConfig.model_validate(custom["head"]),
        training=training,
        directions=_directions(fn_args),
        seed=custom["seed"],
        base_model=fn_args.base_model,
        tokenizer=tokenizer,
        labels=[label.decode() for label in vocabulary],
        train=train,
        evaluation=evaluation,
    )


def _directions(fn_args: Any) -> tuple[Direction, ...]:
    """In which texts are read, each by a classifier of its own: as by the base model, or as configured."""
    if fn_args.base_model:
        return base_directions(fn_args.base_model)
    custom = fn_args.custom_config
    return tuple(custom.get("directions") or [custom["encoder"]["direction"]])


def _trained(
    task: _Task, direction: Direction, checkpoints: Path, log_folder: str, console: Console
) -> tuple[_Classifier, TrainingState]:
    """A trained classifier that computes in float32 on one device, whatever it was trained with."""
    strategy = strategy_for(task.training.batch_size)
    with mixed_precision(task.training.mixed_precision), strategy.scope():
        fitted = _built(task, direction)
        groups = layer_groups(fitted.model)
        factors = rate_factors(groups, rate_factor(task.training, task.base_model is not None))
        _compile(fitted.model, optimizer_for(task.training, task.train.steps * task.training.epochs, factors))
        fitted.model.optimizer.build(fitted.model.trainable_variables)  # here, in the strategy's scope
    state = _fitted(fitted.model, groups, task, checkpoints, log_folder, console)
    exported = _built(task, direction)
    for exported_weight, weight in zip(exported.model.weights, fitted.model.weights, strict=True):
        exported_weight.assign(weight)
    return exported, state


def _built(task: _Task, direction: Direction) -> _Classifier:
    """A fresh classifier, which does not depend on what was built or trained before it."""
    keras.utils.set_random_seed(task.seed)
    tokenizer, config = task.tokenizer, task.encoder
    if task.base_model:
        encoder, config = encoder_from(task.base_model, config, tokenizer, task.seed, direction)
    else:
        config = config.model_copy(update={"direction": direction})
        encoder = build_encoder(config, tokenizer.vocab_size, tokenizer.special_ids.pad, task.seed)
    model = build_classifier(
        encoder,
        task.head,
        len(task.labels),
        task.seed,
        reads_backward=direction == "backward",
        chunk_pieces=task.training.chunk_pieces,
        gradient_pieces=task.training.gradient_pieces,
        name=f"{direction}_classifier",
    )
    log.info("%s: %d parameters, %d batches an epoch", model.name, model.count_params(), task.train.steps)
    return _Classifier(model, encoder, config)


def _fitted(
    model: keras.Model,
    groups: list[LayerGroup],
    task: _Task,
    checkpoints: Path,
    log_folder: str,
    console: Console,
) -> TrainingState:
    """Trains the model, and leaves the best weights in it."""
    training, train = task.training, task.train
    with Progress(training.epochs, train.steps, train.tokens, "accuracy", console) as progress:
        return fit_resumably(
            model,
            folder=CheckpointFolder(checkpoints),
            train_epoch=lambda epoch, done: train.epoch(epoch, task.seed, training.shuffle_buffer, skip=done),
            eval_batches=task.evaluation.in_order(),
            steps=train.steps,
            epochs=training.epochs,
            patience=training.early_stopping_patience,
            checkpoint_seconds=training.checkpoint_seconds,
            progress=progress,
            best_by=training.best_by,
            unfreeze=groups if training.gradual_unfreezing else (),
            training_log=TrainingLog(log_folder),
        )


def _compile(model: keras.Model, optimizer: keras.optimizers.Optimizer | None = None) -> None:
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,  # XLA would compile anew for every length of a batch
    )


def _evaluated(average: keras.Model, task: _Task, console: Console) -> dict[str, float]:
    """Metrics of the average on the eval split."""
    _compile(average)
    evaluated = average.evaluate(task.evaluation.in_order(), verbose=0, return_dict=True)
    metrics = {f"eval_{name}": float(value) for name, value in evaluated.items()}
    shown = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
    console.print(f"      average of both: {shown}")
    return metrics


def _write_history(folder: str, history: Mapping[str, Any]) -> None:
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(f"{folder}/{HISTORY}", "w") as file:
        file.write(json.dumps(history, indent=2))


def _export(
    folder: str,
    model: keras.Model,
    trained: Mapping[Direction, _Classifier],
    task: _Task,
    fixed_seq_len: int | None,
) -> None:
    """Writes the SavedModel. The encoder signatures are of the first direction."""
    first = next(iter(trained.values()))
    signatures = encoder_signatures(first.encoder, task.tokenizer, fixed_seq_len, task.training.max_seq_len)
    signatures |= classifier_signatures(model, task.tokenizer, task.labels, task.training.max_seq_len)
    info = ModelInfo(
        task="classification",
        labels=task.labels,
        encoder=first.encoder_config.model_dump(mode="json"),
        max_seq_len=task.training.max_seq_len,
        fixed_seq_len=fixed_seq_len,
        directions=tuple(trained),
    )
    parts = {"" if part is first else BACKWARD: part.model for part in trained.values()}
    save(folder, parts, task.tokenizer, signatures, info)
