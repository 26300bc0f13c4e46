"""Run as a process of its own: trains language models on one and on two logical CPUs and writes what came out.

    python replica_language_models.py OUTPUT

Logical devices can be configured only before TensorFlow has started.
"""

import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

import keras  # noqa: E402
from rich.console import Console  # noqa: E402

from ulmfit_tfx.schemas.config.encoder import EncoderConfig  # noqa: E402
from ulmfit_tfx.schemas.config.language_model import LanguageModelConfig  # noqa: E402
from ulmfit_tfx.trainer_modules.data.bptt_stream import BpttStream  # noqa: E402
from ulmfit_tfx.trainer_modules.data.sentence_batches import SentenceBatches  # noqa: E402
from ulmfit_tfx.trainer_modules.data.token_corpus import TokenCorpus, write_corpus  # noqa: E402
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder  # noqa: E402
from ulmfit_tfx.trainer_modules.models.language_model import build_language_model  # noqa: E402
from ulmfit_tfx.trainer_modules.objectives.candidate_sampling import CandidateSampler  # noqa: E402
from ulmfit_tfx.trainer_modules.optimization.distribution import gathered, shared_out  # noqa: E402
from ulmfit_tfx.trainer_modules.optimization.language_model_training import (  # noqa: E402
    LanguageModelSteps,
    fit_language_model,
)
from ulmfit_tfx.trainer_modules.optimization.optimizers import optimizer_for  # noqa: E402
from ulmfit_tfx.trainer_modules.optimization.progress import Progress  # noqa: E402
from ulmfit_tfx.trainer_modules.optimization.resumable import CheckpointFolder  # noqa: E402
from ulmfit_tfx.trainer_modules.optimization.tensorboard import TrainingLog  # noqa: E402

VOCAB, PAD, ROWS = 30, 1, 4


class KilledAfter(Progress):
    """Ends a training after some batches."""

    def __init__(self, batches: float):
        super().__init__(2, 6, 120, "perplexity", Console(file=io.StringIO()))
        self.batches = batches

    def batch_done(self, epoch, batch, metrics):
        """Counts."""
        super().batch_done(epoch, batch, metrics)
        if self.done >= self.batches:
            raise KeyboardInterrupt


def train(replicas: int, corpus: TokenCorpus, folder: Path, kill_after: float = float("inf"), **settings):
    """Trains two epochs; returns the weights and the losses, by name."""
    # Gradients are longer than the clip, and Adam's steps depend on their length where epsilon is large. TAR's mean is
    # one of pairs, which are not shared out as evenly as pieces.
    config = LanguageModelConfig(
        **{"epochs": 2, "batch_size": ROWS, "bptt": 5, "learning_rate": 0.5, "gradient_clip_norm": 0.05} | settings,
        epsilon=0.1,
        checkpoint_seconds=0,
        max_logits=100,
        min_seq_len=2,
        max_seq_len=20,
    )
    no_dropout = dict.fromkeys(("embedding", "input", "hidden", "output", "weight"), 0.0)
    strategy = tf.distribute.MirroredStrategy([f"CPU:{index}" for index in range(replicas)])
    with strategy.scope():
        keras.utils.set_random_seed(3)
        sizes = EncoderConfig(embedding_size=6, hidden_sizes=(8, 6), dropout=no_dropout)
        encoder = build_encoder(sizes, VOCAB, PAD, seed=3)
        model = build_language_model(encoder)
        for weight in model.weights:  # so that states matter
            weight.assign(weight + keras.random.normal(weight.shape, 0, 0.7, seed=4))
        model.compile(optimizer=optimizer_for(config, 12))
    if config.mode == "stream":
        batches = BpttStream(corpus, ROWS, config.bptt)
    else:
        batches = SentenceBatches.of(corpus, ROWS, PAD, config.min_seq_len, config.max_seq_len, False)
    sampler = CandidateSampler(np.arange(VOCAB), config.negatives, 7) if config.softmax == "sampled" else None
    state = fit_language_model(
        LanguageModelSteps(encoder, model, config, PAD, strategy, sampler),
        train=batches,
        evaluation=batches,
        seed=7,
        frozen=[],
        folder=CheckpointFolder(folder),
        progress=KilledAfter(kill_after),
        log=TrainingLog(None),
    )
    losses = {f"{name}_{epoch}": value for epoch, record in enumerate(state.history) for name, value in record.items()}
    return losses | {weight.path.replace("/", "."): weight.numpy() for weight in model.weights}


def main(output: str) -> None:
    """Trains and writes."""
    rng = np.random.default_rng(0)
    documents = [rng.integers(2, VOCAB, length) for length in (9, 2, 14, 30, 3, 7, 21, 2, 16, 8, 4, 11, 6)]
    results = {}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        corpus = write_corpus(documents, folder / "corpus", VOCAB)
        modes = {
            "stream": {},
            "sentences": {"mode": "sentences", "tar_beta": 0},
            "sampled": {"softmax": "sampled", "negatives": 12},
        }
        for mode, settings in modes.items():
            for replicas in (1, 2):
                name = f"{mode}_{replicas}"
                values = train(replicas, corpus, folder / name, **settings)
                results |= {f"{name}_{key}": value for key, value in values.items()}
        try:
            train(2, corpus, folder / "resumed", kill_after=4)
        except KeyboardInterrupt:
            values = train(2, corpus, folder / "resumed")
            results |= {f"resumed_2_{key}": value for key, value in values.items()}
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    rows = shared_out(strategy, np.arange(12).reshape(6, 2))
    results |= {
        "gathered": gathered(strategy, [rows])[0],
        "of_second_replica": strategy.experimental_local_results(rows)[1].numpy(),
    }
    np.savez(output, **results)


if __name__ == "__main__":
    main(sys.argv[1])
