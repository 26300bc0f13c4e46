"""TFX Trainer's `run_fn` and Tuner's `tuner_fn` for language models.

TFX reloads this module, so it defines no Keras layers and registers nothing.
"""

import dataclasses
import functools
import itertools
import json
import logging
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from tfx.components.tuner.component import TunerFnResult

import ulmfit_tfx
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.export import ExportConfig
from ulmfit_tfx.schemas.config.language_model import LanguageModelConfig
from ulmfit_tfx.schemas.errors import ConfigError, DataError
from ulmfit_tfx.schemas.section import Direction
from ulmfit_tfx.trainer_modules.data.bptt_stream import BpttStream, rows_for_evaluation
from ulmfit_tfx.trainer_modules.data.sentence_batches import SentenceBatches
from ulmfit_tfx.trainer_modules.data.token_corpus import TokenCorpus, documents_of, write_corpus
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.models.language_model import begin_at_unigram, build_language_model, is_tied
from ulmfit_tfx.trainer_modules.models.stateful_encoder import recurrent_layers
from ulmfit_tfx.trainer_modules.objectives.candidate_sampling import CandidateSampler
from ulmfit_tfx.trainer_modules.optimization.distribution import strategy_for
from ulmfit_tfx.trainer_modules.optimization.language_model_training import (
    Batches,
    LanguageModelSteps,
    fit_language_model,
)
from ulmfit_tfx.trainer_modules.optimization.layer_groups import layer_groups, rate_factor, rate_factors
from ulmfit_tfx.trainer_modules.optimization.learning_rate_tuner import LearningRateTuner, suggested_learning_rate
from ulmfit_tfx.trainer_modules.optimization.mixed_precision import mixed_precision
from ulmfit_tfx.trainer_modules.optimization.optimizers import optimizer_for
from ulmfit_tfx.trainer_modules.optimization.progress import Progress, announce
from ulmfit_tfx.trainer_modules.optimization.resumable import CheckpointFolder, TrainingState
from ulmfit_tfx.trainer_modules.optimization.run_identity import (
    checkpoint_folder,
    corpora_folder,
    matching_files,
    training_code,
)
from ulmfit_tfx.trainer_modules.optimization.tensorboard import TrainingLog
from ulmfit_tfx.trainer_modules.serving.encoder_folder import (
    RECORD,
    EncoderRecord,
    PretrainedModel,
    save_pretrained,
    write_weights,
)
from ulmfit_tfx.trainer_modules.serving.folder_copy import copy_folder
from ulmfit_tfx.trainer_modules.serving.saved_model import BACKWARD
from ulmfit_tfx.trainer_modules.transfer.base_model import BaseModel
from ulmfit_tfx.trainer_modules.transfer.piece_vectors import begin_at_vectors, corpus_vectors
from ulmfit_tfx.transforms.tokenization import Tokenizer
from ulmfit_tfx.transforms.tokenizer_files import read_tokenizer

log = logging.getLogger(__name__)


def run_fn(fn_args: Any) -> None:
    """Trains a language model from transformed examples and exports it.

    It writes, as EncoderImporter does, beside `serving_model_dir`, which is `Format-Serving`:

        Format-Serving/     the SavedModel: the encoder's signatures and the language model's
        encoder.json        sizes, tokenizer and lineage
        keras_weights/
        backward/           encoder.json and keras_weights of a backward model beside a forward one

    Args:
        fn_args: TFX's `FnArgs`. `custom_config` holds the configuration's sections `encoder`, `language_model` and
            `export`, `seed` and `checkpoints`, the folder below which a killed run finds its checkpoints. With
            `base_model` that model is fine-tuned.

    Raises:
        UserError: The loss is not a number, the corpus is too small, or the base model does not fit.
    """
    task = _Task.of(fn_args)
    folder = checkpoint_folder(fn_args)
    console = Console(soft_wrap=True, highlight=False)
    trained = [_train(task, direction, folder, fn_args, console) for direction in task.config.directions]
    _export(fn_args.serving_model_dir, trained, task.tokenizer)
    CheckpointFolder(folder).remove()  # from here on TFX's cache holds the result
    shutil.rmtree(task.train.folder.parent, ignore_errors=True)


def tuner_fn(fn_args: Any) -> TunerFnResult:
    """Looks for a learning rate: what `run_fn` would train, at rates that rise from batch to batch.

    Args:
        fn_args: As for `run_fn`. Curve and chart go to `working_dir`.
    """
    task = _Task.of(fn_args)
    task = dataclasses.replace(task, config=task.config.model_copy(update={"schedule": "constant"}))
    with mixed_precision(task.config.mixed_precision):
        training = _Training.of(task, task.config.directions[0])
    batches = itertools.chain.from_iterable(training.train.epoch(epoch, task.seed) for epoch in itertools.count())
    step = training.steps.train_function(training.steps.model.trainable_variables)
    states = training.steps.first_states(task.config.batch_size)

    def train_at(rate: float) -> float:
        nonlocal states
        training.steps.model.optimizer.learning_rate = rate
        loss, count, after = step(*training.steps.shared_out(next(batches)), states)
        states = after if training.train.carries_state else states
        return float(loss) / float(count)

    return TunerFnResult(tuner=LearningRateTuner(train_at, fn_args.working_dir), fit_kwargs={})


