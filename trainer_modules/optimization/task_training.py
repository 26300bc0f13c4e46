"""What the training of every task has in common: its inputs, the training itself, what is written beside the model."""

import dataclasses
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from rich.console import Console

from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.export import ExportConfig
from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.schemas.config.training import TrainingConfig
from ulmfit_tfx.schemas.feature_names import LABEL_VOCABULARY
from ulmfit_tfx.schemas.section import Direction
from ulmfit_tfx.trainer_modules.data.task_batches import TaskBatches, task_batches
from ulmfit_tfx.trainer_modules.data.task_rows import TaskRows
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.optimization.distribution import strategy_for
from ulmfit_tfx.trainer_modules.optimization.epochs import usual_epochs
from ulmfit_tfx.trainer_modules.optimization.layer_groups import layer_groups, rate_factor, rate_factors
from ulmfit_tfx.trainer_modules.optimization.mixed_precision import mixed_precision
from ulmfit_tfx.trainer_modules.optimization.optimizers import optimizer_for
from ulmfit_tfx.trainer_modules.optimization.progress import Progress, announce
from ulmfit_tfx.trainer_modules.optimization.resumable import CheckpointFolder, TrainingState, fit_resumably
from ulmfit_tfx.trainer_modules.optimization.run_identity import (
    CORPUS_STATISTICS,
    checkpoint_folder,
    matching_files,
    training_code,
)
from ulmfit_tfx.trainer_modules.optimization.tensorboard import TrainingLog
from ulmfit_tfx.trainer_modules.transfer.base_model import BaseModel
from ulmfit_tfx.trainer_modules.transfer.piece_vectors import begin_at_vectors
from ulmfit_tfx.transforms.statistics.layout import CorpusStatistics
from ulmfit_tfx.transforms.tokenization import Tokenizer
from ulmfit_tfx.transforms.tokenizer_files import read_tokenizer

log = logging.getLogger(__name__)

HISTORY = "history.json"
"""File in the model run folder: metrics of each epoch, of each direction where there are two, and of their average."""


class HasModel(Protocol):
    """What `trained` trains: whatever holds a model."""

    @property
    def model(self) -> keras.Model:
        """The model."""

    @property
    def encoders(self) -> Mapping[Direction, keras.Model]:
        """The encoders in it, which start with the base model's weights, if there is one."""


Built = TypeVar("Built", bound=HasModel)


@dataclasses.dataclass(frozen=True)
class TaskInputs:
    """What a task is trained on, and how.

    Attributes:
        encoder: Sizes and dropouts; of a base model's encoder only the dropouts count.
        head: Of the task model.
        training: How to train.
        directions: In which texts are read: as by the base model, or as configured.
        seed: Of weights, dropouts and shuffling.
        base: The model that the encoders come from, or None.
        tokenizer: Of the texts.
        train_files: Transformed examples of the train split.
        eval_files: Of the eval split.
        export: Shapes and sizes of what is served.
        transform_graph: Folder of the transform graph.
        run_folder: Where `history.json` and TensorBoard's files go.
        serving_folder: Where the SavedModel goes.
        statistics: Folder of the corpus' statistics, or None.
        checkpoints: Folder that a rerun of the same training finds again, local or remote.
        code: Digests of the training's code by module, which checkpoints know.
        console: Where to show progress.
    """

    encoder: EncoderConfig
    head: HeadConfig
    training: TrainingConfig
    directions: tuple[Direction, ...]
    seed: int
    base: BaseModel | None
    tokenizer: Tokenizer
    train_files: list[str]
    eval_files: list[str]
    export: ExportConfig
    transform_graph: str
    run_folder: str
    serving_folder: str
    statistics: str | None
    checkpoints: str
    code: Mapping[str, str]
    console: Console

    @property
    def read_pieces(self) -> int:
        """Pieces of a text that a model of whole texts reads when it is asked."""
        return max(self.head.read_pieces, self.training.max_seq_len)

    def labels(self) -> list[str]:
        """The label vocabulary, the most frequent one first."""
        vocabulary = tft.TFTransformOutput(self.transform_graph).vocabulary_by_name(LABEL_VOCABULARY)
        return [label.decode() for label in vocabulary]

    def batches(
        self, rows: Callable[[Sequence[str]], TaskRows], eval_rows: Callable[[Sequence[str]], TaskRows] | None = None
    ) -> tuple[TaskBatches, TaskBatches]:
        """Batches of the train and of the eval split.

        Args:
            rows: From files to their rows.
            eval_rows: The same of the eval split. None: `rows`.

        Raises:
            DataError: A split has no rows.
        """
        training, pad = self.training, self.tokenizer.special_ids.pad
        train, evaluation = (
            task_batches(read(files), training.batch_size, pad, training.max_seq_len)
            for read, files in ((rows, self.train_files), (eval_rows or rows, self.eval_files))
        )
        return train, evaluation


