"""TFX Trainer's `run_fn` for document classification.

TFX reloads this module, so it defines no Keras layers and registers nothing.
"""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft

from ulmfit_tfx.schemas.config import EncoderConfig, ExportConfig, HeadConfig, TrainingConfig
from ulmfit_tfx.schemas.feature_names import LABEL_VOCABULARY
from ulmfit_tfx.trainer_modules.data.task_batches import task_batches
from ulmfit_tfx.trainer_modules.export.saved_model import ModelInfo, save
from ulmfit_tfx.trainer_modules.export.signatures import classifier_signatures, encoder_signatures
from ulmfit_tfx.trainer_modules.models.base_model import encoder_from
from ulmfit_tfx.trainer_modules.models.classifier import build_classifier
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.optimization.optimizers import optimizer_for
from ulmfit_tfx.trainer_modules.optimization.progress import Progress
from ulmfit_tfx.trainer_modules.optimization.resumable import CheckpointFolder, fit_resumably
from ulmfit_tfx.transforms.tokenization import Tokenizer
from ulmfit_tfx.transforms.tokenizer_files import read_tokenizer

log = logging.getLogger(__name__)

HISTORY = "history.json"
"""File in the model run folder: metrics of each epoch."""


def run_fn(fn_args: Any) -> None:
    """Trains a classifier from transformed examples and exports it.

    Args:
        fn_args: TFX's `FnArgs`. `custom_config` holds the configuration's sections `encoder`, `head`, `training` and
            `export`, `seed`, and `checkpoints`, the folder below which a killed run finds its checkpoints.

    Raises:
        UserError: See `fit_resumably`.
    """
    custom = fn_args.custom_config
    training = TrainingConfig.model_validate(custom["training"])
    encoder_config = EncoderConfig.model_validate(custom["encoder"])
    seed = custom["seed"]
    keras.utils.set_random_seed(seed)

    tokenizer = read_tokenizer(fn_args.transform_output)
    vocabulary = tft.TFTransformOutput(fn_args.transform_output).vocabulary_by_name(LABEL_VOCABULARY)
    labels = [label.decode() for label in vocabulary]
    train, evaluation = (
        task_batches(_matching(patterns), training.batch_size, tokenizer.special_ids.pad, training.max_seq_len)
        for patterns in (fn_args.train_files, fn_args.eval_files)
    )

    if fn_args.base_model:
        encoder, encoder_config = encoder_from(fn_args.base_model, encoder_config, tokenizer, seed)
    else:
        encoder = build_encoder(encoder_config, tokenizer.vocab_size, tokenizer.special_ids.pad, seed)
    model = build_classifier(encoder, HeadConfig.model_validate(custom["head"]), len(labels), seed)
    _compile(model, training, train.steps * training.epochs)
    log.info("%d parameters, %d batches an epoch", model.count_params(), train.steps)

    checkpoints = CheckpointFolder(_checkpoint_folder(fn_args))
    with Progress(training.epochs, train.steps, train.tokens, "accuracy") as progress:
        state = fit_resumably(
            model,
            folder=checkpoints,
            train_epoch=lambda epoch, done: train.epoch(epoch, seed, training.shuffle_buffer, skip=done),
            eval_batches=evaluation.in_order(),
            steps=train.steps,
            epochs=training.epochs,
            patience=training.early_stopping_patience,
            checkpoint_seconds=training.checkpoint_seconds,
            progress=progress,
        )
    tf.io.gfile.makedirs(fn_args.model_run_dir)
    with tf.io.gfile.GFile(f"{fn_args.model_run_dir}/{HISTORY}", "w") as file:
        file.write(json.dumps({"best_epoch": state.best_epoch + 1, "epochs": state.history}, indent=2))
    exported = custom | {"encoder": encoder_config.model_dump(mode="json")}
    _export(fn_args.serving_model_dir, model, encoder, tokenizer, labels, training, exported)
    checkpoints.remove()  # from here on TFX's cache holds the result


def _matching(patterns: list[str]) -> list[str]:
    return sorted(path for pattern in patterns for path in tf.io.gfile.glob(pattern))


def _compile(model: keras.Model, training: TrainingConfig, steps: int) -> None:
    model.compile(
        optimizer=optimizer_for(training, steps),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )


def _checkpoint_folder(fn_args: Any) -> Path:
    """Folder that a rerun of the same training finds again: `model_run_dir` changes with every execution."""
    files = [(path, tf.io.gfile.stat(path)) for path in _matching(fn_args.train_files)]
    inputs = [(path, stat.length, stat.mtime_nsec) for path, stat in files]
    identity = json.dumps([fn_args.custom_config, inputs, fn_args.transform_output, fn_args.base_model], sort_keys=True)
    return Path(fn_args.custom_config["checkpoints"]) / hashlib.sha256(identity.encode()).hexdigest()[:16]


def _export(
    folder: str,
    model: keras.Model,
    encoder: keras.Model,
    tokenizer: Tokenizer,
    labels: list[str],
    training: TrainingConfig,
    custom: dict[str, Any],
) -> None:
    fixed_seq_len = ExportConfig.model_validate(custom["export"]).fixed_seq_len
    signatures = encoder_signatures(encoder, tokenizer, fixed_seq_len, training.max_seq_len)
    signatures |= classifier_signatures(model, tokenizer, labels, training.max_seq_len)
    info = ModelInfo(
        task="classification",
        labels=labels,
        encoder=custom["encoder"],
        max_seq_len=training.max_seq_len,
        fixed_seq_len=fixed_seq_len,
    )
    save(folder, model, tokenizer, signatures, info)
