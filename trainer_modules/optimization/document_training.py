"""Training of models of whole texts: one for each direction of reading, and the mean of their predictions."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.section import Direction
from ulmfit_tfx.trainer_modules.data.task_batches import TaskBatches
from ulmfit_tfx.trainer_modules.models.averaged_model import Combine, averaged_model
from ulmfit_tfx.trainer_modules.optimization.epochs import OF_THOUSAND_TEXTS as _EPOCHS_OF_THOUSAND
from ulmfit_tfx.trainer_modules.optimization.resumable import CheckpointFolder
from ulmfit_tfx.trainer_modules.optimization.task_training import (
    TaskInputs,
    Training,
    build_task_encoder,
    history_of,
    trained,
    write_history,
)
from ulmfit_tfx.trainer_modules.serving.model_info import BranchInfo, Details, ModelDescription
from ulmfit_tfx.trainer_modules.serving.saved_model import BACKWARD, save
from ulmfit_tfx.trainer_modules.serving.signatures import Signatures, encoder_signatures


@dataclasses.dataclass(frozen=True)
class DocumentObjective:
    """What sets one task apart from another.

    Attributes:
        noun: What its model is called.
        build: From an encoder, a name and how to read to the model.
        loss: Makes the loss.
        metric: Makes the metric that is shown beside the loss.
        metric_name: Its name.
        combine: Makes one output of those of the directions.
    """

    noun: str
    build: Callable[..., keras.Model]
    loss: Callable[[], keras.losses.Loss]
    metric: Callable[[], keras.metrics.Metric]
    metric_name: str
    combine: Combine


@dataclasses.dataclass(frozen=True)
class DocumentModel:
    """A model of one direction, and the encoder in it."""

    model: keras.Model
    encoder: keras.Model
    encoder_config: EncoderConfig

    @property
    def encoders(self) -> Mapping[Direction, keras.Model]:
        """The encoder, by its direction."""
        return {self.encoder_config.direction: self.encoder}


@dataclasses.dataclass(frozen=True)
class TrainedDocuments:
    """What `train_documents` makes.

    Attributes:
        model: Of all directions together.
        parts: Of each direction.
    """

    model: keras.Model
    parts: Mapping[Direction, DocumentModel]


def train_documents(
    inputs: TaskInputs, objective: DocumentObjective, train: TaskBatches, evaluation: TaskBatches
) -> TrainedDocuments:
    """Trains a model for each direction, one after the other, and writes the history.

    Raises:
        UserError: See `fit_resumably`.
        DataError: See `trained`.
    """
    directions = inputs.directions
    parts: dict[Direction, DocumentModel] = {}
    history: dict[str, Any] = {}
    for direction in directions:
        below = direction if len(directions) > 1 else ""
        if below:
            inputs.console.print(f"      {objective.noun} that reads {direction}")
        training = Training(
            build=functools.partial(_built, inputs, objective, direction),
            compile=lambda built, optimizer: _compile(built.model, objective, optimizer),
            train=train,
            evaluation=evaluation,
            metric=objective.metric_name,
            epochs_of_thousand=_EPOCHS_OF_THOUSAND,
            below=below,
        )
        parts[direction], state = trained(training, inputs)
        history[direction] = history_of(state)
    model = parts[directions[0]].model
    if len(directions) > 1:
        model = averaged_model([part.model for part in parts.values()], objective.combine)
        history["average"] = _evaluated(model, objective, evaluation, inputs)
    write_history(inputs, history if len(directions) > 1 else history[directions[0]])
    return TrainedDocuments(model, parts)


def _built(inputs: TaskInputs, objective: DocumentObjective, direction: Direction) -> DocumentModel:
    encoder, config = build_task_encoder(inputs, direction)
    model = objective.build(
        encoder,
        name=f"{direction}_{objective.noun}",
        bos_id=inputs.tokenizer.special_ids.bos,
        reads_backward=direction == "backward",
        chunk_pieces=inputs.training.chunk_pieces,
        gradient_pieces=inputs.training.gradient_pieces,
    )
    return DocumentModel(model, encoder, config)


def _compile(
    model: keras.Model, objective: DocumentObjective, optimizer: keras.optimizers.Optimizer | None = None
) -> None:
    model.compile(
        optimizer=optimizer,
        loss=objective.loss(),
        metrics=[objective.metric()],
        jit_compile=False,  # XLA would compile anew for every length of a batch
    )


def _evaluated(
    average: keras.Model, objective: DocumentObjective, evaluation: TaskBatches, inputs: TaskInputs
) -> dict[str, float]:
    """Metrics of the average on the eval split."""
    _compile(average, objective)
    evaluated = average.evaluate(evaluation.in_order(), verbose=0, return_dict=True)
    metrics = {f"eval_{name}": float(value) for name, value in evaluated.items()}
    shown = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
    inputs.console.print(f"      average of both: {shown}")
    return metrics


def export_documents(
    inputs: TaskInputs,
    documents: TrainedDocuments,
    task: str,
    task_signatures: Signatures,
    labels: Sequence[str],
    details: Details,
    tables: Mapping[str, tf.Variable] | None = None,
    branches: Sequence[BranchInfo] = (),
) -> None:
    """Writes the SavedModel, then removes the checkpoints: from here on TFX's cache holds the result.

    Args:
        inputs: Of the training.
        documents: What it made.
        task: Its name.
        task_signatures: Of the model; the encoder signatures are of the first direction.
        labels: Of the classes, or none.
        details: Of the task, see `ModelDescription`.
        tables: Variables of the signatures beside those of the models.
        branches: What is added up to an answer.
    """
    first = next(iter(documents.parts.values()))
    tokenizer, max_seq_len = inputs.tokenizer, inputs.read_pieces
    signatures = (
        encoder_signatures(first.encoder, tokenizer, inputs.export.fixed_seq_len, max_seq_len) | task_signatures
    )
    description = ModelDescription(
        task=task,
        labels=tuple(labels),
        encoder=first.encoder_config,
        max_seq_len=max_seq_len,
        fixed_seq_len=inputs.export.fixed_seq_len,
        directions=tuple(documents.parts),
        details=details,
        branches=tuple(branches),
    )
    parts = {"" if part is first else BACKWARD: part.model for part in documents.parts.values()}
    save(inputs.serving_folder, parts, tokenizer, signatures, description, tables)
    CheckpointFolder(inputs.checkpoints).remove()
