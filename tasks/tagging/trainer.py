"""TFX Trainer's `run_fn` for sequence tagging.

TFX reloads this module, so it defines no Keras layers and registers nothing.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.section import Direction
from ulmfit_tfx.tasks.tagging.model import Tagger, build_tagger
from ulmfit_tfx.tasks.tagging.model_info import TaggingDetails
from ulmfit_tfx.tasks.tagging.rows import tagged_rows
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.tasks.tagging.signatures import tagger_signatures
from ulmfit_tfx.trainer_modules.data.task_batches import TaskBatches
from ulmfit_tfx.trainer_modules.data.token_corpus import documents_of
from ulmfit_tfx.trainer_modules.objectives.calibration import (
    fitted_temperature,
    sigmoid_temperature,
    softmax_temperature,
)
from ulmfit_tfx.trainer_modules.objectives.sequence_losses import (
    CrfLoss,
    MicroF1,
    TokenAccuracy,
    TokenBinaryCrossEntropy,
    TokenCrossEntropy,
)
from ulmfit_tfx.trainer_modules.optimization.epochs import OF_THOUSAND_SENTENCES as _EPOCHS_OF_THOUSAND
from ulmfit_tfx.trainer_modules.optimization.resumable import CheckpointFolder
from ulmfit_tfx.trainer_modules.optimization.task_training import (
    TaskInputs,
    Training,
    build_task_encoder,
    history_of,
    outputs_of,
    read_inputs,
    trained,
    write_history,
)
from ulmfit_tfx.trainer_modules.serving.model_info import ModelDescription
from ulmfit_tfx.trainer_modules.serving.saved_model import BACKWARD, save
from ulmfit_tfx.trainer_modules.serving.signatures import encoder_signatures
from ulmfit_tfx.trainer_modules.transfer.piece_vectors import vectors_of
from ulmfit_tfx.transforms.piece_windows import NO_TAG
from ulmfit_tfx.transforms.tag_schemes import inside_tag

_HEAD = "head/"
"""What the names of the head's weights begin with in an exported model."""


@dataclasses.dataclass(frozen=True)
class _TaggingModel:
    """A tagger, its encoders, and the configuration of the first one."""

    tagger: Tagger
    encoders: Mapping[Direction, keras.Model]
    encoder_config: EncoderConfig

    @property
    def model(self) -> keras.Model:
        return self.tagger.model


def run_fn(fn_args: Any) -> None:
    """Trains a tagger from transformed examples and exports it.

    Where the base model has a forward and a backward encoder, the tagger has both.

    Args:
        fn_args: TFX's `FnArgs`. `custom_config` is as `read_inputs` says, and holds the section `tagging`.

    Raises:
        UserError: See `fit_resumably`.
        DataError: See `read_inputs` and `trained`.
    """
    inputs = read_inputs(fn_args, __name__)
    config = TaggingConfig.model_validate(fn_args.custom_config["tagging"])
    tags, inside = _with_inside_tags(inputs.labels(), config)
    train, evaluation = inputs.batches(
        functools.partial(
            tagged_rows,
            tokenizer=inputs.tokenizer,
            tags=len(tags),
            inside=inside,
            tagging=config,
            size=inputs.training.max_seq_len,
        )
    )
    training = Training(
        build=lambda: _built(inputs, config, len(tags)),
        compile=lambda built, optimizer: _compile(built.tagger, config, _first_piece(inputs), optimizer),
        train=train,
        evaluation=evaluation,
        metric="accuracy" if config.tag_separator is None else "micro_f1",
        epochs_of_thousand=_EPOCHS_OF_THOUSAND,
        vectors=lambda: _vectors(inputs),
    )
    built, state = trained(training, inputs)
    write_history(inputs, history_of(state))
    temperature = _temperature(built.tagger, config, inputs, evaluation) if inputs.training.calibrate else 1.0
    _export(inputs, built, config, tags, temperature)


def _with_inside_tags(vocabulary: Sequence[str], config: TaggingConfig) -> tuple[list[str], list[int]]:
    """Tags to learn, and by tag the one that the later pieces of its word have.

    Where these have a tag of their own, it is learned even if no word has it.
    """
    if config.alignment == "all_pieces" or config.scheme == "plain":
        return list(vocabulary), list(range(len(vocabulary)))
    inside = [inside_tag(tag, config.scheme) for tag in vocabulary]
    tags = list(dict.fromkeys([*vocabulary, *inside]))
    inside += tags[len(inside) :]  # an inside tag stays itself
    return tags, [tags.index(tag) for tag in inside]


def _vectors(inputs: TaskInputs) -> np.ndarray:
    """Of the pieces of the training's sentences."""
    return vectors_of(
        documents_of(inputs.train_files), inputs.tokenizer.vocab_size, inputs.encoder.embedding_size, inputs.seed
    )