@dataclasses.dataclass(frozen=True)
class _Task:
    """What is trained on what."""

    config: LanguageModelConfig
    encoder: EncoderConfig
    export: ExportConfig
    seed: int
    tokenizer: Tokenizer
    train: TokenCorpus
    evaluation: TokenCorpus
    base: BaseModel | None

    @classmethod
    def of(cls, fn_args: Any) -> "_Task":
        custom = fn_args.custom_config
        config = LanguageModelConfig.model_validate(custom["language_model"])
        if rate := suggested_learning_rate(getattr(fn_args, "hyperparameters", None)):
            log.info("The learning rate is the suggestion of the finder, %g", rate)
            config = config.model_copy(update={"learning_rate": rate})
        tokenizer = read_tokenizer(fn_args.transform_graph_path)
        corpora = corpora_folder(fn_args)
        train, evaluation = (
            TokenCorpus.open(corpora / name)
            or write_corpus(documents_of(matching_files(patterns)), corpora / name, tokenizer.vocab_size)
            for name, patterns in (("train", fn_args.train_files), ("eval", fn_args.eval_files))
        )
        base = BaseModel.read(fn_args.base_model, tokenizer) if fn_args.base_model else None
        encoder = EncoderConfig.model_validate(custom["encoder"])
        encoder = encoder.model_copy(update={"dropout": config.dropout or encoder.dropout})
        if base is not None:
            _check_directions(base, config)
            encoder = base.encoder_config(encoder, config.directions[0])
        return cls(
            config=config,
            encoder=encoder,
            export=ExportConfig.model_validate(custom["export"]),
            seed=custom["seed"],
            tokenizer=tokenizer,
            train=train,
            evaluation=evaluation,
            base=base,
        )

    def batches(self, corpus: TokenCorpus, batch_size: int, direction: Direction) -> Batches:
        """A corpus as batches of the configured mode."""
        config, is_backward = self.config, direction == "backward"
        if config.mode == "stream":
            return BpttStream(corpus, batch_size, config.bptt, config.bptt_jitter, is_backward)
        pad_id = self.tokenizer.special_ids.pad
        return SentenceBatches.of(corpus, batch_size, pad_id, config.min_seq_len, config.max_seq_len, is_backward)

    def sampler(self) -> CandidateSampler | None:
        """What draws the pieces of a sampled softmax, None where it is full."""
        vocab_size = self.tokenizer.vocab_size
        try:
            negatives = self.config.negatives_of(vocab_size)
        except ValueError as error:
            raise ConfigError(f"language_model.{error}. Lower it.") from None
        return CandidateSampler(self.train.counts(vocab_size), negatives, self.seed) if negatives else None

    @functools.cached_property
    def vectors(self) -> np.ndarray:
        """What the embeddings begin at, float32 [vocab, at most embedding size]."""
        return corpus_vectors(self.train, self.tokenizer.vocab_size, self.encoder.embedding_size, self.seed)

    def build(self, direction: Direction, seed: int | None) -> tuple[keras.Model, keras.Model]:
        """Encoder and language model, of the base model's sizes if there is one, with fresh weights."""
        config = self.encoder.model_copy(update={"direction": direction})
        encoder = build_encoder(config, self.tokenizer.vocab_size, self.tokenizer.special_ids.pad, seed)
        tied = self.config.tied
        if self.base is not None and "lm_head/bias" in self.base.exported.weights:
            tied = "lm_head/kernel" not in self.base.exported.weights
        return encoder, build_language_model(encoder, tied)


@dataclasses.dataclass(frozen=True)
class _Training:
    """One direction, ready to be trained."""

    encoder: keras.Model
    steps: LanguageModelSteps
    train: Batches
    evaluation: Batches

    @classmethod
    def of(cls, task: _Task, direction: Direction) -> "_Training":
        config = task.config
        train = task.batches(task.train, config.batch_size, direction)
        strategy = strategy_for(config.batch_size)
        rows = config.batch_size
        if config.mode == "stream":
            replicas = strategy.num_replicas_in_sync
            rows = rows_for_evaluation(task.evaluation, config.batch_size, config.bptt, replicas)
        evaluation = task.batches(task.evaluation, rows, direction)
        with strategy.scope():
            keras.utils.set_random_seed(task.seed)
            encoder, model = task.build(direction, task.seed)
            begin_at_unigram(model, task.train.counts(task.tokenizer.vocab_size))
            if task.base is not None:
                task.base.give_weights(model, direction, optional=("lm_head/",))
            elif config.embedding_start == "vectors":
                begin_at_vectors(encoder, task.vectors)
            model.compile(optimizer=optimizer_for(config, _total_steps(task, train), _rate_factors(task, model)))
            model.optimizer.build(model.trainable_variables)  # here, in the strategy's scope
        log.info("%d parameters, %d steps in the first epoch", model.count_params(), train.steps(0, task.seed))
        steps = LanguageModelSteps(encoder, model, config, task.tokenizer.special_ids.pad, strategy, task.sampler())
        return cls(encoder, steps, train, evaluation)


