"""This package's language models for `lm_training.py`, in a process of their own, whose memory can be measured.

Answers the jobs of `fastai_language_model.py`, with `peak_gib`, the highest resident memory so far, in each answer, and
two more kinds of `"work"`:

- `"records"`: writes `pieces` ids, in documents of `document_length`, into the TFRecord file `records`.
- `"index"`: writes the corpus folder `corpus` from that file.

A job may name such a folder as `corpus` instead of `ids`: it is trained on, and not evaluated.
"""

import contextlib
import importlib.metadata
import json
import math
import os
import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from ulmfit_tfx.schemas.config.encoder import EncoderConfig, EncoderDropoutConfig
from ulmfit_tfx.schemas.config.language_model import LanguageModelConfig
from ulmfit_tfx.schemas.feature_names import TOKEN_IDS
from ulmfit_tfx.trainer_modules.data.bptt_stream import BpttStream
from ulmfit_tfx.trainer_modules.data.token_corpus import TokenCorpus, documents_of, write_corpus
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.models.language_model import build_language_model
from ulmfit_tfx.trainer_modules.optimization.language_model_training import LanguageModelSteps, fit_language_model
from ulmfit_tfx.trainer_modules.optimization.optimizers import optimizer_for
from ulmfit_tfx.trainer_modules.optimization.progress import Progress
from ulmfit_tfx.trainer_modules.optimization.resumable import CheckpointFolder
from ulmfit_tfx.trainer_modules.optimization.tensorboard import TrainingLog

PAD = 1
NEVER = 1e9


class EnoughError(Exception):
    """No more steps are asked for."""


def answer(**fields: Any) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps(fields | {"peak_gib": peak}), flush=True)


class Clock(Progress):
    """Answers a line after each epoch instead of showing it; the time is that of the steps of training."""

    def __init__(self, steps: int):
        super().__init__(1, steps, 1, "perplexity")
        self.seconds = 0.0
        self.epoch_started = time.perf_counter()

    def batch_done(self, epoch: int, batch: int, metrics: Mapping[str, float]) -> None:
        """Stops the clock after the last step of an epoch."""
        if batch == self.steps:
            self.epoch_seconds = time.perf_counter() - self.epoch_started
            self.seconds += self.epoch_seconds
            self.epoch = epoch + 1

    def epoch_done(self, metrics: Mapping[str, float]) -> None:
        """Answers and starts the clock."""
        answer(epoch=self.epoch, loss=metrics["eval_loss"], seconds=self.epoch_seconds)
        self.epoch_started = time.perf_counter()


class PacedSteps(Progress):
    """Takes as many steps as it is asked for, and then waits."""

    def __init__(self, steps: int, pieces_a_step: int):
        super().__init__(1, steps, 1, "perplexity")
        self.pieces_a_step = pieces_a_step
        answer(ready=True)
        self._wait()

    def batch_done(self, epoch: int, batch: int, metrics: Mapping[str, float]) -> None:
        """Answers when all steps are taken."""
        self.left -= 1
        if not self.left:
            answer(seconds=time.perf_counter() - self.asked, pieces=self.asked_for * self.pieces_a_step)
            self._wait()

    def _wait(self) -> None:
        self.asked_for = self.left = json.loads(sys.stdin.readline() or '{"steps": 0}')["steps"]
        if not self.left:
            raise EnoughError
        self.asked = time.perf_counter()


def encoder_config(job: dict[str, Any]) -> EncoderConfig:
    rates = EncoderDropoutConfig().model_dump()
    return EncoderConfig(
        architecture=job["architecture"],
        embedding_size=job["embedding_size"],
        hidden_sizes=(*[job["hidden_size"]] * (job["layers"] - 1), job["embedding_size"]),
        dropout=EncoderDropoutConfig(**{name: rate * job["drop_mult"] for name, rate in rates.items()}),
    )


def language_model_config(job: dict[str, Any]) -> LanguageModelConfig:
    own = {name: value for name, value in job.items() if name in LanguageModelConfig.model_fields}
    # Over all pieces, as fastai's.
    return LanguageModelConfig(**own, softmax="full", mixed_precision="off", checkpoint_seconds=NEVER)


def corpora(job: dict[str, Any], folder: Path) -> tuple[TokenCorpus, TokenCorpus]:
    """What is trained and what is evaluated on."""
    if "corpus" in job:
        corpus = TokenCorpus.open(Path(job["corpus"]))
        return corpus, corpus
    ids = np.load(job["ids"])
    train, valid = (
        write_corpus(
            np.split(ids[part], np.cumsum(ids[f"{part}_lengths"])[:-1]), folder / part, vocab_size=job["vocab_size"]
        )
        for part in ("train", "valid")
    )
    return train, valid


def fit(job: dict[str, Any]) -> None:
    keras.utils.set_random_seed(job["seed"])
    config = language_model_config(job)
    encoder = build_encoder(encoder_config(job), job["vocab_size"], PAD, job["seed"])
    model = build_language_model(encoder)
    with tempfile.TemporaryDirectory() as folder:
        train, valid = (BpttStream(corpus, config.batch_size, config.bptt) for corpus in corpora(job, Path(folder)))
        steps = train.steps(0, job["seed"])
        model.compile(optimizer=optimizer_for(config, steps * config.epochs))
        is_paced = job["work"] == "steps"
        progress = PacedSteps(steps, config.batch_size * config.bptt) if is_paced else Clock(steps)
        started = time.perf_counter()
        state = fit_language_model(
            LanguageModelSteps(encoder, model, config, PAD, tf.distribute.get_strategy()),
            train=train,
            evaluation=valid,
            seed=job["seed"],
            frozen=(),
            folder=CheckpointFolder(Path(folder) / "checkpoints"),
            progress=progress,
            log=TrainingLog(None),
        )
    loss = state.history[-1]["eval_loss"]
    answer(
        loss=loss,
        perplexity=math.exp(loss),
        pieces=config.epochs * steps * config.batch_size * config.bptt,
        batch_seconds=progress.seconds,
        seconds=time.perf_counter() - started,
    )


def write_records(job: dict[str, Any]) -> None:
    random = np.random.default_rng(job["seed"])
    length = job["document_length"]
    with tf.io.TFRecordWriter(job["records"], tf.io.TFRecordOptions("GZIP", compression_level=1)) as writer:
        for _ in range(job["pieces"] // length):
            ids = random.integers(4, job["vocab_size"], length)
            feature = tf.train.Feature(int64_list=tf.train.Int64List(value=ids))
            writer.write(tf.train.Example(features=tf.train.Features(feature={TOKEN_IDS: feature})).SerializeToString())


def run(job: dict[str, Any]) -> None:
    if job["work"] == "records":
        write_records(job)
    elif job["work"] == "index":
        write_corpus(documents_of([job["records"]]), Path(job["corpus"]), job["vocab_size"])
    elif job["work"] == "train":
        fit(job)
        return
    else:
        with contextlib.suppress(EnoughError):
            fit(job)
    answer(done=True)


def main():
    own = importlib.metadata.version("ulmfit-tfx")
    answer(version=f"ulmfit-tfx {own}, TensorFlow {tf.__version__}, Keras {keras.__version__}")
    for line in iter(sys.stdin.readline, ""):
        run(json.loads(line))


if __name__ == "__main__":
    main()