def _first_piece(inputs: TaskInputs) -> int:
    """Position of a window's first piece."""
    return int(inputs.tokenizer.config.add_bos)


def _built(inputs: TaskInputs, config: TaggingConfig, tags: int) -> _TaggingModel:
    encoders, configs = zip(
        *(build_task_encoder(inputs, direction, name=f"{direction}_encoder") for direction in inputs.directions),
        strict=True,
    )
    tagger = build_tagger(encoders, configs[0], inputs.head, config, tags, inputs.seed)
    return _TaggingModel(tagger, dict(zip(inputs.directions, encoders, strict=True)), configs[0])


def _compile(
    tagger: Tagger, config: TaggingConfig, first_piece: int, optimizer: keras.optimizers.Optimizer | None
) -> None:
    loss: keras.losses.Loss
    metric: keras.metrics.Metric = TokenAccuracy(name="accuracy", crf=tagger.crf, first=first_piece)
    if config.tag_separator is not None:
        loss, metric = TokenBinaryCrossEntropy(), MicroF1(config.given_from, name="micro_f1")
    elif tagger.crf is not None:
        loss = CrfLoss(tagger.crf, first_piece)
    else:
        loss = TokenCrossEntropy()
    tagger.model.compile(
        optimizer=optimizer,
        loss=loss,
        metrics=[metric],
        jit_compile=False,  # XLA would compile anew for every length of a batch
    )


def _temperature(tagger: Tagger, config: TaggingConfig, inputs: TaskInputs, evaluation: TaskBatches) -> float:
    outputs = outputs_of(tagger.model, evaluation)
    if tagger.crf is not None:
        return fitted_temperature(_crf_likelihood(tagger.crf, outputs, _first_piece(inputs)))
    several = config.tag_separator is not None
    tagged = [(targets[..., 0] if several else targets) != NO_TAG for _, targets in outputs]
    logits, targets = (
        np.concatenate([arrays[index][is_tagged] for arrays, is_tagged in zip(outputs, tagged, strict=True)])
        for index in (0, 1)
    )
    return (sigmoid_temperature if several else softmax_temperature)(logits, targets)


def _crf_likelihood(crf: Any, outputs: Sequence[tuple[np.ndarray, np.ndarray]], first: int) -> Callable[[float], float]:
    """Mean negative log likelihood of the batches' tags by temperature."""
    rows = sum(len(targets) for _, targets in outputs)

    def likelihood(temperature: float) -> float:
        total = 0.0
        for emissions, targets in outputs:
            tags = targets[:, first:]
            losses = crf.negative_log_likelihood(
                emissions[:, first:], np.maximum(tags, 0), tags != NO_TAG, temperature=temperature
            )
            total += float(tf.reduce_sum(losses))
        return total / rows

    return likelihood


def _decoder(tagger: Tagger, config: TaggingConfig, temperature: float) -> Callable[..., tuple[Any, tf.Tensor]]:
    """From emissions, float32 [batch, time, tags], and mask to Viterbi tags, if any, and probabilities."""

    def decode(emissions, mask):
        if tagger.crf is not None:
            return tagger.crf.decode(emissions, mask), tagger.crf.marginals(emissions, mask, temperature)
        if config.tag_separator is not None:
            return None, tf.nn.sigmoid(emissions / temperature)
        return None, tf.nn.softmax(emissions / temperature)

    return decode


def _export(
    inputs: TaskInputs, built: _TaggingModel, config: TaggingConfig, tags: list[str], temperature: float
) -> None:
    """Writes the SavedModel. The encoder signatures are of the first direction."""
    tokenizer, max_seq_len = inputs.tokenizer, inputs.training.max_seq_len
    signatures = encoder_signatures(
        built.encoders[inputs.directions[0]], tokenizer, inputs.export.fixed_seq_len, max_seq_len
    )
    signatures |= tagger_signatures(
        built.tagger.emissions,
        _decoder(built.tagger, config, temperature),
        tokenizer,
        tags,
        config,
        max_seq_len,
    )
    description = ModelDescription(
        task="tagging",
        labels=tuple(tags),
        encoder=built.encoder_config,
        max_seq_len=max_seq_len,
        fixed_seq_len=inputs.export.fixed_seq_len,
        directions=inputs.directions,
        details=TaggingDetails.of(config, temperature),
    )
    parts = {"" if direction == inputs.directions[0] else BACKWARD: part for direction, part in built.encoders.items()}
    save(inputs.serving_folder, parts | {_HEAD: built.tagger.head}, tokenizer, signatures, description)
    CheckpointFolder(inputs.checkpoints).remove()