def _train(task: _Task, direction: Direction, folder: str, fn_args: Any, console: Console) -> PretrainedModel:
    config = task.config
    with mixed_precision(config.mixed_precision):
        training = _Training.of(task, direction)
    if len(config.directions) > 1:
        console.print(f"      language model that reads {direction}")
    steps_an_epoch = _total_steps(task, training.train) // config.epochs
    announce(console, training.steps.model, training.train.pieces, steps_an_epoch, config.epochs)
    with Progress(config.epochs, steps_an_epoch, training.train.pieces, "perplexity", console) as progress:
        state = fit_language_model(
            training.steps,
            train=training.train,
            evaluation=training.evaluation,
            seed=task.seed,
            frozen=_frozen(task, training.encoder),
            folder=CheckpointFolder(f"{folder}/{direction}", training_code(__name__)),
            progress=progress,
            log=TrainingLog(f"{fn_args.model_run_dir}/{direction}"),
        )
    # What is exported computes in float32, on one device, whatever it was trained with.
    encoder, model = task.build(direction, None)
    for exported, weight in zip(model.weights, training.steps.model.weights, strict=True):
        exported.assign(weight)
    return PretrainedModel(encoder, model, _record(task, direction, model, training.train, state))


def _total_steps(task: _Task, train: Batches) -> int:
    return sum(train.steps(epoch, task.seed) for epoch in range(task.config.epochs))


def _rate_factors(task: _Task, model: keras.Model) -> dict[str, float]:
    return rate_factors(layer_groups(model), rate_factor(task.config, task.base is not None))


def _frozen(task: _Task, encoder: keras.Model) -> list[keras.Variable]:
    if task.base is None:
        return []
    return [variable for layer in recurrent_layers(encoder) for variable in layer.trainable_variables]


def _check_directions(base: BaseModel, config: LanguageModelConfig) -> None:
    direction = base.exported.encoder.direction
    if config.directions != (direction,):
        raise DataError(
            f"{base.folder}: reads {direction}, and language_model.direction is {config.direction}. Set it to "
            f"{direction}."
        )


def _record(
    task: _Task, direction: Direction, model: keras.Model, train: Batches, state: TrainingState
) -> EncoderRecord:
    lineage = {
        "format": "ulmfit-tfx",
        "base_model": _source_of(task.base),
        "corpus": {
            "fingerprint": task.train.fingerprint,
            "documents": task.train.documents,
            "pieces": task.train.pieces,
        },
        "pieces_seen": sum(train.predicted(epoch, task.seed) for epoch in range(state.best_epoch + 1)),
        "best_epoch": state.best_epoch + 1,
        "epochs": state.history,
        "seed": task.seed,
        "negatives": task.config.negatives_of(task.tokenizer.vocab_size),
        "training": task.config.model_dump(mode="json"),
        "versions": {
            "ulmfit-tfx": ulmfit_tfx.__version__,
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
        },
    }
    return EncoderRecord(
        encoder=task.encoder.model_copy(update={"direction": direction}),
        vocab_size=task.tokenizer.vocab_size,
        pad_id=task.tokenizer.special_ids.pad,
        head="tied" if is_tied(model) else "untied",
        fixed_seq_len=task.export.fixed_seq_len,
        max_seq_len=task.config.max_seq_len,
        source=lineage,
    )


def _source_of(base: BaseModel | None) -> Mapping[str, Any] | None:
    """Where a base model's weights come from: the `source` of its `encoder.json`."""
    if base is None:
        return None
    record = f"{base.folder.rstrip('/').rpartition('/')[0]}/{RECORD}"
    if not tf.io.gfile.exists(record):
        return {"saved_model": base.folder}
    with tf.io.gfile.GFile(record) as file:
        return json.loads(file.read())["source"]


def _export(serving_model_dir: str, trained: list[PretrainedModel], tokenizer: Tokenizer) -> None:
    save_pretrained(serving_model_dir, trained, tokenizer)
    with TemporaryDirectory() as temporary:
        for folder, pretrained in zip(("", BACKWARD), trained, strict=False):
            write_weights(Path(temporary) / folder, pretrained, tokenizer)
        copy_folder(Path(temporary), serving_model_dir.rstrip("/").rpartition("/")[0])