def read_inputs(fn_args: Any, run_fn: str) -> TaskInputs:
    """Reads TFX's `FnArgs`.

    Args:
        fn_args: Its `custom_config` holds the configuration's sections `encoder`, `head`, `training` and `export`,
            `seed`, and `checkpoints`, the folder below which a killed run finds its checkpoints; `directions` where
            without a base model texts are to be read in others than the encoder's; perhaps `corpus_statistics`, the
            folder of those.
        run_fn: Name of the module that trains: its `__name__`.

    Raises:
        DataError: See `BaseModel.read`.
    """
    custom = fn_args.custom_config
    tokenizer = read_tokenizer(fn_args.transform_graph_path)
    base = BaseModel.read(fn_args.base_model, tokenizer) if fn_args.base_model else None
    encoder = EncoderConfig.model_validate(custom["encoder"])
    configured = tuple(custom.get("directions") or [encoder.direction])
    return TaskInputs(
        encoder=encoder,
        head=HeadConfig.model_validate(custom["head"]),
        training=TrainingConfig.model_validate(custom["training"]),
        directions=base.directions if base else configured,
        seed=custom["seed"],
        base=base,
        tokenizer=tokenizer,
        train_files=matching_files(fn_args.train_files),
        eval_files=matching_files(fn_args.eval_files),
        export=ExportConfig.model_validate(custom["export"]),
        transform_graph=fn_args.transform_graph_path,
        run_folder=fn_args.model_run_dir,
        serving_folder=fn_args.serving_model_dir,
        statistics=custom.get(CORPUS_STATISTICS),
        checkpoints=checkpoint_folder(fn_args),
        code=training_code(run_fn),
        console=Console(soft_wrap=True, highlight=False),
    )


def build_task_encoder(
    inputs: TaskInputs, direction: Direction, name: str = "encoder"
) -> tuple[keras.Model, EncoderConfig]:
    """The encoder of a direction, of the base model's sizes if there is one, with fresh weights, and its configuration.

    Raises:
        DataError: See `BaseModel.encoder_config`.
    """
    tokenizer = inputs.tokenizer
    if inputs.base is not None:
        config = inputs.base.encoder_config(inputs.encoder, direction)
    else:
        config = inputs.encoder.model_copy(update={"direction": direction})
    return build_encoder(config, tokenizer.vocab_size, tokenizer.special_ids.pad, inputs.seed, name), config


@dataclasses.dataclass(frozen=True)
class Training(Generic[Built]):
    """A training to be run.

    Attributes:
        build: Makes a fresh model, which depends on nothing that was built or trained before it.
        compile: Gives it loss and metrics, and an optimizer where there is one.
        train: Batches to train on.
        evaluation: Batches of the eval split.
        metric: Name of the metric that is shown beside the loss.
        epochs_of_thousand: Epochs where there are a thousand train rows and the configuration does not say, see
            `usual_epochs`.
        vectors: What embeddings begin at where there is neither a base model nor statistics of a corpus, float32
            [vocab, size]. None: at random numbers.
        below: Folder below those of checkpoints and logs; "" for themselves.
    """

    build: Callable[[], Built]
    compile: Callable[[Built, keras.optimizers.Optimizer | None], None]
    train: TaskBatches
    evaluation: TaskBatches
    metric: str
    epochs_of_thousand: int
    vectors: Callable[[], np.ndarray] | None = None
    below: str = ""

    def epochs(self, configured: int | None) -> int:
        """Epochs of the whole training."""
        return configured or usual_epochs(self.train.count, self.epochs_of_thousand)


def trained(training: Training[Built], inputs: TaskInputs) -> tuple[Built, TrainingState]:
    """Trains a model, from wherever an earlier call was cut off.

    Returns:
        The model with its best weights, which computes in float32 on one device, whatever it was trained with, and the
        state of the training.

    Raises:
        UserError: See `fit_resumably`.
        DataError: See `BaseModel.give_weights`.
    """
    config, epochs = inputs.training, training.epochs(inputs.training.epochs)
    with mixed_precision(config.mixed_precision), strategy_for(config.batch_size).scope():
        fitted = _fresh(training, inputs)
        if inputs.base is not None:
            for direction, encoder in fitted.encoders.items():
                inputs.base.give_weights(encoder, direction)
        elif (vectors := _vectors(training, inputs)) is not None:
            for encoder in fitted.encoders.values():
                begin_at_vectors(encoder, vectors)
        groups = layer_groups(fitted.model)
        factors = rate_factors(groups, rate_factor(config, inputs.base is not None))
        training.compile(fitted, optimizer_for(config, training.train.steps * epochs, factors))
        fitted.model.optimizer.build(fitted.model.trainable_variables)  # here, in the strategy's scope
    log.info("%s: %d parameters, %d batches an epoch", *_sizes(fitted.model, training))
    announce(inputs.console, fitted.model, training.train.tokens, training.train.steps, epochs)
    with Progress(epochs, training.train.steps, training.train.tokens, training.metric, inputs.console) as shown:
        state = fit_resumably(
            fitted.model,
            folder=CheckpointFolder(f"{inputs.checkpoints}/{training.below}", inputs.code),
            train_epoch=lambda epoch, done: training.train.epoch(epoch, inputs.seed, config.shuffle_buffer, skip=done),
            eval_batches=training.evaluation.in_order(),
            steps=training.train.steps,
            epochs=epochs,
            patience=config.early_stopping_patience,
            checkpoint_seconds=config.checkpoint_seconds,
            progress=shown,
            best_by=config.best_by,
            unfreeze=groups if config.gradual_unfreezing else (),
            training_log=TrainingLog(f"{inputs.run_folder}/{training.below}"),
        )
    exported = _fresh(training, inputs)
    for exported_weight, weight in zip(exported.model.weights, fitted.model.weights, strict=True):
        exported_weight.assign(weight)
    return exported, state


def _vectors(training: Training[Any], inputs: TaskInputs) -> np.ndarray | None:
    if inputs.statistics is not None:
        return CorpusStatistics.read(inputs.statistics).vectors
    return training.vectors() if training.vectors else None


def _fresh(training: Training[Built], inputs: TaskInputs) -> Built:
    keras.utils.set_random_seed(inputs.seed)
    return training.build()


def _sizes(model: keras.Model, training: Training[Any]) -> tuple[str, int, int]:
    return model.name, model.count_params(), training.train.steps


def history_of(state: TrainingState) -> dict[str, Any]:
    """What `history.json` says of one training."""
    return {"best_epoch": state.best_epoch + 1, "epochs": state.history}


def write_history(inputs: TaskInputs, history: Mapping[str, Any]) -> None:
    """Writes `history.json`."""
    tf.io.gfile.makedirs(inputs.run_folder)
    with tf.io.gfile.GFile(f"{inputs.run_folder}/{HISTORY}", "w") as file:
        file.write(json.dumps(history, indent=2))


def outputs_of(model: keras.Model, batches: TaskBatches) -> list[tuple[np.ndarray, np.ndarray]]:
    """What a model says of each batch of a split, and the batch's targets, in file order by length."""
    return [(model.predict_on_batch(row[0]), row[1].numpy()) for row in batches.in_order()]
